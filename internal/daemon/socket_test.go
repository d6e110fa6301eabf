package daemon

import (
	"os"
	"strings"
	"testing"

	"monitor_service/internal/control"
)

// TestAReloadOpensTheSocketThatCouldNotBeOpened mends the socket's directory
// under a running daemon, whose configuration stays as it is.
func TestAReloadOpensTheSocketThatCouldNotBeOpened(t *testing.T) {
	s := newSite(t)
	socket := s.path("run/c.sock")
	text := strings.Replace(s.read("config.ini"), "socket = none", "socket = "+socket, 1)
	if err := os.WriteFile(s.path("config.ini"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("run"), nil, 0o600); err != nil { // in the directory's place
		t.Fatal(err)
	}
	reload, _ := s.run()
	said := func(what string, times int) func() bool {
		return func() bool { return strings.Count(s.read("log"), what) == times }
	}
	s.await("it is said", said("No control socket", 1))
	reload <- struct{}{}
	s.await("a reload that does not help", said("Configuration reloaded", 1))
	s.await("which is said", said("Still no control socket", 1))

	if err := os.Remove(s.path("run")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.path("run"), 0o700); err != nil {
		t.Fatal(err)
	}
	client := control.NewClient(socket)
	defer client.Close()
	for n := 2; n <= 3; n++ { // and the next one leaves it open
		reload <- struct{}{}
		s.await("the reload", said("Configuration reloaded", n))
		if _, err := client.Status(t.Context(), ""); err != nil {
			t.Errorf("after reload %d: %v", n, err)
		}
	}
	s.await("it is open, once", said("Control socket is open", 1))
}

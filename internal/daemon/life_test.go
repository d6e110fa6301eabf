package daemon

import (
	"os"
	"strings"
	"testing"
)

// TestTheDaemonsOwnLifeIsToldAsEvents reads the words that an operator waits for.
func TestTheDaemonsOwnLifeIsToldAsEvents(t *testing.T) {
	s := newSite(t)
	taken := occupy(t, "127.0.0.1:0")
	t.Run("running", func(t *testing.T) {
		run := &site{t: t, dir: s.dir, db: s.db}
		run.listening(taken.Addr().String(), "")
		reload, _ := run.run()
		said := func(event string) {
			t.Helper()
			run.await(event, func() bool { return strings.Contains(run.read("log"), " event="+event) })
		}
		said("daemon_started")
		said("http_lost")
		_ = taken.Close()
		said("http_open")
		reload <- struct{}{}
		said("configuration_reloaded")
		if err := os.WriteFile(run.path("config.ini"), []byte("[nonsense]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		reload <- struct{}{}
		said("configuration_refused")
	})
	if !strings.Contains(s.read("log"), " event=daemon_stopping") {
		t.Error("its end is not told")
	}
}

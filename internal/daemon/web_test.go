package daemon

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/systemd"
	"monitor_service/internal/web"
)

// free is the address of a port that nobody listens to.
func free(t *testing.T) string {
	t.Helper()
	l := occupy(t, "127.0.0.1:0")
	defer l.Close()
	return l.Addr().String()
}

func occupy(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// ask returns what a path answers with, or the error.
func ask(address, path string) string {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	r, err := client.Get("http://" + address + path)
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return fmt.Sprintf("%d %s", r.StatusCode, body)
}

func isUp(address string) func() bool {
	return func() bool { return ask(address, "/healthz") == "200 ok\n" }
}

func isDown(address string) func() bool {
	return func() bool { return strings.Contains(ask(address, "/healthz"), "connection refused") }
}

func (s *site) listening(address, more string) {
	s.t.Helper()
	s.configure("", "[http]\nlisten = "+address+"\n"+more)
}

func TestThereIsNoListenerUnlessItIsAskedFor(t *testing.T) {
	s := newSite(t)
	k := s.desk()
	s.poll(k)
	status, err := k.Status(t.Context(), "")
	if err != nil || status.HTTP != nil || k.d.web.server != nil {
		t.Errorf("%+v, %v", status.HTTP, err)
	}
}

func TestThePageShowsTheDaemonAndGoesWithIt(t *testing.T) {
	address := free(t)
	t.Run("running", func(t *testing.T) {
		s := newSite(t)
		s.listening(address, "")
		s.raise(1, "p")
		k := s.desk()
		s.await("it listens", isUp(address))
		s.await("p is recovered", func() bool { return strings.Contains(ask(address, "/api/v1/history"), `"outcome":"succeeded"`) })
		if got := ask(address, "/api/v1/status"); !strings.Contains(got, `"process":"p"`) || !strings.Contains(got, `"http":{"listen":"`+address+`"`) {
			t.Error(got)
		}
		if got := ask(address, "/"); !strings.Contains(got, "<title>monitor_service</title>") {
			t.Error(got)
		}
		if got := ask(address, "/readyz"); got != "200 ok\n" && !strings.Contains(got, "systemd cannot be asked") {
			t.Error(got)
		}
		status, err := k.Status(t.Context(), "")
		if err != nil || status.HTTP == nil || status.HTTP.Listen != address || status.HTTP.Error != "" {
			t.Errorf("%+v, %v", status.HTTP, err)
		}
	})
	if !isDown(address)() {
		t.Error("somebody still listens though the daemon has ended")
	}
}

func TestATakenAddressStopsNoRecoveryAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := occupy(t, "127.0.0.1:0")
	address := other.Addr().String()
	s.listening(address, "")
	s.raise(1, "p")
	k := s.desk()
	s.await("p is recovered", func() bool { return !s.inAlarm(1) })
	status, err := k.Status(t.Context(), "")
	if err != nil || status.HTTP == nil || status.HTTP.Since.IsZero() || !strings.Contains(status.HTTP.Error, "address already in use: set [http] listen to another address") {
		t.Errorf("%+v, %v", status.HTTP, err)
	}
	_ = other.Close()
	s.await("it listens", isUp(address))
	s.await("the status says so", func() bool {
		status, err := k.Status(t.Context(), "")
		return err == nil && status.HTTP.Error == "" && status.HTTP.Since.IsZero()
	})
	if log := s.read("log"); strings.Count(log, "ERROR - No status page and no metrics, will retry") != 1 || strings.Count(log, "HTTP listener is open") != 1 {
		t.Errorf("not said once each:\n%s", log)
	}
}

func TestAListenerThatEndsByItselfIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	address := free(t)
	s.listening(address, "")
	k := s.desk()
	s.await("it listens", isUp(address))
	k.d.web.mu.Lock()
	server := k.d.web.server
	k.d.web.mu.Unlock()
	server.Release()
	s.await("its end is said", func() bool { return strings.Contains(s.read("log"), "has ended") })
	s.await("it listens again", isUp(address))
}

func TestAReloadMovesTheListener(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := free(t), free(t)
	_, port, _ := net.SplitHostPort(second)
	s.listening(first, "")
	reload, _ := s.run()
	s.await("it listens", isUp(first))
	for _, step := range []struct{ listen, up, down string }{
		{second, second, first},
		{":" + port, second, first}, // the same port, at all addresses
		{second, second, first},
		{"none", "", second},
		{first, first, second},
	} {
		s.listening(step.listen, "")
		before := strings.Count(s.read("log"), "Configuration reloaded")
		reload <- struct{}{}
		s.await("the reload to "+step.listen, func() bool { return strings.Count(s.read("log"), "Configuration reloaded") > before })
		if step.up != "" {
			s.await(step.listen+" is up", isUp(step.up))
		}
		s.await(step.down+" is down", isDown(step.down))
	}
	if log := s.read("log"); strings.Contains(log, "ERROR") {
		t.Error(log)
	}
}

func TestAReloadThatCannotListenKeepsTheOldListener(t *testing.T) {
	s := newSite(t)
	address, taken := free(t), occupy(t, "127.0.0.1:0").Addr().String()
	s.listening(address, "")
	reload, _ := s.run()
	s.await("it listens", isUp(address))
	broken := s.path("web.yml")
	if err := os.WriteFile(broken, []byte("basic_auth_users: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ listen, more, says string }{
		{taken, "", "address already in use"},
		{address, "web_config = " + broken + "\n", "cannot use the web_config"},
		{free(t), "web_config = " + s.path("nothing") + "\n", "no such file"},
	} {
		s.listening(c.listen, c.more)
		reload <- struct{}{}
		s.await("the reload is refused", func() bool {
			return strings.Count(s.read("log"), "Configuration not reloaded, the old one stays") == i+1
		})
		if log := s.read("log"); !strings.Contains(log, c.says) {
			t.Errorf("no %q in\n%s", c.says, log)
		}
		if !isUp(address)() {
			t.Errorf("the old listener is gone: %s", ask(address, "/healthz"))
		}
	}
}

func TestAReloadTakesUpUsersAtTheSameAddress(t *testing.T) {
	s := newSite(t)
	address, path := free(t), s.path("web.yml")
	s.listening(address, "")
	reload, _ := s.run()
	s.await("it listens", isUp(address))
	// The password is "open sesame".
	if err := os.WriteFile(path, []byte("basic_auth_users:\n  ops: $2a$04$lShR3EV8fiZADjohy6S.Ie1zdOTZL4FFN2FnJw7GepUrteKHx.Sz6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.listening(address, "web_config = "+path+"\n")
	reload <- struct{}{}
	s.await("users are asked for", func() bool { return strings.HasPrefix(ask(address, "/healthz"), "401") })
	if got := ask("ops:open%20sesame@"+address, "/healthz"); got != "200 ok\n" {
		t.Error(got)
	}
	s.listening(address, "")
	reload <- struct{}{}
	s.await("nobody is asked for", isUp(address))
}

// TestAReloadIsNotHeldUpByAnAddressThatIsStillTaken mends something else while
// the listener waits for its address.
func TestAReloadIsNotHeldUpByAnAddressThatIsStillTaken(t *testing.T) {
	s := newSite(t)
	taken := occupy(t, "127.0.0.1:0").Addr().String()
	if err := os.WriteFile(s.path("web.yml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.listening(taken, "")
	reload, _ := s.run()
	s.await("it is said", func() bool { return strings.Contains(s.read("log"), "No status page and no metrics") })
	for i, more := range []string{"[process.new]\n", "web_config = " + s.path("web.yml") + "\n"} {
		s.listening(taken, more)
		reload <- struct{}{}
		s.await("the reload", func() bool { return strings.Count(s.read("log"), "Configuration reloaded") == i+1 })
	}
}

func TestAnAddressThatStaysTakenIsSaidOnce(t *testing.T) {
	s := newSite(t)
	d := s.daemon()
	d.web.take(&config.Config{}, nil)
	d.web.cfg.HTTP.Listen = ":9187"
	for range 3 {
		d.web.note(nil, errors.New("taken by the first"))
	}
	since := d.web.status().Since
	d.web.note(nil, errors.New("taken by the second"))
	if got := d.web.status(); got.Error != "taken by the second" || got.Since != since || since.IsZero() {
		t.Errorf("%+v, at first since %s", got, since)
	}
	if err := d.undo.unwind(); err != nil { // which writes the log to its end
		t.Fatal(err)
	}
	if n := strings.Count(s.read("log"), "ERROR - No status page and no metrics, will retry"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

func TestAWrongWebConfigurationIsAWrongConfiguration(t *testing.T) {
	s := newSite(t)
	s.listening("127.0.0.1:9187", "web_config = "+s.path("nothing")+"\n")
	_, err := New(Options{ConfigPath: s.path("config.ini"), Environ: s.environ()})
	if !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), s.path("nothing")) {
		t.Error(err)
	}
}

func TestTheHealthIsThatOfTheLoop(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.configure("stable_time = 0", "")
	text := strings.Replace(s.read("config.ini"), "check_interval = 100ms", "check_interval = 24h", 1)
	if err := os.WriteFile(s.path("config.ini"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := s.daemon()
	k := &desk{d: d}
	if err := k.Alive(); err == nil {
		t.Error("alive before it has begun")
	}
	t.Run("running", func(t *testing.T) {
		run := &site{t: t, dir: s.dir, db: s.db}
		run.start(d)
		run.await("it is alive", func() bool { return k.Alive() == nil })
		run.poll(k)
		// Nothing happens from here on.
		first := *d.pulse.last.Load()
		run.await("the loop turns all the same", func() bool { return d.pulse.last.Load().After(first) })

		// A result that nobody takes is a defect that the loop hangs on.
		stuck := make(chan polled)
		d.polls <- stuck
		run.await("it hangs", func() bool { return time.Since(*d.pulse.last.Load()) > beatEvery+beatEvery/2 })
		last := *d.pulse.last.Load()
		if err := d.pulse.check(last.Add(beatLimit)); err != nil {
			t.Errorf("too soon: %v", err)
		}
		if err := d.pulse.check(last.Add(beatLimit + time.Second)); err == nil || err.Error() != "the daemon's loop has hung for 16s" {
			t.Error(err)
		}
		select {
		case <-stuck: // lets it go on
		case <-time.After(time.Minute):
			t.Error("the loop does not hang")
		}
	})
	if err := k.Alive(); !errors.Is(err, errStopping) {
		t.Errorf("after its end: %v", err)
	}
}

func TestReadyMeansThatAlarmsAreRead(t *testing.T) {
	s := newSite(t)
	s.configure("unconfigured_processes = ignore", "")
	k := s.desk()
	s.await("it is ready", func() bool { return k.Ready(t.Context()) == nil })
	if err := os.Rename(s.path("alarms.db"), s.path("away")); err != nil {
		t.Fatal(err)
	}
	s.await("it is not", func() bool {
		err := k.Ready(t.Context())
		return err != nil && strings.Contains(err.Error(), "cannot be read since")
	})
	if err := k.Alive(); err != nil {
		t.Errorf("restarting the daemon would not mend that: %v", err)
	}
	if err := os.Rename(s.path("away"), s.path("alarms.db")); err != nil {
		t.Fatal(err)
	}
	s.await("it is ready again", func() bool { return k.Ready(t.Context()) == nil })

	v := *k.d.shown.Load()
	limit := v.cfg.Monitor.CheckInterval + v.cfg.Database.ConnectTimeout + v.cfg.Database.QueryTimeout + beatLimit
	if err := v.polls(v.lastPoll.Add(limit)); err != nil {
		t.Errorf("too soon: %v", err)
	}
	if err := v.polls(v.lastPoll.Add(limit + time.Second)); err == nil || !strings.Contains(err.Error(), "is to be read every 100ms") {
		t.Errorf("a poll of long ago: %v", err)
	}
	v.lastPoll = time.Time{}
	if err := v.polls(time.Now()); err == nil || err.Error() != "the first poll is under way" {
		t.Error(err)
	}
}

// TestReadyNeedsSystemdWhateverTheStrategies asks one that cannot be
// reached.
func TestReadyNeedsSystemdWhateverTheStrategies(t *testing.T) {
	for _, c := range []struct{ monitor, more string }{
		{"", ""}, // the base's default strategy is custom
		{"", "[process.a]\nrestart_strategy = service\n"},
		{"unconfigured_processes = ignore", "[process.a]\n"},
	} {
		t.Run(c.monitor+c.more, func(t *testing.T) {
			s := newSite(t)
			s.configure(c.monitor, c.more)
			d := s.daemon()
			if d.systemd == nil {
				d.systemd = systemd.NewClient()
			}
			d.systemd.Close() // what is asked of it from here on fails
			s.start(d)
			k := &desk{d: d}
			s.await("the database is read", func() bool { return k.d.shown.Load().polls(time.Now()) == nil })
			if err := k.Ready(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "systemd cannot be asked to restart anything: ") {
				t.Error(err)
			}
		})
	}
}

var _ web.Daemon = (*desk)(nil)

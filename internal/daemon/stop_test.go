package daemon

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/notify"
	"monitor_service/internal/recovery"
	"monitor_service/internal/restart"
	"monitor_service/internal/systemd"
)

// slowHost is a database with one alarm, and a host on which its restart takes
// this long, whatever its context says.
type slowHost struct{ takes time.Duration }

var slowAlarm = recovery.Row{ID: 1, Process: "slow"}

func (slowHost) Standing(context.Context, recovery.Alarm) ([]recovery.Row, error) {
	return []recovery.Row{slowAlarm}, nil
}

func (slowHost) Clear(context.Context, recovery.Alarm, time.Time) (int, error) { return 1, nil }

func (slowHost) Resolve(context.Context, config.Process) (recovery.Target, error) {
	return recovery.Target{Strategy: config.StrategyProcess}, nil
}

func (slowHost) Prepare(context.Context, recovery.Order) error { return nil }

func (h slowHost) Restart(context.Context, recovery.Order) error {
	time.Sleep(h.takes)
	return nil
}

func (slowHost) Check(context.Context, recovery.Order) error { return nil }
func (slowHost) Watches(recovery.Order) bool                 { return false }

// manager is the service manager's end of $NOTIFY_SOCKET.
type manager struct {
	conn *net.UnixConn
	read sync.WaitGroup

	mu    sync.Mutex
	asked int
}

// newManager counts how often it is asked for more time, outside of a bubble.
func newManager(t *testing.T) *manager {
	t.Helper()
	path := t.TempDir() + "/notify"
	t.Setenv("NOTIFY_SOCKET", path)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	m := &manager{conn: conn}
	m.read.Go(func() {
		buf := make([]byte, 1<<12)
		for {
			n, err := conn.Read(buf)
			if err != nil || strings.HasPrefix(string(buf[:n]), "STOPPING=1") {
				return
			}
			if strings.HasPrefix(string(buf[:n]), "EXTEND_TIMEOUT_USEC=15000000") {
				m.mu.Lock()
				m.asked++
				m.mu.Unlock()
			}
		}
	})
	return m
}

// stopping stops a daemon while a restart takes this long, and returns how
// often systemd was asked for more time.
func stopping(t *testing.T, takes time.Duration) int {
	m := newManager(t)
	synctest.Test(t, func(t *testing.T) {
		cfg, _, err := config.Parse("config.ini", []byte(
			"[database]\ndriver = sqlite\npath = /x\n[process.slow]\nrestart_strategy = process\n"+
				"start_command = slow\nstop_timeout = 300\nrestart_timeout = 400\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		h := slowHost{takes}
		d := &Daemon{notify: systemd.NewNotifier(), log: slog.New(slog.DiscardHandler)}
		settings, err := notify.Prepare(cfg.Notify, nil)
		if err != nil {
			t.Fatal(err)
		}
		d.people = notify.New(settings, func(notify.Report) {})
		d.engine = recovery.New(cfg, h, h, h, func(recovery.Event) {})
		d.engine.Cycle(time.Now(), []recovery.Row{slowAlarm})
		synctest.Wait()
		if err := d.stop(); err != nil {
			t.Error(err)
		}
		if left := d.engine.UnderWay(); len(left) != 0 {
			t.Errorf("%v is still under way", left)
		}
	})
	if err := systemd.NewNotifier().Stopping(""); err != nil {
		t.Fatal(err)
	}
	m.read.Wait()
	return m.asked
}

func TestSystemdIsKeptPatientForAsLongAsARestartMayTakeAndNoLonger(t *testing.T) {
	p := config.Process{StopTimeout: 300 * time.Second, RestartTimeout: 400 * time.Second}
	may := restart.Longest(p, recovery.Target{Strategy: config.StrategyProcess})
	if may < p.StopTimeout+p.RestartTimeout {
		t.Fatalf("a restart may take %s, and no more", may)
	}
	for name, test := range map[string]struct{ takes, asked time.Duration }{
		"within its limits": {stopGrace + may, stopGrace + may},
		"for ever":          {24 * time.Hour, stopGrace + may + recovery.LastWriteBacks + notifyGrace},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := stopping(t, test.takes), int(test.asked/stopStep)
			if got < want-1 || got > want+1 {
				t.Errorf("systemd was asked for more time %d times, want %d", got, want)
			}
		})
	}
}

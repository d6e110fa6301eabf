// Package mariadb gives a test a MariaDB server of its own: a real mariadbd
// with a fresh data directory, on a UNIX socket and on a free port of
// 127.0.0.1, gone when the test is over. It can be stopped, killed, frozen and
// started again in the middle of a test. It is for tests alone, knows nothing
// of alarms, and changes nothing on the machine but a cached data directory.
package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	// startLimit is how long a server may take until it answers, also on
	// a machine that is busy with other tests.
	startLimit = 60 * time.Second
	// stopLimit is how long it may take to stop before it is killed.
	stopLimit = 30 * time.Second
	// portAttempts is how often another port is tried: a port that was
	// free may be taken before the server has it.
	portAttempts = 3
)

var errEnded = errors.New("it ended at once")

// Server is a private MariaDB server.
type Server struct {
	t     testing.TB
	tools tools
	// dir holds the data directory, the socket and the log. Its path is
	// short, since a socket's path has at most 107 bytes (unix(7)).
	dir   string
	port  int
	extra []string
	admin *sql.DB
	run   *run
}

// run is one life of the server's process.
type run struct {
	process *os.Process
	// ended is closed when the process has been waited for.
	ended chan struct{}
}

// Option changes how a server is started.
type Option func(*Server)

// Args adds options to the server's command line, such as "--ssl-ca=...".
func Args(args ...string) Option {
	return func(s *Server) { s.extra = append(s.extra, args...) }
}

// Start starts a server that is stopped and removed when the test is over.
// Where MariaDB is not installed the test is skipped or, with CI=true, fails.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "mdb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{t: t, tools: findTools(t), dir: dir}
	for _, opt := range opts {
		opt(s)
	}
	if err := newDataDir(s.tools, s.dataDir()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("init.sql"), []byte(createAdmin), 0o600); err != nil {
		t.Fatal(err)
	}
	s.admin = s.open(adminUser, adminPassword)
	t.Cleanup(func() { _ = s.admin.Close() })
	t.Cleanup(s.Stop)

	for range portAttempts {
		s.port = freePort(t)
		if err = s.start(); !errors.Is(err, errEnded) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Start starts a stopped or killed server again, on the same data, socket and
// port, and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// Stop stops the server in an orderly way. A server that is down stays down.
func (s *Server) Stop() {
	if s.run == nil {
		return
	}
	s.signal(syscall.SIGCONT) // A frozen one could not hear the other.
	s.signal(syscall.SIGTERM)
	select {
	case <-s.run.ended:
		s.run = nil
	case <-time.After(stopLimit):
		s.Kill()
	}
}

// Kill ends the server as a crash does.
func (s *Server) Kill() {
	if s.run == nil {
		return
	}
	s.signal(syscall.SIGKILL)
	<-s.run.ended
	s.run = nil
}

// Freeze makes the server hang: it accepts connections and answers nothing. It
// returns when all threads have stopped.
func (s *Server) Freeze() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	for deadline := time.Now().Add(stopLimit); !s.frozen(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("mariadbd has not stopped within %s of SIGSTOP", stopLimit)
		}
	}
}

// frozen says whether every thread of the server is in state T (proc(5)).
func (s *Server) frozen() bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.run.process.Pid))
	for _, stat := range stats {
		content, err := os.ReadFile(stat)
		// The state follows the name, which is in parentheses.
		_, state, _ := strings.Cut(string(content), ") ")
		if err != nil || !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return len(stats) > 0
}

// Thaw ends a freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	if err := s.run.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("cannot send %s to mariadbd: %v", sig, err)
	}
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }
func (s *Server) dataDir() string         { return s.path("data") }

// start runs the server and waits until it answers.
func (s *Server) start() error {
	if err := os.MkdirAll(s.path("tmp"), 0o700); err != nil {
		return err
	}
	args := append([]string{"--no-defaults"}, storageArgs(s.path("tmp"))...)
	args = append(
		args,
		"--datadir="+s.dataDir(),
		"--socket="+s.Socket(),
		"--pid-file="+s.path("pid"),
		"--log-error="+s.path("log"),
		"--init-file="+s.path("init.sql"),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--port=%d", s.port),
		"--skip-name-resolve",
	)
	cmd := exec.Command(s.tools.server, append(args, s.extra...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r, err := launch(cmd)
	if err != nil {
		return err
	}
	s.run = r
	if err := s.waitUntilUp(); err != nil {
		s.Kill()
		log, _ := os.ReadFile(s.path("log"))
		return fmt.Errorf("mariadbd did not come up: %w\n%s", err, log)
	}
	return nil
}

// launch starts cmd and waits for its end. The kernel sends the parent's
// death signal when the thread ends that started the process (prctl(2)), so
// that this thread is kept for as long as the process lives.
func launch(cmd *exec.Cmd) (*run, error) {
	r := &run{ended: make(chan struct{})}
	started := make(chan error, 1) // One result, and nobody may wait for it twice.
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		r.process = cmd.Process
		started <- nil
		_ = cmd.Wait()
		close(r.ended)
	}()
	return r, <-started
}

// waitUntilUp asks until the server answers, has ended, or its time is over.
func (s *Server) waitUntilUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.admin.PingContext(ctx)
		if err == nil {
			return nil
		}
		if refusal := (*mysql.MySQLError)(nil); errors.As(err, &refusal) {
			return err // It answers, and waiting would not change what.
		}
		select {
		case <-tick.C:
		case <-s.run.ended:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("no answer within %s: %w", startLimit, err)
		}
	}
}

// open returns a handle for an account, over the socket.
func (s *Server) open(user, password string) *sql.DB {
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr = "unix", s.Socket()
	cfg.User, cfg.Passwd = user, password
	cfg.MultiStatements = true
	cfg.InterpolateParams = true // GRANT and the like take no placeholders.
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return sql.OpenDB(connector)
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

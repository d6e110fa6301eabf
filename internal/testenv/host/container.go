package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// consoleSize is how much of a machine's console is kept.
const consoleSize = 64 << 10

// container is one systemd-nspawn and what it says about itself.
type container struct {
	cmd     *exec.Cmd
	console *console
	// notify is where systemd-nspawn tells the machine's first process and
	// the end of its boot, as sd_notify(3) has it; dir holds the socket.
	notify *net.UnixConn
	dir    string
	// exited is closed when systemd-nspawn has ended; err is how.
	exited chan struct{}
	err    error
}

func startContainer(name, rootFS string, group *cgroup) (_ *container, err error) {
	c := &container{console: &console{}, exited: make(chan struct{})}
	if c.dir, err = os.MkdirTemp("", "host"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.clean())
		}
	}()
	socket := filepath.Join(c.dir, "notify")
	c.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	c.cmd = exec.Command("systemd-nspawn",
		"--quiet",
		"--register=no", "--keep-unit", // there may be no systemd outside
		"--machine="+name,
		"--directory="+rootFS, "--volatile=overlay",
		"--private-network",
		"--timezone=off", // the root file system has its own
		"--console=pipe",
		"--notify-ready=yes",
		"--kill-signal=SIGKILL", // nothing of the machine is kept
		"--boot",
	)
	c.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"NOTIFY_SOCKET=" + socket,
		"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1",
	}
	c.cmd.Stdout, c.cmd.Stderr = c.console, c.console
	c.cmd.WaitDelay = killLimit
	c.cmd.SysProcAttr = &syscall.SysProcAttr{
		// A test program that is killed takes the machine with it. Not
		// SIGKILL: the machine would outlive a systemd-nspawn that has no
		// time to end it.
		Pdeathsig:   syscall.SIGTERM,
		Setpgid:     true, // an interrupt at the terminal is the test's to handle
		UseCgroupFD: true,
		CgroupFD:    int(group.dir.Fd()),
	}
	started := make(chan error)
	go c.supervise(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("cannot start systemd-nspawn: %w", err)
	}
	return c, nil
}

// supervise starts systemd-nspawn and waits for it on one thread of its own:
// Pdeathsig is sent when the thread ends that started the process, and Go ends
// threads when it likes, but not this one.
func (c *container) supervise(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.err = c.cmd.Wait()
	close(c.exited)
}

// awaitBoot waits until the machine says that it is up and returns the id of
// its first process. It then stops listening.
func (c *container) awaitBoot(ctx context.Context) (leader int, err error) {
	defer func() { err = errors.Join(err, c.clean()) }()
	read := make(chan struct{})
	defer close(read)
	go func() {
		select {
		case <-ctx.Done():
		case <-c.exited:
		case <-read:
			return
		}
		_ = c.notify.SetReadDeadline(time.Now()) // wakes the reader
	}()
	message := make([]byte, 4096)
	for ready := false; !ready || leader == 0; {
		n, err := c.notify.Read(message)
		if err != nil {
			return 0, c.notBooted(ctx, err)
		}
		for line := range strings.Lines(string(message[:n])) {
			line = strings.TrimSuffix(line, "\n")
			if id, ok := strings.CutPrefix(line, "X_NSPAWN_LEADER_PID="); ok {
				if leader, err = strconv.Atoi(id); err != nil {
					return 0, err
				}
			}
			ready = ready || line == "READY=1"
		}
	}
	return leader, nil
}

func (c *container) notBooted(ctx context.Context, err error) error {
	select {
	case <-c.exited:
		err = fmt.Errorf("systemd-nspawn ended: %w", c.err)
	case <-ctx.Done():
		err = fmt.Errorf("no word of a complete boot after %s: %w", bootLimit, ctx.Err())
	default:
	}
	return fmt.Errorf("%w\nconsole:\n%s", err, c.console)
}

// stop lets systemd-nspawn kill the machine and clean up, and kills it where it
// does not. The machine is then left to whoever removes its control group.
func (c *container) stop() error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := c.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		limit := time.NewTimer(killLimit)
		select {
		case <-c.exited:
			limit.Stop()
			return c.clean()
		case <-limit.C:
		}
	}
	return fmt.Errorf("systemd-nspawn, process %d, survived SIGKILL for %s", c.cmd.Process.Pid, killLimit)
}

func (c *container) clean() error {
	if c.notify != nil {
		_ = c.notify.Close()
	}
	return os.RemoveAll(c.dir)
}

// console keeps the end of what a machine prints.
type console struct {
	mu   sync.Mutex
	text []byte
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = tail(append(c.text, p...), consoleSize)
	return len(p), nil
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"monitor_service/internal/ownpath"
)

const (
	// socketMode lets the owner and the group in. connect(2) needs the
	// right to write.
	socketMode = 0o660
	// directoryMode lets everybody find the socket, whose own mode is what
	// keeps them out.
	directoryMode = 0o755
	lockSuffix    = ".lock"
	// probeTime is how long a socket's other owner has to take a
	// connection. The kernel does that for it.
	probeTime = time.Second
)

// ErrLive is wrapped by the error of Listen where another daemon answers.
var ErrLive = errors.New("another monitor_service is running")

// socket is a listening socket that cleans up after itself.
type socket struct {
	*net.UnixListener
	path string
	lock *os.File
	// made identifies the file, so that nobody else's is removed.
	made fs.FileInfo
	once sync.Once
	err  error
}

// listen makes the socket. One that a dead daemon has left is replaced; one
// that somebody answers at is left alone, and so is anything that is no socket.
// The lock, which ends with its owner, is what tells them apart even while
// several daemons start at once.
func listen(path string, group int) (_ *socket, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot listen at %q: %w", path, err)
		}
	}()
	if err := ownpath.MkdirAll(filepath.Dir(path), directoryMode); err != nil {
		return nil, reason(err)
	}
	// Where others can write they could take the lock, so that no daemon
	// would start, and put a link in the socket's place while its mode and
	// group are set.
	if err := ownpath.Check(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(path+lockSuffix, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, reason(err)
	}
	s := &socket{path: path, lock: lock}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLive
		}
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	if s.UnixListener, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}); err != nil {
		return nil, reason(err)
	}
	s.SetUnlinkOnClose(false)
	if err := s.open(group); err != nil {
		return nil, errors.Join(err, s.UnixListener.Close(), os.Remove(path))
	}
	return s, nil
}

// open sets who may connect. Until then it is what the umask left, and who
// connects is looked at all the same.
func (s *socket) open(group int) error {
	if err := os.Chmod(s.path, socketMode); err != nil {
		return reason(err)
	}
	if group != noGroup && os.Geteuid() == 0 {
		if err := os.Chown(s.path, 0, group); err != nil {
			return reason(err)
		}
	}
	var err error
	s.made, err = os.Lstat(s.path)
	return err
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return reason(err)
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is a file that is no socket")
	}
	c, err := net.DialTimeout("unix", path, probeTime)
	if err == nil {
		_ = c.Close()
		return ErrLive
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return reason(err)
	}
	return reason(os.Remove(path))
}

// Close implements net.Listener. It removes the socket, if it still is ours.
func (s *socket) Close() error {
	s.once.Do(func() {
		s.err = s.UnixListener.Close()
		if info, err := os.Lstat(s.path); err == nil && os.SameFile(info, s.made) {
			s.err = errors.Join(s.err, os.Remove(s.path))
		}
		s.err = errors.Join(s.err, s.lock.Close())
	})
	return s.err
}

// reason is the part of an error that does not repeat the path.
func reason(err error) error {
	var p *fs.PathError
	var o *net.OpError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &o):
		return o.Err
	}
	return err
}

// limited bounds the connections that are open at once. Those beyond wait in
// the kernel's queue, which is bounded as well.
type limited struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	once   sync.Once
}

func limit(l net.Listener, most int) *limited {
	return &limited{Listener: l, places: make(chan struct{}, most), closed: make(chan struct{})}
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &placed{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// placed is a connection that has one of the places.
type placed struct {
	net.Conn
	leave func()
}

func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

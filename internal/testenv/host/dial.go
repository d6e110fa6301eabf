package host

import (
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Dial connects to a TCP address, an IP address with a port, as a user of the
// machine does: from inside of its network, and as that user.
func (h *Host) Dial(address string, uid int) (c net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Never unlocked: where and who this thread is ends with it.
		runtime.LockOSThread()
		if err = h.enterNetwork(uid); err == nil {
			c, err = net.Dial("tcp", address)
		}
	}()
	<-done
	return c, err
}

// enterNetwork takes the calling thread into the machine's network as a user.
func (h *Host) enterNetwork(uid int) error {
	network, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", h.leader))
	if err != nil {
		return err
	}
	defer func() { _ = network.Close() }()
	if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("cannot enter the network of %s: %w", h.name, err)
	}
	// The system call alone: what Go makes of it is for all threads.
	id := uintptr(uid)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id); errno != 0 {
		return fmt.Errorf("cannot become user %d: %w", uid, errno)
	}
	return nil
}

package host

import (
	"context"
	"net"
	"runtime"
	"testing"
)

// Listen opens a TCP listener in the machine's own network, which has no way
// out, until the test ends. Whoever serves it does so from outside: a server of
// the test's own needs not be brought into the machine.
func (h *Host) Listen(t testing.TB, address string) net.Listener {
	t.Helper()
	var listener net.Listener
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		// A socket belongs to the network of the thread that makes it. As in
		// Dial, this thread ends with the goroutine.
		runtime.LockOSThread()
		if err = h.enterNetwork(0); err == nil {
			listener, err = new(net.ListenConfig).Listen(context.Background(), "tcp", address)
		}
	}()
	<-done
	if err != nil {
		t.Fatalf("cannot listen at %q on the test host %q: %v", address, h.name, err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

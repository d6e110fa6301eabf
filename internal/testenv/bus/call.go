package bus

import (
	"context"
	"slices"
)

// Call is one method call that the stand-in received.
type Call struct {
	// Method is the bare name of the method, such as "RestartUnit" or
	// "GetAll".
	Method string
	// Unit is the unit's name as the caller gave it, or as its object path
	// spells it.
	Unit string
	Mode string
	// Interface is the one that GetAll was asked for, empty for all.
	Interface string
	// Properties are those of StartTransientUnit.
	Properties map[string]any
}

// record notes a call. The lock is held, and stays so until the call has had
// its effect: who awaited a call finds the effect.
func (m *manager) record(c Call) {
	m.calls = append(m.calls, c)
	close(m.called)
	m.called = make(chan struct{})
}

// Record returns the calls received so far, in their order.
func (m *manager) Record() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.calls)
}

// Calls counts the calls received so far by method.
func (m *manager) Calls() map[string]int {
	counts := map[string]int{}
	for _, c := range m.Record() {
		counts[c.Method]++
	}
	return counts
}

// ForgetCalls begins the record anew.
func (m *manager) ForgetCalls() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = nil
}

// AwaitCalls waits until a method was called at least n times, or ctx ends.
func (m *manager) AwaitCalls(ctx context.Context, method string, n int) error {
	for {
		m.mu.Lock()
		called := m.called
		count := 0
		for _, c := range m.calls {
			if c.Method == method {
				count++
			}
		}
		m.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-called:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

package logging

import (
	"sync"
)

// flaky is a place for lines that fails as it is told. A timer of the sink may
// try it at any time.
type flaky struct {
	sink

	guard sync.Mutex
	err   error
	tries []string
	said  []change
}

// newFlaky is for one bubble of synctest.
func newFlaky(err error) *flaky {
	f := &flaky{err: err}
	f.retryAfter = retryAfter
	f.write = func(line []byte) error {
		f.guard.Lock()
		defer f.guard.Unlock()
		f.tries = append(f.tries, string(line))
		return f.err
	}
	f.tell = func(c change) {
		f.guard.Lock()
		defer f.guard.Unlock()
		f.said = append(f.said, c)
	}
	return f
}

func (f *flaky) fail(err error) {
	f.guard.Lock()
	defer f.guard.Unlock()
	f.err = err
}

// seen returns what was tried and said since the last time.
func (f *flaky) seen() (tries []string, said []change) {
	f.guard.Lock()
	defer f.guard.Unlock()
	tries, said = f.tries, f.said
	f.tries, f.said = nil, nil
	return tries, said
}

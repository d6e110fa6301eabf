package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// teller writes what happens as it happens, from several goroutines.
type teller struct {
	mu    sync.Mutex
	out   io.Writer
	begin time.Time
}

func newTeller(out io.Writer) *teller { return &teller{out: out, begin: time.Now()} }

func (t *teller) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintf(t.out, format+"\n", args...)
}

func (t *teller) title(text string) { t.line("%s\n", text) }

// act tells what the demo does to the samples.
func (t *teller) act(format string, args ...any) {
	t.line("%5.1fs  %s", time.Since(t.begin).Seconds(), fmt.Sprintf(format, args...))
}

// daemon tells a line of the daemon's log, without its date.
func (t *teller) daemon(line string) {
	if _, rest, ok := strings.Cut(line, " - "); ok {
		line = rest
	}
	t.line("%5.1fs      | %s", time.Since(t.begin).Seconds(), line)
}

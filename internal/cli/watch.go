package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"monitor_service/internal/control"
)

// watchEvery is how often the status is shown anew.
const watchEvery = 2 * time.Second

// watchStatus shows the status again and again, in place on a terminal. A
// daemon that goes away may come back: it is waited for.
func (p *program) watchStatus(ctx context.Context, client *control.Client, process string) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		s := newScreen(p.stdout, p.environ) // the terminal may have another size by now
		st, err := client.Status(ctx, process)
		var answer *control.Error
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			err = p.frame(s, statusPage(s, st, process), n)
		case n == 0, errors.As(err, &answer):
			return err
		default:
			err = p.frame(s, page{head: lines(fmt.Sprintf("%s: %v\nWill retry.", programName, err))}, n)
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// frame shows one state of things. On a terminal it is written over the one
// before, line by line, so that nothing flickers; it is cut where the terminal
// ends, and says so.
func (p *program) frame(s screen, shown page, n int) error {
	if !s.isTerminal() {
		text := shown.String()
		if n > 0 {
			text = "\n" + text
		}
		_, err := fmt.Fprint(s, text)
		return err
	}
	// The sequences are those of xterm, which every terminal has taken over.
	const (
		home, endOfLine, endOfScreen = "\x1b[H", "\x1b[K", "\x1b[J"
		noWrap, wrap                 = "\x1b[?7l", "\x1b[?7h"
	)
	lines := shown.within(max(1, s.height-1), s.width)
	for i, line := range lines {
		lines[i] = fitPainted(line, s.width)
	}
	begin := home
	if n == 0 {
		begin += endOfScreen
	}
	_, err := fmt.Fprint(s, noWrap+begin+strings.Join(lines, endOfLine+"\n")+endOfLine+"\n"+endOfScreen+wrap)
	return err
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// fact is one thing that the demo has told, and whether it was so.
type fact struct {
	text string
	err  error
}

// play is the whole story. A step that fails does not end it: the summary
// tells them all.
func (s *stage) play(ctx context.Context) error {
	before := make(map[string]int, len(samples))
	for _, name := range samples {
		before[name] = s.running(name)
	}
	s.out.act("%s run as processes %d, %d, %d, %d; now the daemon starts", strings.Join(samples, ", "),
		before[webserver], before[queue], before[mail], before[report])
	if err := s.startDaemon(ctx); err != nil {
		return err
	}
	facts := []fact{
		{"a killed process was started again, its alarm cleared, the note written", s.playKilled(ctx)},
		{"a wedged process that ignored SIGTERM was killed and replaced", s.playWedged(ctx, before[queue])},
		{"an acknowledged alarm was left alone", s.playAcknowledged(ctx)},
		{"a process that kept failing opened its breaker, was tried once more, and recovered", s.playFailing(ctx)},
		{"the acknowledged process still runs, its alarm still stands", s.stillAlone(ctx, before[mail])},
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	err := s.daemon.stop()
	s.daemon = nil
	return s.summary(append(facts, fact{"the daemon ended in order", err}))
}

func (s *stage) playKilled(ctx context.Context) error {
	s.out.act("%s is killed, its alarm is raised", webserver)
	if err := errors.Join(s.signal(webserver, syscall.SIGKILL), s.raise(ctx, webserver, false)); err != nil {
		return err
	}
	return s.awaitRecovery(ctx, webserver, 0)
}

func (s *stage) playWedged(ctx context.Context, before int) error {
	s.out.act("%s is wedged: it runs, does nothing and hears no SIGTERM; its alarm is raised", queue)
	if err := os.WriteFile(s.path(queue+".wedged"), nil, 0o600); err != nil {
		return err
	}
	if err := s.awaitSilence(ctx, queue); err != nil {
		return err
	}
	if err := s.raise(ctx, queue, false); err != nil {
		return err
	}
	if err := s.awaitRecovery(ctx, queue, before); err != nil {
		return err
	}
	if isSample(before, queue) {
		return fmt.Errorf("%s was started a second time beside the wedged process %d", queue, before)
	}
	return nil
}

// awaitSilence waits until a wedged sample shows no pulse any more, which it
// does once it no longer hears SIGTERM.
func (s *stage) awaitSilence(ctx context.Context, name string) error {
	return s.await(ctx, name+" is wedged", func() (bool, error) {
		pulse := s.path(name + ".pulse")
		if err := os.Remove(pulse); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
		time.Sleep(5 * pulseEvery)
		_, err := os.Stat(pulse)
		return errors.Is(err, os.ErrNotExist), nil
	})
}

func (s *stage) playAcknowledged(ctx context.Context) error {
	s.out.act("%s is in alarm too, but an operator has acknowledged it (sound = 1)", mail)
	return s.raise(ctx, mail, true)
}

func (s *stage) playFailing(ctx context.Context) error {
	s.out.act("%s is killed and cannot start: its settings are broken; its alarm is raised", report)
	broken := s.path(report + ".broken")
	if err := errors.Join(os.WriteFile(broken, nil, 0o600), s.signal(report, syscall.SIGKILL), s.raise(ctx, report, false)); err != nil {
		return err
	}
	// One start was ours, two are the recoveries that open the breaker.
	if err := s.await(ctx, report+" fails twice", func() (bool, error) { return s.starts(report) >= 3, nil }); err != nil {
		return err
	}
	s.out.act("somebody mends the settings of %s; the daemon waits for the breaker's reset time", report)
	if err := os.Remove(broken); err != nil {
		return err
	}
	if err := s.awaitRecovery(ctx, report, 0); err != nil {
		return err
	}
	return s.waitedForTrial()
}

// waitedForTrial looks at when the failing sample was started: once by the demo,
// twice in vain, which opened the breaker, and then, its alarm standing all the
// time, not before the breaker's reset time was over. A daemon without breaker
// would have tried again at its next poll.
func (s *stage) waitedForTrial() error {
	times := s.startTimes(report)
	if n := len(times); n != 4 {
		return fmt.Errorf("%s was started %d times: once by the demo, and by the daemon not 3 times (two failures, one trial)", report, n)
	}
	if waited := times[3] - times[2]; waited < resetTime-uptimeStep {
		return fmt.Errorf("%s was tried again %s after the failure that should have opened its breaker for %s", report, waited, resetTime)
	}
	return nil
}

// awaitRecovery waits until the alarm is cleared and looks whether that is
// true: the process runs, under another id than before, and the note is there.
func (s *stage) awaitRecovery(ctx context.Context, name string, before int) error {
	var notes string
	err := s.await(ctx, name+" is recovered", func() (bool, error) {
		alarm, text, err := s.alarm(ctx, name)
		notes = text
		return !alarm, err
	})
	if err != nil {
		return err
	}
	pid := s.running(name)
	switch {
	case pid == 0:
		return fmt.Errorf("the alarm of %s was cleared and it does not run", name)
	case pid == before:
		return fmt.Errorf("the alarm of %s was cleared and it was not replaced", name)
	case !strings.Contains(notes, "Restarted at "):
		return fmt.Errorf("the alarm of %s was cleared without a note", name)
	}
	s.out.act("%s runs as process %d; its notes say %q", name, pid, notes)
	return nil
}

func (s *stage) stillAlone(ctx context.Context, before int) error {
	alarm, notes, err := s.alarm(ctx, mail)
	switch {
	case err != nil:
		return err
	case !alarm || notes != "":
		return fmt.Errorf("the acknowledged alarm of %s was touched: in alarm %t, notes %q", mail, alarm, notes)
	case s.running(mail) != before || s.starts(mail) != 1:
		return fmt.Errorf("the acknowledged process %s was restarted", mail)
	}
	return nil
}

func (s *stage) summary(facts []fact) error {
	s.out.line("")
	var errs []error
	for _, f := range facts {
		if f.err == nil {
			s.out.line("  ok    %s", f.text)
			continue
		}
		s.out.line("  FAIL  %s: %v", f.text, f.err)
		errs = append(errs, f.err)
	}
	if len(errs) > 0 {
		return fmt.Errorf("%d of %d things did not happen as told", len(errs), len(facts))
	}
	s.out.line("\nAll as told.")
	return nil
}

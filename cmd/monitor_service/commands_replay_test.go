package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
	"monitor_service/internal/recovery"
)

// replay answers what was recorded, to the real commands.
type replay struct {
	*recorded
	t *testing.T
}

// to is the answer to a command.
func (r replay) to(command string) (answer, error) {
	a, ok := r.answers[command]
	if !ok {
		r.t.Errorf("nothing is recorded for %q", command)
	}
	if a.err != nil {
		return a, a.err
	}
	return a, nil
}

func (r replay) Status(_ context.Context, process string) (control.Status, error) {
	s := r.status
	if process != "" {
		s.Processes = slices.DeleteFunc(slices.Clone(s.Processes), func(p control.Process) bool { return p.Name != process })
	}
	return s, nil
}

func (r replay) History(_ context.Context, process string, _ int) (control.History, error) {
	h := r.history
	if process != "" {
		h.Recoveries = slices.DeleteFunc(slices.Clone(h.Recoveries), func(e history.Recovery) bool { return e.Process != process })
	}
	return h, nil
}

func (r replay) Explain(_ context.Context, process string) (control.Explanation, error) {
	a, err := r.to("explain " + process)
	return a.explanation, err
}

func (r replay) Restart(_ context.Context, _ recovery.Operator, q control.RestartRequest, told func(control.Progress) error) error {
	a, err := r.to(restartOf(q.Process, q.Force))
	if err != nil {
		return err
	}
	for _, p := range a.steps {
		if err := told(p); err != nil {
			return err
		}
	}
	return nil
}

func (r replay) Pause(_ context.Context, _ recovery.Operator, process string, _ time.Duration, _ string) (control.Done, error) {
	a, err := r.to("pause " + argument(process))
	return a.done, err
}

func (r replay) Reset(_ context.Context, _ recovery.Operator, process string) (control.Done, error) {
	a, err := r.to("reset " + argument(process))
	return a.done, err
}

func (r replay) Resume(_ context.Context, _ recovery.Operator, process string) (control.Done, error) {
	a, err := r.to("resume " + argument(process))
	return a.done, err
}

func (r replay) CheckNow(context.Context, recovery.Operator) (control.Done, error) {
	a, err := r.to("check-now")
	return a.done, err
}

func (r replay) Names(context.Context) ([]string, error) { return nil, nil }

func (r replay) Refused(recovery.Operator) {}

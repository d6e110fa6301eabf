package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
)

// shownNow is the time in the documents, and shownBegan when the recoveries of
// each process began before it.
var (
	shownNow   = time.Date(2026, 11, 23, 2, 49, 46, 0, time.UTC)
	shownBegan = map[string][]time.Duration{
		"demo-web":   {4 * time.Minute}, // less than stable_time
		"demo-batch": {20 * time.Minute, 15 * time.Minute},
		"demo-mail":  {40 * time.Second},
		"demo-feeds": {3 * time.Second},
	}
)

const (
	shownDir = "/etc/monitor_service"
	// shownTook is how long an attempt took, and shownRestart its restart.
	shownTook, shownRestart = 1200 * time.Millisecond, 200 * time.Millisecond
	// shownPause and shownWhy are the length and the reason of every pause.
	shownPause, shownWhy = 2 * time.Hour, "new disks"
)

// atHome replaces what differs from run to run and from machine to machine.
func (r *recorded) atHome(t *testing.T, dir string) {
	t.Helper()
	at := func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(bytes.ReplaceAll(text, []byte(dir), []byte(shownDir)), v); err != nil {
			t.Fatal(err)
		}
	}
	at(&r.status)
	s := &r.status
	s.Now, s.Started, s.Version, s.PID = shownNow, shownNow.Add(-3*time.Hour), "v1.0.0", 812
	s.Database.Name = `database "v_process_monitor" at "monitor@localhost"`
	s.Database.LastPoll, s.Database.NextPoll = shownNow.Add(-3*time.Second), shownNow.Add(297*time.Second)
	s.Database.CheckInterval = 300
	for i := range s.Processes {
		s.Processes[i] = shownProcess(s.Processes[i])
	}
	seen := map[string]int{}
	for i := range r.history.Recoveries {
		e := &r.history.Recoveries[i]
		*e = shownRecovery(*e, seen[e.Process])
		seen[e.Process]++
	}
	slices.SortStableFunc(r.history.Recoveries, func(a, b history.Recovery) int { return a.Began.Compare(b.Began) })
	for command, a := range r.answers {
		e := &a.explanation
		at(e)
		e.Now = shownProcess(e.Now)
		for i := range e.Stops {
			e.Stops[i] = onTheClock(e.Stops[i], shownNow)
		}
		e.Verdict = onTheClock(e.Verdict, shownNow)
		a.done.Message = onTheClock(a.done.Message, shownNow)
		if a.err != nil {
			a.err.Message = onTheClock(a.err.Message, shownNow)
		}
		shownSteps(a.steps)
		r.answers[command] = a
	}
}

// shownSteps puts the steps of a restart on the clock.
func shownSteps(steps []control.Progress) {
	at := shownNow
	attempts := 0
	for i := range steps {
		p := &steps[i]
		attempts = max(attempts, p.Attempt)
		switch p.Event {
		case "restarted":
			p.Seconds = shownRestart.Seconds()
		case "attempt_failed", "health_passed":
			p.Seconds = (shownTook - shownRestart).Seconds()
		case "recovery_failed", "recovery_succeeded":
			p.Seconds = float64(attempts) * shownTook.Seconds()
		}
		switch p.Event {
		case "restarted", "attempt_failed", "health_passed":
			at = at.Add(time.Duration(p.Seconds * float64(time.Second)))
		}
		p.At = at
		// A breaker opens at the end of the recovery, for all of
		// circuit_reset_time.
		p.Message = onTheClock(p.Message, at.Add(15*time.Minute))
	}
}

// What sentences have of this machine: a time, how long a recovery took, a user.
var (
	inSentence  = regexp.MustCompile(`verified, in [0-9.]+m?s`)
	bySomebody  = regexp.MustCompile(`paused by (uid )?[^ ;]+`)
	breakerOpen = "breaker is open"
)

// onTheClock puts the time that a text of this moment is about in the place of
// the one that it has: the end of a pause, or the next trial of a breaker that
// is half way to it.
func onTheClock(text string, now time.Time) string {
	end := now.Add(shownPause)
	if strings.Contains(text, breakerOpen) {
		end = now.Add(15 * time.Minute)
	}
	text = dateTime.ReplaceAllString(text, end.Format(time.DateTime))
	text = inSentence.ReplaceAllString(text, "verified, in "+shownTook.String())
	return bySomebody.ReplaceAllString(text, "paused by root")
}

func shownProcess(p control.Process) control.Process {
	began := shownNow.Add(-time.Minute)
	if list := shownBegan[p.Name]; len(list) > 0 {
		began = shownNow.Add(-list[0])
	}
	if !p.AlarmSince.IsZero() {
		p.AlarmSince = began
	}
	if !p.RecoveringSince.IsZero() {
		p.RecoveringSince = began
	}
	if !p.Breaker.OpenedAt.IsZero() {
		p.Breaker.OpenedAt, p.Breaker.NextTrial = shownNow.Add(-15*time.Minute), shownNow.Add(15*time.Minute)
	}
	if p.Pause != nil {
		p.Pause.By, p.Pause.Since, p.Pause.Until = "root", shownNow, shownNow.Add(shownPause)
	}
	if p.Last != nil {
		last := shownRecovery(*p.Last, len(shownBegan[p.Name])-1)
		p.Last = &last
	}
	return p
}

func shownRecovery(e history.Recovery, n int) history.Recovery {
	e.Began = shownNow.Add(-shownBegan[e.Process][n])
	at := e.Began
	e.Attempts = slices.Clone(e.Attempts)
	for i := range e.Attempts {
		at = at.Add(shownTook)
		e.Attempts[i].Ended, e.Attempts[i].Seconds, e.Attempts[i].RestartSeconds = at, shownTook.Seconds(), shownRestart.Seconds()
	}
	e.Ended, e.Seconds = at, at.Sub(e.Began).Seconds()
	if e.Outcome == history.Running {
		e.Ended, e.Seconds = time.Time{}, shownNow.Sub(e.Began).Seconds()
	}
	return e
}

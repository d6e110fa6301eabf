package cli

import (
	"fmt"
	"strings"
	"time"

	"monitor_service/internal/control"
)

// stepLine is one step of a restart for a person.
func stepLine(s screen, p control.Progress) string {
	text, c := stepText(p)
	line := clock(p.At) + "  " + s.paint(c, printable(text))
	if p.Event == "recovery_failed" && p.Attempt > 0 {
		return line // the last attempt has said it
	}
	for l := range strings.Lines(p.Error) {
		line += "\n          " + printable(strings.TrimRight(l, "\r\n"))
	}
	return line
}

func stepText(p control.Progress) (string, color) {
	took := "in " + seconds(p.Seconds)
	of := ""
	if p.Attempts > 1 {
		of = fmt.Sprintf("attempt %d of %d: ", p.Attempt, p.Attempts)
	}
	switch p.Event {
	case "restart_requested":
		return "asked for", plainColor
	case control.ProgressQueued:
		return p.Message, yellow
	case "recovery_started":
		return "started: " + strings.TrimSpace(p.Strategy+" "+p.Unit), plainColor
	case "breaker_half_open":
		return "as the trial of an open breaker", plainColor
	case "restarted":
		return of + "restarted " + took + ", checking its health", plainColor
	case "health_passed":
		return of + "health check passed " + took, plainColor
	case "attempt_failed":
		return of + "failed after " + seconds(p.Seconds) + ": " + p.Reason, yellow
	case "recovery_succeeded":
		return "recovered " + took, plainColor
	case "recovery_failed":
		return "failed after " + seconds(p.Seconds) + ": " + p.Reason, yellow
	case "alarm_cleared":
		return "alarm cleared", plainColor
	}
	return strings.TrimSpace(strings.ReplaceAll(p.Event, "_", " ") + " " + p.Reason), plainColor
}

// clock is the time of the day, where the operator is.
func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// seconds writes a length of time as an operator would.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return age(d)
}

// age writes a length of time in its two largest units.
func age(d time.Duration) string {
	d = d.Round(time.Second)
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return d.String()
	case d < time.Hour && (d >= 10*time.Minute || d%time.Minute == 0):
		return fmt.Sprintf("%dm", d.Round(time.Minute)/time.Minute)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}

// when writes a time as short as it can be understood.
func when(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

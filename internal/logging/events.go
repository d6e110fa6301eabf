package logging

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"monitor_service/internal/breaker"
	"monitor_service/internal/recovery"
)

const (
	// maxName bounds a process's name, in characters: as many as
	// PROCESE.process_name holds.
	maxName = 255
	// maxError bounds an error's text, in bytes.
	maxError = 2 << 10
	// maxIDs bounds the list of an alarm's rows.
	maxIDs = 16

	// aloneForNoReason is for a reason that no process is left alone for.
	aloneForNoReason = "Process is left alone"
)

// Events returns the function that makes one log line of each event, at the
// time at which it happened.
func Events(l *slog.Logger) func(recovery.Event) {
	return func(e recovery.Event) {
		level, message := line(e)
		ctx := context.Background()
		if !l.Enabled(ctx, level) {
			return
		}
		if e.At.IsZero() {
			e.At = time.Now()
		}
		r := slog.NewRecord(e.At, level, message, 0)
		r.AddAttrs(attributes(e)...)
		_ = l.Handler().Handle(ctx, r) // a failing log tells it itself
	}
}

// line is what an event is called and how much it matters. A warning is for
// who reads the log, an error for who has to act.
func line(e recovery.Event) (slog.Level, string) {
	switch e.Kind {
	case recovery.AlarmFound:
		return slog.LevelInfo, "Alarm found"
	case recovery.AlarmGone:
		return slog.LevelInfo, "Alarm is gone"
	case recovery.NotActing:
		return notActing(e.Reason)
	case recovery.RecoveryStarted:
		return slog.LevelInfo, "Recovery started"
	case recovery.RecoveryResumed:
		return slog.LevelInfo, "Recovery goes on where it was left"
	case recovery.AttemptFailed:
		return slog.LevelWarn, "Attempt failed"
	case recovery.Restarted:
		return slog.LevelInfo, "Process restarted, checking its health"
	case recovery.HealthPassed:
		return slog.LevelInfo, "Health check passed"
	case recovery.RecoverySucceeded:
		return slog.LevelInfo, "Process recovered"
	case recovery.RecoveryFailed:
		return slog.LevelError, "Recovery failed"
	case recovery.RecoveryInterrupted:
		return slog.LevelWarn, "Recovery interrupted, the daemon is stopping"
	case recovery.RecoveryPostponed:
		return slog.LevelWarn, "Recovery postponed, systemd cannot be reached"
	case recovery.Cleared:
		return slog.LevelInfo, "Alarm cleared"
	case recovery.Superseded:
		return slog.LevelInfo, "Alarm left as it is, it was changed during the restart"
	case recovery.WriteBackFailed:
		return slog.LevelWarn, "Alarm cannot be cleared, will retry"
	case recovery.WriteBackRefused:
		return slog.LevelWarn, "Read-only mode: alarms are not cleared by this daemon, and a restarted process is not restarted again until whoever raised its alarm has cleared it or clear_timeout is over"
	case recovery.Flapped:
		return slog.LevelWarn, "Alarm came back within stable_time, the restart counts as failed"
	case recovery.NotClearedInTime:
		return slog.LevelWarn, "Alarm was not cleared within clear_timeout, the restart counts as failed"
	case recovery.BreakerOpened:
		return slog.LevelError, "Breaker opened, no restart until its next trial"
	case recovery.BreakerHalfOpen:
		return slog.LevelInfo, "Breaker lets one trial through"
	case recovery.BreakerClosed:
		return slog.LevelInfo, "Breaker closed"
	case recovery.HandoverFailed:
		return slog.LevelWarn, "Recoveries under way cannot be kept for a later daemon, which may restart a process again for the same alarm"
	case recovery.HandoverWorks:
		return slog.LevelInfo, "Recoveries under way are kept for a later daemon again"
	case recovery.CapReached:
		return slog.LevelWarn, "More alarms in one poll than max_restarts_per_cycle, the rest wait for the next poll"
	case recovery.DatabaseLost:
		return slog.LevelError, "Database cannot be read, will retry"
	case recovery.DatabaseBack:
		return slog.LevelInfo, "Database is back"
	case recovery.SystemdLost:
		return slog.LevelError, "Systemd cannot be reached, will retry"
	case recovery.SystemdBack:
		return slog.LevelInfo, "Systemd is back"
	case recovery.OperatorRestart:
		return slog.LevelInfo, "An operator asked for a restart"
	case recovery.OperatorReset:
		return slog.LevelInfo, "An operator closed the breaker and its failures are forgotten"
	case recovery.OperatorPause:
		return slog.LevelWarn, "An operator paused recoveries"
	case recovery.OperatorResume:
		return slog.LevelInfo, "An operator ended a pause"
	case recovery.OperatorPoll:
		return slog.LevelInfo, "An operator asked for a poll now"
	case recovery.OperatorRefused:
		return slog.LevelWarn, "A request was refused, its user may not make it"
	case recovery.KindUnknown:
	}
	return slog.LevelWarn, "Something unknown happened"
}

// notActing is the line for an alarm that is left alone: an error where the
// process will never be restarted unless somebody mends its unit, a warning
// where its name or the configuration forbids it, and no more than
// information where waiting is what should be done.
func notActing(reason recovery.Reason) (slog.Level, string) {
	const alone = "Process is left alone, "
	switch reason {
	case recovery.ReasonRunning:
		return slog.LevelDebug, alone + "its recovery is under way"
	case recovery.ReasonQueued:
		return slog.LevelDebug, alone + "its recovery waits for a free place"
	case recovery.ReasonBreakerOpen:
		return slog.LevelInfo, alone + "its breaker is open"
	case recovery.ReasonWriteBack:
		return slog.LevelInfo, alone + "it is restarted and its alarm is still to be cleared"
	case recovery.ReasonNotYetCleared:
		return slog.LevelInfo, alone + "it is restarted and whoever raised its alarm is to clear it"
	case recovery.ReasonCap:
		return slog.LevelInfo, alone + "max_restarts_per_cycle is used up in this poll"
	case recovery.ReasonIgnored:
		return slog.LevelInfo, alone + "it has no section in the configuration"
	case recovery.ReasonDryRun:
		return slog.LevelInfo, alone + "dry_run is on"
	case recovery.ReasonPaused:
		return slog.LevelInfo, alone + "it is paused"
	case recovery.ReasonStopping:
		return slog.LevelInfo, alone + "the daemon is stopping"
	case recovery.ReasonAway:
		return slog.LevelWarn, alone + "systemd cannot be reached"
	case recovery.ReasonNoName:
		return slog.LevelWarn, "Alarm is left alone, its row has no process name"
	case recovery.ReasonUnsafeName:
		return slog.LevelWarn, alone + "its name must not become part of a command or unit"
	case recovery.ReasonProtected:
		return slog.LevelWarn, alone + "its unit is protected"
	case recovery.ReasonOwnUnit:
		return slog.LevelWarn, alone + "its unit is the daemon's own"
	case recovery.ReasonNotAService:
		return slog.LevelWarn, alone + "its unit is not a service"
	case recovery.ReasonMasked:
		return slog.LevelError, alone + "its unit is masked"
	case recovery.ReasonNoUnit:
		return slog.LevelError, alone + "systemd does not know its unit"
	case recovery.ReasonBadUnit:
		return slog.LevelError, alone + "systemd cannot load its unit"
	case recovery.ReasonForeignUnit:
		return slog.LevelError, alone + "what to restart is not clear from the units that it runs in"
	case recovery.ReasonNone, recovery.ReasonResolve, recovery.ReasonPreRestart,
		recovery.ReasonRestart, recovery.ReasonHealthCheck, recovery.ReasonFlapping, recovery.ReasonNotCleared:
	}
	return slog.LevelWarn, aloneForNoReason
}

// attributes are those of the event's fields that say something, always in
// this order. Commands are not among them: they may hold passwords, and the
// configuration has them.
func attributes(e recovery.Event) []slog.Attr {
	a := []slog.Attr{slog.String(keyEvent, e.Kind.String())}
	add := func(set bool, attr slog.Attr) {
		if set {
			a = append(a, attr)
		}
	}
	add(e.Process != "", slog.String(keyProcess, cutName(e.Process)))
	add(len(e.IDs) > 0, slog.String(keyIDs, idList(e.IDs)))
	add(e.Target.Strategy != 0, slog.String(keyStrategy, e.Target.Strategy.String()))
	add(e.Target.Unit != "", slog.String(keyUnit, cutName(e.Target.Unit)))
	add(e.Attempt > 0, slog.Int(keyAttempt, e.Attempt))
	add(e.Attempts > 0, slog.Int(keyAttempts, e.Attempts))
	add(e.Trial, slog.Bool(keyTrial, true))

	reason, failure := e.Reason.String(), ""
	if e.Reason == recovery.ReasonNone {
		reason = ""
	}
	if e.Err != nil {
		failure = e.Err.Error()
	}
	if e.Kind == recovery.BreakerOpened && reason == "" {
		reason = e.Breaker.Reason
	}
	if e.Kind == recovery.BreakerOpened && failure == "" {
		failure = e.Breaker.LastError
	}
	add(reason != "", slog.String(keyReason, reason))
	add(failure != "", slog.String(keyError, bound(failure, maxError)))
	add(e.Took > 0, slog.Duration(keyTook, e.Took))
	add(e.Count > 0, slog.Int(keyCount, e.Count))
	// A closed breaker without failures goes without saying.
	add(e.Breaker.State > breaker.Closed || e.Breaker.Failures > 0 || e.Kind == recovery.BreakerClosed, slog.String(keyBreaker, e.Breaker.State.String()))
	add(e.Breaker.Failures > 0, slog.Int(keyFailures, e.Breaker.Failures))
	add(!e.Breaker.NextTrial.IsZero(), slog.Time(keyNextTrial, e.Breaker.NextTrial))
	add(e.By.IsSet(), slog.String(keyBy, cutName(e.By.Name)))
	add(e.By.PID > 0, slog.Uint64(keyUID, uint64(e.By.UID)))
	add(e.By.PID > 0, slog.Int(keyPID, int(e.By.PID)))
	add(!e.Until.IsZero(), slog.Time(keyUntil, e.Until))
	add(e.Why != "", slog.String(keyWhy, bound(e.Why, maxError)))
	return a
}

func cutName(name string) string {
	if utf8.RuneCountInString(name) <= maxName {
		return name
	}
	seen := 0
	for i := range name {
		if seen == maxName {
			return name[:i] + "…"
		}
		seen++
	}
	return name
}

func idList(ids []int64) string {
	var b strings.Builder
	for i, id := range ids {
		if i == maxIDs {
			return b.String() + ",…"
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(id, 10))
	}
	return b.String()
}

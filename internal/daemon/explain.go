package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/recovery"
)

// Explain implements control.Daemon. It asks the same code that decides and
// that restarts, so that what is said is what would be done.
func (k *desk) Explain(ctx context.Context, process string) (control.Explanation, error) {
	if err := k.known(ctx, process); err != nil {
		return control.Explanation{}, err
	}
	v := k.d.shown.Load()
	g := k.gather(ctx, v)
	x := explainer{
		desk: k, view: v, prospect: k.d.engine.Prospect(process),
		out: control.Explanation{Process: process, Now: g.process(process)},
	}
	x.settings()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	x.target, x.err = k.d.units.Resolve(ctx, x.prospect.Process)
	if x.err == nil {
		x.look(ctx)
		x.steps()
	}
	x.verdict()
	x.stops()
	return x.out, nil
}

// explainer puts an explanation together.
type explainer struct {
	desk     *desk
	view     *view
	prospect recovery.Prospect
	// target and err are what Resolve said.
	target recovery.Target
	err    error
	out    control.Explanation
}

// settings says where the process's settings come from.
func (x *explainer) settings() {
	p := x.prospect.Process
	x.out.Section = "[process." + p.Name + "], then [process.default], then the built-in defaults"
	if !p.Configured {
		x.out.Section = "[process.default], then the built-in defaults: it has no section of its own"
	}
	row := func(key, value string) {
		x.out.Settings = append(x.out.Settings, control.Setting{
			Key: key, Value: value, Origin: x.view.cfg.ProcessOrigin(p.Name, key).String(),
		})
	}
	row("restart_strategy", p.Strategy.String())
	if p.Unit != "" {
		row("unit", p.Unit)
	}
	row("max_attempts", strconv.Itoa(p.MaxAttempts))
	row("restart_delay", config.ShortDuration(p.RestartDelay))
	row("restart_timeout", config.ShortDuration(p.RestartTimeout))
	row("health_check_timeout", config.ShortDuration(p.HealthCheckTimeout))
	row("priority", strconv.Itoa(p.Priority))
}

// look says what would be acted upon as it is now.
func (x *explainer) look(ctx context.Context) {
	x.out.Strategy, x.out.Unit = x.target.Strategy.String(), x.target.Unit
	if x.target.Unit != "" && x.desk.d.systemd != nil {
		u, err := x.desk.d.systemd.Unit(ctx, x.target.Unit)
		x.out.UnitState = u.ActiveState.String() + " (" + u.SubState + ")"
		if err != nil {
			x.out.UnitState = "not known: " + err.Error()
		}
	}
	if x.target.Strategy != config.StrategyProcess {
		return
	}
	procs, err := x.desk.d.procs.Find(x.prospect.Process.Name)
	if err != nil {
		x.stop("the process table cannot be read: %v", err)
	}
	for _, p := range procs {
		x.out.Running = append(x.out.Running, p.PID)
	}
}

// steps says what would be done.
func (x *explainer) steps() {
	p := x.prospect.Process
	step := func(what, line string, limit time.Duration) {
		x.out.Steps = append(x.out.Steps, control.Step{What: what, Command: line, LimitSeconds: limit.Seconds()})
	}
	// Resolve has refused a name that may not be put into a command.
	expanded := func(line string) string {
		if text, err := command.Expand(line, p.Name); err == nil {
			return text
		}
		return line
	}
	if p.PreRestartCommand != "" {
		step("run pre_restart_command; if it fails nothing is touched, and the recovery has failed", expanded(p.PreRestartCommand), p.PreRestartTimeout)
	}
	switch x.target.Strategy {
	case config.StrategyService:
		step("restart the unit "+x.target.Unit+" through systemd", "", p.RestartTimeout)
	case config.StrategyProcess:
		if n := len(x.out.Running); n > 0 {
			step(fmt.Sprintf("end %s with SIGTERM, after %s with SIGKILL", plural(n, "process"), config.ShortDuration(p.StopLimit())), "", 0)
		}
		start := "start it"
		if p.RunAs != "" {
			start += " as the user " + p.RunAs
		}
		step(start, x.target.Command, p.RestartTimeout)
	case config.StrategyCustom:
		step("run restart_command", x.target.Command, p.RestartTimeout)
	case config.StrategyAuto, config.StrategyUnknown:
	}
	switch {
	case p.HealthCheckCommand != "":
		step("run health_check_command every "+config.ShortDuration(p.HealthCheckInterval)+" until it passes", expanded(p.HealthCheckCommand), p.HealthCheckTimeout)
	case x.target.Unit != "" && x.target.Strategy != config.StrategyProcess:
		step("check that the unit "+x.target.Unit+" is active and stays so", "", p.HealthCheckTimeout)
	default:
		step("check that the process is running and stays so", "", p.HealthCheckTimeout)
	}
	if p.MaxAttempts > 1 {
		step(fmt.Sprintf("if one of these two fails, try again after %s, %d attempts in all", config.ShortDuration(p.RestartDelay), p.MaxAttempts), "", 0)
	}
	if x.prospect.ReadOnly {
		step("leave the alarm for whoever raised it to clear, for "+config.ShortDuration(x.view.cfg.Database.ClearTimeout), "", 0)
	} else {
		step("clear the alarm and note the restart", "", 0)
	}
}

// verdict says in a sentence whether it would be restarted, and why.
func (x *explainer) verdict() {
	reason, why := x.prospect.Reason, ""
	var refusal *recovery.Refusal
	switch {
	case reason != recovery.ReasonNone:
		why = x.because(reason)
	case errors.As(x.err, &refusal):
		reason, why = refusal.Reason, refusal.Detail
	case x.prospect.DryRun:
		reason, why = recovery.ReasonDryRun, "dry_run is on"
	case x.unseen():
		x.out.Reason = string(control.Acknowledged)
		x.out.Verdict = "It would be left alone: " + acknowledged + ", until whoever acknowledged it takes that back"
		return
	}
	if reason != recovery.ReasonNone {
		x.out.Reason = reason.String()
		x.out.Verdict = "It would be left alone: " + why
		return
	}
	x.out.Acts = true
	switch {
	case x.prospect.Recheck:
		x.out.Acts = false
		x.out.Verdict = "It would be looked at and not restarted while it is well: it is restarted and verified, and its alarm is still to be cleared"
	case x.err != nil:
		x.out.Verdict = fmt.Sprintf("A recovery would be tried and fail: %v", x.err)
	case x.prospect.Answer.Trial:
		x.out.Verdict = "It would be restarted, as the one trial of its open breaker"
	case x.counts():
		x.out.Verdict = fmt.Sprintf("It would be restarted, and the alarm itself would count as failure %d of %d: its last restart is younger than stable_time",
			x.prospect.Now.Breaker.Failures+1, x.prospect.Limits.MaxFailures)
	default:
		x.out.Verdict = "It would be restarted"
	}
}

// acknowledged is why the alarm of an acknowledged process is not seen.
const acknowledged = "its alarm is acknowledged in the database (sound = 1), and polls do not see it"

// unseen says whether all of the process's rows in alarm are acknowledged: one
// that is not would be acted upon.
func (x *explainer) unseen() bool { return x.out.Now.Acknowledged && !x.out.Now.InAlarm }

// counts says whether the alarm itself would be a failure of the last restart.
func (x *explainer) counts() bool { return slices.Contains(x.prospect.Follows, recovery.Flapped) }

func (x *explainer) because(reason recovery.Reason) string {
	switch reason {
	case recovery.ReasonRunning:
		return "its recovery is under way"
	case recovery.ReasonQueued:
		return "its recovery waits for one of max_parallel_restarts"
	case recovery.ReasonWriteBack:
		return "it is restarted and verified, and its alarm is still to be cleared"
	case recovery.ReasonNotYetCleared:
		return "it is restarted and verified, and whoever raised its alarm has not cleared it yet"
	case recovery.ReasonBreakerOpen:
		if slices.Contains(x.prospect.Follows, recovery.BreakerOpened) {
			return "an alarm within stable_time of its last restart is one failure too many, and opens its breaker"
		}
		if next := x.prospect.Answer.NextTrial; !next.IsZero() {
			return "its breaker is open until " + next.Local().Format(time.DateTime)
		}
		return "its breaker is open and its one trial is under way"
	case recovery.ReasonPaused:
		return x.prospect.Pauses[0].Text()
	case recovery.ReasonIgnored:
		return "it has no section, and unconfigured_processes = ignore"
	case recovery.ReasonUnsafeName:
		return "its name may not become part of a command or of a unit's name, and it has no section that spells everything out"
	case recovery.ReasonNone, recovery.ReasonCap, recovery.ReasonNoName, recovery.ReasonProtected, recovery.ReasonOwnUnit,
		recovery.ReasonNotAService, recovery.ReasonMasked, recovery.ReasonNoUnit, recovery.ReasonBadUnit,
		recovery.ReasonForeignUnit, recovery.ReasonDryRun, recovery.ReasonStopping, recovery.ReasonAway, recovery.ReasonResolve, recovery.ReasonPreRestart,
		recovery.ReasonRestart, recovery.ReasonHealthCheck, recovery.ReasonFlapping, recovery.ReasonNotCleared:
	}
	return strings.ReplaceAll(reason.String(), "_", " ")
}

func (x *explainer) stop(format string, args ...any) {
	x.out.Stops = append(x.out.Stops, fmt.Sprintf(format, args...))
}

// stops says what else would stop it or hold it up.
func (x *explainer) stops() {
	p := x.prospect
	if x.view.down() {
		x.stop("the database cannot be read: no alarm is seen until it is back")
	}
	if x.out.Now.Acknowledged && x.out.Reason != string(control.Acknowledged) {
		x.stop(acknowledged)
	}
	if x.out.Acts && slices.Contains(p.Follows, recovery.NotClearedInTime) {
		x.stop("nobody has cleared its alarm within clear_timeout: that counts as a failure")
	}
	left := p.Limits.MaxFailures - p.Now.Breaker.Failures
	if x.counts() {
		left-- // the alarm is one itself
	}
	if p.Now.Breaker.NextTrial.IsZero() && left > 0 {
		x.stop("its breaker opens after %s in a row, for %s", plural(left, "more failed recovery"), config.ShortDuration(p.Limits.ResetTime))
	}
	if p.Taken >= p.MaxParallel {
		x.stop("all %d places of max_parallel_restarts are taken, and %d wait", p.MaxParallel, p.Queued)
	}
	if p.MaxPerCycle > 0 {
		x.stop("one poll begins at most %d recoveries, by priority (max_restarts_per_cycle)", p.MaxPerCycle)
	}
	if p.Reason != recovery.ReasonNone && x.err != nil { // the verdict has another reason
		x.stop("%v", x.err)
	}
}

func plural(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(what, "y"))
	case strings.HasSuffix(what, "s"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

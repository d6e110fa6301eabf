package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

// PollOutcome is how a poll of the alarm database ended.
type PollOutcome int

// The outcomes of a poll.
const (
	// PollUnknown failed for a reason that is of no known class.
	PollUnknown PollOutcome = iota
	PollSucceeded
	// PollTransient, PollDenied and PollMisconfigured failed.
	PollTransient
	PollDenied
	PollMisconfigured

	numPollOutcomes
)

func (o PollOutcome) String() string {
	switch o {
	case PollSucceeded:
		return "success"
	case PollTransient:
		return "transient"
	case PollDenied:
		return "denied"
	case PollMisconfigured:
		return "misconfigured"
	case PollUnknown, numPollOutcomes:
	}
	return "unknown"
}

// The outcomes of a write-back, and the states that a breaker goes into.
const (
	writeBackCleared    = "cleared"
	writeBackSuperseded = "superseded"
	writeBackFailed     = "failed"
	writeBackRefused    = "refused"

	breakerOpen     = "open"
	breakerHalfOpen = "half_open"
	breakerClosed   = "closed"
)

// counters is what is counted as it happens. Every series whose label is of a
// fixed vocabulary is there from the beginning, so that its first increase is
// seen as one.
type counters struct {
	events, polls, recoveryFailures, attemptFailures *prometheus.CounterVec
	refusals, transitions, writeBacks                *prometheus.CounterVec
	pollDuration                                     prometheus.Histogram
	recovery                                         *prometheus.HistogramVec
	reload, reloadTime                               prometheus.Gauge
}

func newCounters() counters {
	c := counters{
		events: counterVec(specEvents), polls: counterVec(specPolls),
		recoveryFailures: counterVec(specRecoveryFailures), attemptFailures: counterVec(specAttemptFailures),
		refusals: counterVec(specRefusals), transitions: counterVec(specTransitions), writeBacks: counterVec(specWriteBacks),
		pollDuration: prometheus.NewHistogram(histogramOpts(specPollDuration,
			.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30)),
		recovery: prometheus.NewHistogramVec(histogramOpts(specRecovery,
			.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600), specRecovery.labels),
		reload:     prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + specReload.name, Help: specReload.help}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + specReloadTime.name, Help: specReloadTime.help}),
	}
	for k := recovery.KindUnknown + 1; k.String() != recovery.KindUnknown.String(); k++ {
		c.events.WithLabelValues(k.String())
	}
	for o := range numPollOutcomes {
		c.polls.WithLabelValues(o.String())
	}
	for o := range numOutcomes {
		c.recovery.WithLabelValues(o.String())
	}
	for _, r := range []recovery.Reason{recovery.ReasonResolve, recovery.ReasonPreRestart, recovery.ReasonRestart, recovery.ReasonHealthCheck} {
		c.recoveryFailures.WithLabelValues(r.String())
	}
	for _, r := range []recovery.Reason{recovery.ReasonRestart, recovery.ReasonHealthCheck} {
		c.attemptFailures.WithLabelValues(r.String())
	}
	for _, r := range refusals() {
		c.refusals.WithLabelValues(r.String())
	}
	for _, state := range []string{breakerOpen, breakerHalfOpen, breakerClosed} {
		c.transitions.WithLabelValues(state)
	}
	for _, outcome := range []string{writeBackCleared, writeBackSuperseded, writeBackFailed, writeBackRefused} {
		c.writeBacks.WithLabelValues(outcome)
	}
	return c
}

// refusals are the reasons that the event NotActing may have.
func refusals() []recovery.Reason {
	return []recovery.Reason{
		recovery.ReasonBreakerOpen, recovery.ReasonNotYetCleared, recovery.ReasonCap, recovery.ReasonIgnored,
		recovery.ReasonNoName, recovery.ReasonUnsafeName, recovery.ReasonProtected, recovery.ReasonOwnUnit,
		recovery.ReasonNotAService, recovery.ReasonMasked, recovery.ReasonNoUnit, recovery.ReasonBadUnit,
		recovery.ReasonForeignUnit, recovery.ReasonDryRun, recovery.ReasonPaused, recovery.ReasonAway,
	}
}

func counterVec(s spec) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + s.name, Help: s.help}, s.labels)
}

func histogramOpts(s spec, buckets ...float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Name: prefix + s.name, Help: s.help, Buckets: buckets}
}

func (c counters) all() []prometheus.Collector {
	return []prometheus.Collector{
		c.events, c.polls, c.pollDuration, c.recovery, c.recoveryFailures, c.attemptFailures,
		c.refusals, c.transitions, c.writeBacks, c.reload, c.reloadTime,
	}
}

// Polled notes that a poll has ended, and how long it took.
func (m *Metrics) Polled(outcome PollOutcome, took time.Duration) {
	m.counters.polls.WithLabelValues(outcome.String()).Inc()
	m.counters.pollDuration.Observe(took.Seconds())
}

// Configured notes that a configuration was put in force at this time. Its
// processes have series of their own before all others.
func (m *Metrics) Configured(at time.Time, processes []string) {
	m.counters.reload.Set(1)
	m.counters.reloadTime.Set(seconds(at))
	m.roster.configure(processes)
}

// Misconfigured notes that a new configuration was refused.
func (m *Metrics) Misconfigured() { m.counters.reload.Set(0) }

// Observe counts an event. It waits for nothing.
func (m *Metrics) Observe(ev recovery.Event) {
	c := m.counters
	c.events.WithLabelValues(ev.Kind.String()).Inc()
	switch ev.Kind {
	case recovery.NotActing:
		c.refusals.WithLabelValues(ev.Reason.String()).Inc()
	case recovery.AttemptFailed:
		c.attemptFailures.WithLabelValues(ev.Reason.String()).Inc()
	case recovery.RecoveryStarted, recovery.RecoveryResumed:
		// Its series are there before its end: a counter that begins at 1
		// has not increased as far as Prometheus can see.
		m.roster.count(ev.Process, time.Now(), func(t *tally) { t.of(strategyOf(ev)) })
	case recovery.RecoverySucceeded:
		m.ended(ev, succeeded)
	case recovery.RecoveryFailed:
		c.recoveryFailures.WithLabelValues(ev.Reason.String()).Inc()
		m.ended(ev, failed)
	case recovery.RecoveryInterrupted, recovery.RecoveryPostponed:
		m.ended(ev, interrupted)
	case recovery.Flapped:
		m.roster.count(ev.Process, time.Now(), func(t *tally) { t.flaps++ })
	case recovery.BreakerOpened:
		c.transitions.WithLabelValues(breakerOpen).Inc()
	case recovery.BreakerHalfOpen:
		c.transitions.WithLabelValues(breakerHalfOpen).Inc()
	case recovery.BreakerClosed:
		c.transitions.WithLabelValues(breakerClosed).Inc()
	case recovery.Cleared:
		c.writeBacks.WithLabelValues(writeBackCleared).Inc()
	case recovery.Superseded:
		c.writeBacks.WithLabelValues(writeBackSuperseded).Inc()
	case recovery.WriteBackFailed:
		c.writeBacks.WithLabelValues(writeBackFailed).Inc()
	case recovery.WriteBackRefused:
		c.writeBacks.WithLabelValues(writeBackRefused).Inc()
	case recovery.KindUnknown, recovery.AlarmFound, recovery.AlarmGone, recovery.Restarted, recovery.HealthPassed,
		recovery.NotClearedInTime, recovery.HandoverFailed, recovery.HandoverWorks, recovery.CapReached, recovery.DatabaseLost,
		recovery.DatabaseBack, recovery.SystemdLost, recovery.SystemdBack, recovery.OperatorRestart, recovery.OperatorReset, recovery.OperatorPause,
		recovery.OperatorResume, recovery.OperatorPoll, recovery.OperatorRefused:
	}
}

func (m *Metrics) ended(ev recovery.Event, o outcome) {
	m.counters.recovery.WithLabelValues(o.String()).Observe(ev.Took.Seconds())
	m.roster.count(ev.Process, time.Now(), func(t *tally) { t.of(strategyOf(ev))[o]++ })
}

// strategyOf is what the recovery came down to; a value that is not of the
// vocabulary is unknown.
func strategyOf(ev recovery.Event) config.Strategy {
	switch s := ev.Target.Strategy; s {
	case config.StrategyService, config.StrategyProcess, config.StrategyCustom:
		return s
	case config.StrategyUnknown, config.StrategyAuto:
	}
	return config.StrategyUnknown
}

// seconds is a time as Prometheus has it.
func seconds(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }

package config

import (
	"fmt"
	"time"
)

// lowered is a time that has to fit into another one of its process, and does
// so by being lowered.
type lowered struct {
	key, limit string
	values     func(Process) (value, limit time.Duration)
	// matters says whether the process has any use for the time; nil is always.
	matters func(Process) bool
	outcome string
}

func lowerings() []lowered {
	return []lowered{
		{
			"health_check_interval", "health_check_timeout",
			func(p Process) (time.Duration, time.Duration) { return p.HealthCheckInterval, p.HealthCheckTimeout },
			nil,
			"it is lowered to at most half of that, so that there are two checks",
		},
		{
			"stop_timeout", "restart_timeout",
			func(p Process) (time.Duration, time.Duration) { return p.StopTimeout, p.RestartTimeout },
			func(p Process) bool { return p.Strategy == StrategyProcess || p.Strategy == StrategyAuto },
			"it is lowered to that, so that restart_timeout stays the longest",
		},
	}
}

// StopLimit is how long the process has to end by itself when it is stopped. A
// stop_timeout beyond restart_timeout would make the longest restart the longer
// of the two.
func (p Process) StopLimit() time.Duration { return min(p.StopTimeout, p.RestartTimeout) }

// checkPace warns of times that do not fit into another one and are lowered.
// What is nobody's doing but the defaults' is not told.
func (b *build) checkPace() {
	for _, l := range lowerings() {
		b.checkLowered(l)
	}
}

func (b *build) checkLowered(l lowered) {
	warn := func(p Process, section, key string) {
		value, limit := l.values(p)
		if value <= limit || l.matters != nil && !l.matters(p) ||
			b.refused[originKey(section, l.key)] || b.refused[originKey(section, l.limit)] {
			return
		}
		b.warnAt(section, key, fmt.Sprintf("%s (%s) is longer than %s (%s): %s",
			l.key, ShortDuration(value), l.limit, ShortDuration(limit), l.outcome))
	}
	inherited := b.given(defaultSection, l.key)
	if inherited {
		warn(b.fallback, defaultSection, l.key)
	}
	for _, name := range b.names {
		section := processPrefix + name
		switch {
		case b.given(section, l.key):
			warn(b.processes[name], section, l.key)
		case inherited && b.given(section, l.limit):
			warn(b.processes[name], section, l.limit)
		}
	}
}

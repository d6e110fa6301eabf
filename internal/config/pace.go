package config

import "fmt"

// checkPace warns of a health_check_interval that does not fit into the time
// that all checks of a recovery have. It is then lowered, so that there are two
// of them. What is nobody's doing but the defaults' is not told.
func (b *build) checkPace() {
	const interval, timeout = "health_check_interval", "health_check_timeout"
	warn := func(p Process, section, key string) {
		if p.HealthCheckInterval > p.HealthCheckTimeout && !b.refused[originKey(section, interval)] && !b.refused[originKey(section, timeout)] {
			b.warnAt(section, key, fmt.Sprintf("%s (%s) is longer than %s (%s): it is lowered to at most half of that, so that there are two checks",
				interval, ShortDuration(p.HealthCheckInterval), timeout, ShortDuration(p.HealthCheckTimeout)))
		}
	}
	inherited := b.given(defaultSection, interval)
	if inherited {
		warn(b.fallback, defaultSection, interval)
	}
	for _, name := range b.names {
		section := processPrefix + name
		switch {
		case b.given(section, interval):
			warn(b.processes[name], section, interval)
		case inherited && b.given(section, timeout):
			warn(b.processes[name], section, timeout)
		}
	}
}

package restart

import "monitor_service/internal/config"

// UnitOf is the unit that may be restarted for a process, empty where its
// strategy is another or where its name or unit would be refused. The strategy
// auto may turn out to be process later, when systemd knows no such unit.
func UnitOf(p config.Process) string {
	if p.Strategy != config.StrategyService && p.Strategy != config.StrategyAuto {
		return ""
	}
	if checkType(p) != nil || checkSpelledOut(p) != nil {
		return ""
	}
	if name := unitName(p); name != config.DaemonUnit {
		return name
	}
	return ""
}

// StartedIn is the unit that a process of this name is started in by the
// strategy process, where this host runs systemd. There is one as long as it
// runs.
func StartedIn(name string) string { return processUnit(name) }

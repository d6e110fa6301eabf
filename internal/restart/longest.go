package restart

import (
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
)

// tidyTime is what a strategy takes at most to return when it is ended: it
// kills its command, and asks the journal what became of a unit.
const tidyTime = 10 * time.Second

// Longest is the longest that Restart may go on when its context has ended.
// What is left to systemd is not waited for; what would leave a process dead is
// finished.
func Longest(p config.Process, t recovery.Target) time.Duration {
	switch t.Strategy {
	case config.StrategyProcess:
		patience := p.StopLimit()
		rounds := maxRounds * (patience + proctable.KillWait)
		return patience + stopGrace + rounds + p.RestartTimeout + tidyTime
	case config.StrategyCustom:
		return p.RestartTimeout + p.StopTimeout + stopGrace + tidyTime
	case config.StrategyService, config.StrategyAuto, config.StrategyUnknown:
	}
	return tidyTime
}

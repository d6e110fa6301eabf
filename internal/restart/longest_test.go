package restart

import (
	"testing"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

func TestOnlyWhatIsFinishedInAnyCaseHoldsUpTheDaemonsEnd(t *testing.T) {
	p := config.Process{StopTimeout: 40 * time.Second, RestartTimeout: 90 * time.Second}
	for strategy, least := range map[config.Strategy]time.Duration{
		config.StrategyService: 0, config.StrategyProcess: 130 * time.Second, config.StrategyCustom: 90 * time.Second,
	} {
		got := Longest(p, recovery.Target{Strategy: strategy})
		if got < least || least == 0 && got > tidyTime {
			t.Errorf("%s: %s", strategy, got)
		}
	}
	endless := config.Process{StopTimeout: time.Hour, RestartTimeout: time.Minute}
	if got := Longest(endless, recovery.Target{Strategy: config.StrategyProcess}); got > 10*time.Minute {
		t.Errorf("a stop_timeout beyond restart_timeout makes it %s", got)
	}
}

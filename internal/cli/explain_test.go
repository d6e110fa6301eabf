package cli

import (
	"strings"
	"testing"
	"time"

	"monitor_service/internal/control"
)

func TestTheFirstLinesOfAnExplanationSayItAll(t *testing.T) {
	since := time.Date(2026, 11, 23, 2, 29, 46, 0, time.Local)
	closed := control.Breaker{State: "closed", MaxFailures: 3}
	for _, c := range []struct {
		explanation control.Explanation
		color       color
		says        string
	}{
		{
			control.Explanation{Acts: true, Verdict: "It would be restarted", Now: control.Process{State: control.OK, Breaker: closed}},
			green,
			"If p alarmed now: it would be restarted.\nIt is ok now; its breaker is closed.\n",
		},
		{
			control.Explanation{
				Acts: true, Verdict: "It would be restarted, as the one trial of its open breaker",
				Now: control.Process{State: control.Open, InAlarm: true, AlarmSince: since, Breaker: control.Breaker{State: "open", Failures: 3, MaxFailures: 3, NextTrial: since}},
			},
			yellow,
			"If p alarmed now: it would be restarted, as the one trial of its open breaker.\n" +
				"It is open now, in alarm since 2026-11-23 02:29:46; its breaker is open, its next trial at 2026-11-23 02:29:46.\n",
		},
		{
			control.Explanation{
				Acts: true, Verdict: "A recovery would be tried and fail: the bus is gone",
				Now: control.Process{State: control.Failing, Breaker: control.Breaker{State: "closed", Failures: 1, MaxFailures: 3}},
			},
			red,
			"If p alarmed now: a recovery would be tried and fail: the bus is gone.\nIt is failing now; its breaker is closed after 1 of 3 failed recoveries.\n",
		},
		{
			control.Explanation{Verdict: "It would be left alone: it is paused by root", Now: control.Process{State: control.Paused, Breaker: closed}},
			red,
			"If p alarmed now: it would be left alone: it is paused by root.\nIt is paused now; its breaker is closed.\n",
		},
	} {
		e := c.explanation
		e.Process = "p"
		if got := explainText(screen{}, e); !strings.HasPrefix(got, c.says) {
			t.Errorf("it begins with\n%s\nwant\n%s", got, c.says)
		}
		s := screen{color: true}
		if got := explainText(s, e); !strings.Contains(got, s.paint(c.color, lowerFirst(e.Verdict))) {
			t.Errorf("%q has another colour", got)
		}
	}
}

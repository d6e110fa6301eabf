package notify

import (
	"testing"
	"time"
)

func TestMessageIsRetriedWithJitterAndIsCapped(t *testing.T) {
	c := newChannel(ChannelEmail, channelSettings{}, func(Report) {})
	different := map[time.Duration]bool{}
	var longest time.Duration
	for i := range 200 {
		pause := c.wait.NextBackOff()
		longest = max(longest, pause)
		if i > 20 {
			different[pause] = true
		}
	}
	if longest < lastRetry/2 || longest > lastRetry {
		t.Errorf("the longest pause is %v, want at most %v and not much less", longest, lastRetry)
	}
	if len(different) < 10 {
		t.Errorf("%d different pauses: daemons that lost one server come back all at once", len(different))
	}
}

package bench

import (
	"strings"
	"testing"
)

func TestAMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		s    Sample
		want float64
	}{
		{nil, 0},
		{Sample{3}, 3},
		{Sample{9, 1, 5}, 5},
		{Sample{9, 1, 5, 7}, 6},
	} {
		if got := c.s.Median(); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.s, got, c.want)
		}
	}
}

func TestRatiosArePairByPair(t *testing.T) {
	got := Sample{2, 9, 4}.Over(Sample{1, 3, 8})
	if len(got) != 3 || got[0] != 2 || got[1] != 3 || got[2] != 0.5 {
		t.Errorf("got %v", got)
	}
}

func TestThePageHasWhatTheREADMETakesBeforeTheDetails(t *testing.T) {
	r := Report{
		Host: "a host", Command: "make bench",
		Goals: []Goal{
			{What: "storm", Want: "≤ 1.25×", Measured: "1.1×", Met: true, Cause: "Not said."},
			{What: "memory", Want: "20 MB", Measured: "21 MB", Why: "by 1 MB: it is a test", Cause: "It is large."},
			{What: "memory again", Want: "20 MB", Measured: "21 MB", Cause: "It is large."},
		},
		Summary: []Table{{Title: "Storm", Text: "How.", Head: []string{"n"}, Rows: [][]string{{"a|b"}}}},
		Details: []Table{{Title: "Idle", Text: "What.", Head: []string{"n"}, Rows: [][]string{{"secret"}}}},
	}
	summary := Summary(r.Markdown())
	for _, want := range []string{"a host", "| storm | ≤ 1.25× | 1.1× | yes |", "| memory | 20 MB | 21 MB | by 1 MB: it is a test |", "**Storm.** How.", `| a\|b |`} {
		if !strings.Contains(summary, want) {
			t.Errorf("%q is not in the summary:\n%s", want, summary)
		}
	}
	if strings.Count(summary, "It is large.") != 1 || strings.Contains(summary, "Not said.") {
		t.Errorf("the causes are not those of the missed goals, each once:\n%s", summary)
	}
	if strings.Contains(summary, "secret") || strings.HasPrefix(summary, "#") {
		t.Errorf("the summary has more than its part:\n%s", summary)
	}
}

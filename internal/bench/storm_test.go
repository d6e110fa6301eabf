//go:build bench

package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	limitRatio   = 1.25 // of systemd's own time
	loopTimes    = 25.0 // faster than the loop
	loopSize     = 200  // services
	limitedFrom  = 200  // services, from which the ratio is promised
	manyParallel = 32
)

// The causes of goals that storms miss.
const (
	causeRatio = "**Why a storm takes longer than one `systemctl restart`.** A service counts as well when it has stayed up for " +
		"`health_check_interval`, 1 s by default, and its alarm is cleared only then: that second is in each storm once, for its last " +
		"service. With `health_check_interval = 10ms`, the least there is, it is taken out. What is left is the wait for the poll; the work " +
		"that `systemctl restart` does not do, each alarm being read again before its restart and cleared after it, the unit looked at " +
		"before and after, what is begun kept for a later daemon, and each step logged; and, what sets much of the pace, that the jobs " +
		"are asked for strictly one after the other, where an answer of systemd's that waits beside other work takes 15 to 20 ms. So the " +
		"processors have time to spare: \"Work of a storm\", below in deploy/PERFORMANCE.md, has how busy they are, and the processor " +
		"time of each who has a part."
	causeLoop = "**Why the shell loop is not so much slower.** It does no more than what the bash daemon does with the alarms: it writes no log, and " +
		"its check is one `systemctl is-active`, after which it waits for nothing, where the bash daemon took 54 s. systemd itself, in one " +
		"call, is faster than the loop by no more than the table says."
)

// variant is a configuration that a storm is measured with.
type variant struct{ name, config string }

func variants() []variant {
	return []variant{
		{"defaults", defaults},
		{"health_check_interval = 10ms", defaults + "[process.default]\nhealth_check_interval = 10ms\n"},
		{fmt.Sprintf("max_parallel_restarts = %d", manyParallel), defaults + fmt.Sprintf("max_parallel_restarts = %d\n", manyParallel)},
	}
}

// measured is what one size of storm took.
type measured struct {
	shell Sample
	// systemd and daemon are the pairs of each variant.
	systemd, daemon []Sample
	// work is what systemd's own restart costs, then what each variant does.
	work []work
}

// work is processor time in seconds, of each of the units in workers, and what
// part that is of all that the processors had to give meanwhile.
type work struct {
	used []Sample
	busy Sample
}

// workers are who has a part in a storm, the services themselves at the end.
func workers() []string {
	return []string{managerUnit, "dbus.service", "systemd-journald.service", databaseUnit, daemonUnit, servicesUnit}
}

// storm measures N services that alarm at once: from the commit of the alarms
// to the last one cleared.
func (b *bench) storm(t *testing.T) {
	details := Table{
		Title: "Storm",
		Text: "N services alarm at once: the time from the commit of the alarms to the last one cleared. Beside it one `systemctl restart` " +
			"of the same units, and a shell loop that runs for each alarm a client of the database, `systemctl restart`, `systemctl is-active` " +
			"and a client again. " + textLook,
		Head: []string{"services", "configuration", "`systemctl restart`", "monitor_service", "ratio", "shell loop", "faster than it"},
	}
	summary := Table{
		Title: details.Title, Text: details.Text,
		Head: details.Head,
	}
	costs := Table{
		Title: "Work of a storm",
		Text: "Processor time of those who have a part in a storm, in milliseconds for each service that was restarted, and how much all " +
			"of it is of what the processors had to give in that time. `" + servicesUnit + "` are the services.",
		Head: append(append([]string{"services", "configuration"}, workers()...), "busy"),
	}
	for _, n := range numbers(t, *sizes) {
		b.services(t, n)
		m := b.stormOf(t, n)
		for i, w := range m.work {
			row := []string{fmt.Sprint(n), "`systemctl restart`"}
			if i > 0 {
				row[1] = variants()[i-1].name
			}
			for _, s := range w.used {
				row = append(row, fmt.Sprintf("%.2f", s.Median()/float64(n)*1e3))
			}
			row = append(row, fmt.Sprintf("%.0f %%", w.busy.Median()*100))
			costs.Rows = append(costs.Rows, row)
			t.Log(strings.Join(row, " | "))
		}
		for i, v := range variants() {
			loopTime, faster := "–", "–"
			if len(m.shell) > 0 {
				loopTime, faster = m.shell.Show(Seconds), m.shell.Over(m.daemon[i]).Show(Times)
			}
			row := []string{
				fmt.Sprint(n), v.name, m.systemd[i].Show(Seconds), m.daemon[i].Show(Seconds),
				m.daemon[i].Over(m.systemd[i]).Show(Times), loopTime, faster,
			}
			details.Rows = append(details.Rows, row)
			if i == 0 || n >= limitedFrom {
				summary.Rows = append(summary.Rows, row)
			}
			t.Log(strings.Join(row, " | "))
		}
		b.stormGoals(n, m)
	}
	b.report.Summary = append(b.report.Summary, summary)
	b.report.Details = append(b.report.Details, details, costs)
	b.services(t, 0)
}

func (b *bench) stormOf(t *testing.T, n int) measured {
	m := measured{
		systemd: make([]Sample, len(variants())), daemon: make([]Sample, len(variants())), work: make([]work, 1+len(variants())),
	}
	for i := range m.work {
		m.work[i].used = make([]Sample, len(workers()))
	}
	for run := range *runs {
		for i, v := range variants() {
			pair := []func(){
				func() {
					b.stopDaemon(t)
					m.work[0].add(t, b, func() { m.systemd[i] = append(m.systemd[i], b.limit(t, n)) })
				},
				func() {
					b.daemon(t, v.config)
					m.work[1+i].add(t, b, func() { m.daemon[i] = append(m.daemon[i], b.strike(t, n)) })
					b.keepProfile(t, fmt.Sprintf("storm-%d-%d", n, i))
				},
			}
			// Each goes first as often as the other.
			pair[run%2]()
			pair[1-run%2]()
		}
		if n <= *loopUpTo {
			b.stopDaemon(t)
			b.raise(t, fmt.Sprintf("process_id <= %d", n))
			m.shell = append(m.shell, b.timed(t, loopPath))
		}
	}
	return m
}

// add notes what something costs.
func (w *work) add(t *testing.T, b *bench, something func()) {
	t.Helper()
	before := make([]float64, len(w.used))
	for i, unit := range workers() {
		before[i] = b.processor(t, unit)
	}
	begin, all := time.Now(), 0.0
	something()
	took := time.Since(begin).Seconds()
	for i, unit := range workers() {
		used := b.processor(t, unit) - before[i]
		all += used
		w.used[i] = append(w.used[i], used)
	}
	w.busy = append(w.busy, all/took/b.processors)
}

// storms is one storm that meets a fresh daemon, in seconds.
func (b *bench) storms(t *testing.T, config string, n int) float64 {
	t.Helper()
	b.daemon(t, config)
	return b.strike(t, n)
}

// strike is one storm, in seconds.
func (b *bench) strike(t *testing.T, n int) float64 {
	t.Helper()
	which := fmt.Sprintf("process_id <= %d", n)
	begin := b.raise(t, which)
	return b.cleared(t, which).Sub(begin).Seconds()
}

// limit is systemd's own time for n services, in seconds.
func (b *bench) limit(t *testing.T, n int) float64 {
	t.Helper()
	return b.timed(t, "/bin/bash", "-c", fmt.Sprintf(
		`begin=$EPOCHREALTIME; systemctl restart $(seq -f 'w@%%g.service' %d); echo "$begin $EPOCHREALTIME"`, n))
}

// timed runs a command that prints when it began and ended.
func (b *bench) timed(t *testing.T, args ...string) float64 {
	t.Helper()
	times := strings.Fields(b.Must(t, args...))
	if len(times) != 2 {
		t.Fatalf("%q printed %q", args, times)
	}
	return number(t, times[1]) - number(t, times[0])
}

func (b *bench) stormGoals(n int, m measured) {
	if n >= limitedFrom {
		what := fmt.Sprintf("storm of %d, beside one `systemctl restart`", n)
		b.ratioGoal(what, m, 0, fmt.Sprintf("no: %s is the second for which the last service is watched",
			Times(1/m.systemd[0].Median())))
		b.ratioGoal(what+", that second taken out (`"+variants()[1].name+"`)", m, 1, "")
	}
	if n == loopSize {
		faster := m.shell.Over(m.daemon[0])
		b.report.Goals = append(b.report.Goals, Goal{
			What:     fmt.Sprintf("storm of %d, beside the shell loop", n),
			Want:     "≥ " + Times(loopTimes) + " faster",
			Measured: faster.Show(Times), Met: faster.Median() >= loopTimes,
			Why: fmt.Sprintf("no: %s with `%s`; systemd itself is %s faster than the loop",
				m.shell.Over(m.daemon[1]).Show(Times), variants()[1].name, m.shell.Over(m.systemd[0]).Show(Times)),
			Cause: causeLoop,
		})
	}
}

// ratioGoal adds the goal of one variant beside systemd.
func (b *bench) ratioGoal(what string, m measured, variant int, why string) {
	ratio := m.daemon[variant].Over(m.systemd[variant])
	b.report.Goals = append(b.report.Goals, Goal{
		What: what, Want: "≤ " + Times(limitRatio), Measured: ratio.Show(Times), Met: ratio.Median() <= limitRatio,
		Why: why, Cause: causeRatio,
	})
}

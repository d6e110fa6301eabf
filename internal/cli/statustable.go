package cli

import (
	"cmp"
	"fmt"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
)

// byNeed puts what needs somebody first, as the status page does, and then goes
// by name.
func byNeed(a, b control.Process) int {
	return cmp.Or(cmp.Compare(need(b.State), need(a.State)), cmp.Compare(a.Name, b.Name))
}

// need is how much a state needs somebody: 0 needs nobody.
func need(s control.State) int {
	switch s {
	case control.Open:
		return 9
	case control.Failing:
		return 8
	case control.LeftAlone:
		return 7
	case control.AwaitingOwner:
		return 6
	case control.Clearing:
		return 5
	case control.Recovering:
		return 4
	case control.Queued:
		return 3
	case control.Alarm:
		return 2
	case control.Paused:
		return 1
	case control.Acknowledged, control.Settling, control.OK:
		return 0
	}
	return 2 // of a newer daemon
}

// statusTable is a row for each process: of the tables that the terminal has
// room for the one that says most, and a block for each process where it has
// room for none.
func statusTable(s screen, st control.Status) (title string, rows [][]string) {
	for _, t := range []*table{fullTable(st, true), fullTable(st, false), shortTable(st)} {
		if title, rows, ok := t.lines(s); ok {
			return title, rows
		}
	}
	return "", fullTable(st, true).blocks(s)
}

// fullTable has everything, but for the targets where they are not wanted: those
// seldom change.
func fullTable(st control.Status, targets bool) *table {
	t := &table{columns: []column{{"PROCESS", 12}, {"STATE", whole}}}
	if targets {
		t.columns = append(t.columns, column{"TARGET", 10})
	}
	t.columns = append(t.columns, column{"BREAKER", whole}, column{"LAST RECOVERY", 16}, column{"ALARM SINCE", whole})
	for _, p := range st.Processes {
		row := []cell{{p.Name, plainColor}, stateCell(st, p)}
		if targets {
			row = append(row, cell{targetText(p), plainColor})
		}
		t.add(append(row, breakerCell(st, p), lastCell(st, p.Last), cell{sinceText(st, p), plainColor})...)
	}
	return t
}

// shortTable says the same in fewer words, for the usual 80 columns.
func shortTable(st control.Status) *table {
	t := &table{columns: []column{{"PROCESS", 12}, {"STATE", whole}, {"BREAKER", whole}, {"LAST", 9}, {"ALARM", whole}}}
	for _, p := range st.Processes {
		since := ""
		if !p.AlarmSince.IsZero() {
			since = age(st.Now.Sub(p.AlarmSince))
		}
		t.add(cell{p.Name, plainColor}, shortState(st, p), shortBreaker(st, p), shortLast(st, p.Last), cell{since, plainColor})
	}
	return t
}

func shortState(st control.Status, p control.Process) cell {
	c := stateCell(st, p)
	if p.State == control.Paused && p.Pause != nil && !p.Pause.Until.IsZero() {
		c.text = string(p.State) + " for " + age(p.Pause.Until.Sub(st.Now))
	}
	return c
}

func shortBreaker(st control.Status, p control.Process) cell {
	c := breakerCell(st, p)
	left := p.Breaker.NextTrial.Sub(st.Now)
	switch b := p.Breaker; {
	case b.State == "closed" && b.Failures > 0:
		c.text = fmt.Sprintf("%d of %d failed", b.Failures, b.MaxFailures)
	case b.State == "half-open", b.State == "closed":
		c.text = b.State
	case left > 0 && p.InAlarm:
		c.text = "trial in " + age(left)
	case left > 0:
		c.text = "no trial for " + age(left)
	case p.InAlarm:
		c.text = "trial at next poll"
	default:
		c.text = "trial at next alarm"
	}
	return c
}

// shortLast says how the last recovery ended, and how long ago.
func shortLast(st control.Status, r *history.Recovery) cell {
	if r == nil {
		return cell{"", plainColor}
	}
	_, c := outcomeText(*r)
	word := string(r.Outcome)
	switch {
	case r.Outcome == history.Succeeded && c != green:
		word = "did not hold"
	case r.Outcome == history.Succeeded:
		word = "recovered"
	}
	return cell{word + " " + age(st.Now.Sub(r.Ended)) + " ago", c}
}

//go:build e2e

package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// fault is one way to break something. inject breaks it and returns how to
// mend it; both return at once, or when what they wait for has happened.
type fault struct {
	kind string
	// on is what it breaks: two faults on the same thing are not mixed.
	on     string
	inject func(s *stage, r *rand.Rand) (mend func())
	// hold is how long it stays broken, at least and at most. Faults that
	// are over when inject returns have none.
	hold [2]time.Duration
	// deadly and blinding are those of Fault.
	deadly   string
	blinding bool
	// slow ones take minutes to prepare and are left out of the short form.
	slow bool
}

func (f fault) duration(r *rand.Rand) time.Duration {
	if f.hold[1] <= f.hold[0] {
		return f.hold[0]
	}
	return f.hold[0] + time.Duration(r.Int64N(int64(f.hold[1]-f.hold[0])))
}

const ms = time.Millisecond

// nothing is there to mend.
func nothing() {}

// once is a fault that is a script and needs no mending.
func once(script string) func(*stage, *rand.Rand) func() {
	return func(s *stage, _ *rand.Rand) func() {
		s.shell(script)
		return nothing
	}
}

// between is a fault that one script makes and another one mends.
func between(breaking, mending string) func(*stage, *rand.Rand) func() {
	return func(s *stage, _ *rand.Rand) func() {
		s.shell(breaking)
		return func() { s.shell(mending) }
	}
}

// faults are all that there is.
func faults() []fault {
	var all []fault
	for _, more := range [][]fault{databaseFaults(), hostFaults(), daemonFaults(), hookFaults()} {
		all = append(all, more...)
	}
	return all
}

// awaitStep is a script that waits until a hook writes the words, but not for
// ever: another fault may keep all hooks from that step.
func awaitStep(words string) string {
	return fmt.Sprintf("timeout 5 tail -c +$(($(stat -c %%s %s) + 1)) -f -s 0.01 %s | grep -q -m1 ' %s ' || true\n",
		evidencePath, evidencePath, words)
}

// awaitBus starts the bus until it answers: systemd gives up on one that was
// restarted too often.
const awaitBus = `
	for i in {1..50}; do
		systemctl reset-failed dbus.service dbus.socket || true
		systemctl start dbus.socket dbus.service && busctl --timeout=1 status >/dev/null && exit 0
		sleep 0.1
	done
	exit 1`

func hostFaults() []fault {
	return []fault{
		{kind: "bus restarted", on: "bus", inject: once("systemctl restart dbus || true\n" + awaitBus)},
		{kind: "bus killed", on: "bus", inject: once("systemctl kill -s KILL dbus; sleep 0.2\n" + awaitBus)},
		{kind: "daemon-reexec", on: "systemd", inject: once("systemctl daemon-reexec")},
		{kind: "daemon-reload", on: "systemd", inject: once("for i in 1 2 3; do systemctl daemon-reload; done")},
		{
			kind: "restart jobs that never end", on: "hooks", hold: [2]time.Duration{6000 * ms, 8000 * ms},
			inject: between("echo hang >/run/chaos/mode/start", "rm /run/chaos/mode/start"),
		},
		{
			kind: "unit file deleted", on: "systemd", hold: [2]time.Duration{300 * ms, 1500 * ms},
			inject: between("mv /etc/systemd/system/c@.service /srv/chaos; systemctl daemon-reload",
				"mv /srv/chaos/c@.service /etc/systemd/system; systemctl daemon-reload"),
		},
		{
			kind: "log's disk full", on: "log", hold: [2]time.Duration{500 * ms, 2500 * ms},
			inject: between("! cat /dev/zero >/var/log/chaos/d/fill", "rm -f /var/log/chaos/d/fill"),
		},
		{
			kind: "log's directory removed", on: "log", hold: [2]time.Duration{500 * ms, 2500 * ms},
			inject: between("rm -rf /var/log/chaos/d", "mkdir -p /var/log/chaos/d"),
		},
		{kind: "10,000 alarms at once", on: "database", hold: [2]time.Duration{3000 * ms, 6000 * ms}, inject: flood},
	}
}

// flood raises 10,000 alarms in one statement. Whoever raised them takes them
// back after a while: to restart all of them takes minutes. What became of each
// is for the judge.
func flood(s *stage, _ *rand.Rand) func() {
	const first = 1000
	raised := time.Now()
	var names, alarms []string
	for i := range 10_000 {
		names = append(names, fmt.Sprintf("(%d, 'f@%d')", first+i, i))
		alarms = append(alarms, fmt.Sprintf("(%d, 1, 0, 'flood')", first+i))
	}
	s.sql("REPLACE INTO PROCESE VALUES "+strings.Join(names, ","), "REPLACE INTO STATUS_PROCESS VALUES "+strings.Join(alarms, ","))
	return func() {
		s.flooded = append(s.flooded, s.rows(first, len(names), raised)...)
		s.sql(fmt.Sprintf("DELETE FROM STATUS_PROCESS WHERE process_id >= %d", first),
			fmt.Sprintf("DELETE FROM PROCESE WHERE process_id >= %d", first))
	}
}

// rows are the alarms of the first process_id and those above it.
func (s *stage) rows(first, want int, raised time.Time) []Alarm {
	rows, err := s.db.QueryContext(s.t.Context(), `SELECT p.process_id, p.process_name, s.alarma, s.notes
		FROM STATUS_PROCESS s JOIN PROCESE p ON p.process_id = s.process_id WHERE s.process_id >= ?`, first)
	if err != nil {
		s.t.Error(err)
		return nil
	}
	defer func() { _ = rows.Close() }()
	var alarms []Alarm
	for seen := time.Now(); rows.Next(); {
		var alarma int
		a := Alarm{Raised: raised}
		if err := rows.Scan(&a.Serial, &a.Process, &alarma, &a.Notes); err != nil {
			s.t.Error(err)
		}
		if alarma == 0 {
			a.Cleared = seen
		}
		alarms = append(alarms, a)
	}
	if err := rows.Err(); err != nil || len(alarms) != want {
		s.t.Errorf("%d alarms of %d are there: %v", len(alarms), want, err)
	}
	return alarms
}

// hookFaults are commands of the configuration that do not behave.
func hookFaults() []fault {
	var all []fault
	for _, f := range []struct{ kind, mode string }{
		{"hooks hang", "hang"},
		{"hooks leave children", "fork"},
		{"hooks print 100 MB", "loud"},
		{"hooks read stdin", "stdin"},
		{"hooks exit by signal", "signal"},
	} {
		all = append(all, fault{
			kind: f.kind, on: "hooks", hold: [2]time.Duration{500 * ms, 2500 * ms},
			inject: func(s *stage, r *rand.Rand) func() {
				step := []string{"pre", "check"}[r.IntN(2)]
				s.shell("echo " + f.mode + " >/run/chaos/mode/" + step)
				return func() { s.shell("rm /run/chaos/mode/" + step) }
			},
		})
	}
	return all
}

//go:build e2e

package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// fault is one way to break something. inject breaks it and returns how to
// mend it; both return at once, or when what they wait for has happened.
type fault struct {
	kind   string
	inject func(s *stage, r *rand.Rand) (mend func())
	// hold is how long it stays broken, at least and at most. Faults that
	// are over when inject returns have none.
	hold [2]time.Duration
	// deadly and blinding are those of Fault.
	deadly, blinding bool
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

// statements is a fault that one statement makes and another one mends.
func statements(breaking, mending string) func(*stage, *rand.Rand) func() {
	return func(s *stage, _ *rand.Rand) func() {
		s.sql(breaking)
		return func() { s.sql(mending) }
	}
}

// moments are the steps of a recovery at which the daemon is hit.
var moments = []string{"begin pre", "ok pre", "begin start", "ok start", "begin check", "ok check"}

// hit ends the daemon in the middle of a recovery, by the signal.
func hit(signal string) func(*stage, *rand.Rand) func() {
	return func(s *stage, r *rand.Rand) func() {
		s.shell(fmt.Sprintf(`
			pid=$(systemctl show --value -p MainPID %s)
			size=$(stat -c %%s %s)
			timeout 5 tail -c +$((size + 1)) -f --pid=$pid -s 0.01 %s | grep -q -m1 ' %s '
			sleep 0.0%02d
			kill -%s $pid; exit 0`,
			daemonUnit, evidencePath, evidencePath, moments[r.IntN(len(moments))], r.IntN(60), signal))
		// A daemon that was killed is started by systemd, one that was
		// asked to stop is not.
		return func() { s.shell("systemctl start " + daemonUnit) }
	}
}

// faults are all that there is.
func faults() []fault {
	return []fault{
		{kind: "database stopped", hold: [2]time.Duration{200 * ms, 2000 * ms},
			inject: between("systemctl stop mariadb", "systemctl start mariadb")},
		{kind: "database killed", hold: [2]time.Duration{0, 1000 * ms},
			inject: between("systemctl kill -s KILL mariadb", "systemctl reset-failed mariadb; systemctl start mariadb")},
		{kind: "database restarted", inject: once("systemctl restart mariadb")},
		{kind: "database read-only", hold: [2]time.Duration{200 * ms, 2000 * ms},
			inject: statements("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0")},
		{kind: "table locked", hold: [2]time.Duration{500 * ms, 2500 * ms}, inject: lockTable},
		{kind: "bus restarted", inject: once("systemctl restart dbus")},
		{kind: "bus killed", inject: once("systemctl kill -s KILL dbus; sleep 0.2; systemctl start dbus")},
		{kind: "daemon-reexec", inject: once("systemctl daemon-reexec")},
		{kind: "daemon-reload", inject: once("for i in 1 2 3; do systemctl daemon-reload; done")},
		{kind: "SIGHUP storm", inject: once("for i in {1..100}; do systemctl kill --kill-who=main -s HUP " + daemonUnit + "; done")},
		{kind: "daemon killed in a recovery", deadly: true, hold: [2]time.Duration{100 * ms, 500 * ms}, inject: hit("KILL")},
		{kind: "daemon stopped in a recovery", deadly: true, hold: [2]time.Duration{0, 500 * ms}, inject: hit("TERM")},
	}
}

// lockTable locks the table against reading and writing. The lock is held by a
// connection, and ends with it.
func lockTable(s *stage, _ *rand.Rand) func() {
	conn, err := s.db.Conn(s.t.Context())
	if err != nil {
		s.t.Log(err)
		return nothing
	}
	if _, err := conn.ExecContext(s.t.Context(), "LOCK TABLES STATUS_PROCESS WRITE"); err != nil {
		s.t.Log(err)
	}
	return func() {
		if _, err := conn.ExecContext(s.t.Context(), "UNLOCK TABLES"); err != nil {
			s.t.Log(err)
		}
		_ = conn.Close()
	}
}

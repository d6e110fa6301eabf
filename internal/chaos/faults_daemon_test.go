//go:build e2e

package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// moments are the steps of a recovery at which the daemon is hit.
var moments = []string{"begin pre", "ok pre", "begin start", "ok start", "begin check", "ok check"}

func daemonFaults() []fault {
	const pid = "$(systemctl show --value -p MainPID " + daemonUnit + ")"
	hangUp := "systemctl kill --kill-who=main -s HUP " + daemonUnit
	return []fault{
		{kind: "daemon killed in a recovery", on: "daemon", deadly: true, hold: [2]time.Duration{100 * ms, 500 * ms}, inject: hit("KILL")},
		{kind: "daemon stopped in a recovery", on: "daemon", deadly: true, hold: [2]time.Duration{0, 500 * ms}, inject: hit("TERM")},
		{kind: "wall clock stepped by a day", on: "daemon", inject: stepClock},
		{kind: "SIGHUP storm", on: "daemon", inject: once("pid=" + pid + "; for i in {1..2000}; do kill -HUP $pid; sleep 0.0005; done")},
		{
			kind: "config.ini half written", on: "daemon", hold: [2]time.Duration{300 * ms, 1000 * ms},
			inject: func(s *stage, r *rand.Rand) func() {
				s.shell(fmt.Sprintf("cp %s /srv/chaos/whole.ini; head -c %d /srv/chaos/whole.ini >%s; %s",
					configPath, r.IntN(len(configuration)), configPath, hangUp))
				return func() { s.shell("cp /srv/chaos/whole.ini " + configPath + "; " + hangUp) }
			},
		},
		{
			kind: "file descriptors exhausted", on: "daemon", blinding: true, hold: [2]time.Duration{500 * ms, 2000 * ms},
			inject: between("prlimit --pid "+pid+" --nofile=8:524288", "prlimit --pid "+pid+" --nofile=524288:524288"),
		},
		{
			kind: "PIDs exhausted", on: "daemon", blinding: true, hold: [2]time.Duration{500 * ms, 2000 * ms},
			inject: between(`n=$(systemctl show --value -p TasksCurrent `+daemonUnit+`); systemctl set-property --runtime `+daemonUnit+` TasksMax=$((n))`,
				"systemctl set-property --runtime "+daemonUnit+" TasksMax=infinity"),
		},
	}
}

// hit ends the daemon in the middle of a recovery, by the signal.
func hit(signal string) func(*stage, *rand.Rand) func() {
	return func(s *stage, r *rand.Rand) func() {
		s.shell("pid=$(systemctl show --value -p MainPID " + daemonUnit + ")\n" +
			awaitStep(moments[r.IntN(len(moments))]) +
			fmt.Sprintf("sleep 0.0%02d; kill -%s $pid; exit 0", r.IntN(60), signal))
		// A daemon that was killed is started by systemd, one that was
		// asked to stop is not.
		return func() { s.shell("systemctl start " + daemonUnit) }
	}
}

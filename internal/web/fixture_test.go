package web

import (
	"time"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
)

// fixture is a status with a process in each state, as the daemon would tell it
// at this time, and the history that goes with it.
func fixture(now time.Time) (control.Status, []history.Recovery) {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	closed := control.Breaker{State: "closed", MaxFailures: 3}
	const output = "health check did not pass within 10s, tried 10 times: health_check_command: exit status 7; its last output: curl: (7) Failed to connect to localhost port 8080 after 0 ms: Connection refused"
	failed := func(process string, began time.Time, afterwards string) history.Recovery {
		return history.Recovery{
			Process: process, IDs: []int64{19, 20}, Strategy: "service", Unit: process + ".service", Began: began, Ended: began.Add(23 * time.Second),
			Seconds: 23, Outcome: history.Failed, Reason: "health_check_failed", Error: output, MaxAttempts: 2, Afterwards: afterwards,
			Attempts: []history.Attempt{
				{Number: 1, Ended: began.Add(11 * time.Second), Seconds: 10.6, RestartSeconds: .6, Reason: "health_check_failed", Error: output},
				{Number: 2, Ended: began.Add(23 * time.Second), Seconds: 10.4, RestartSeconds: .4, Reason: "health_check_failed", Error: output},
			},
		}
	}
	good := func(process, afterwards string, began time.Time) history.Recovery {
		return history.Recovery{
			Process: process, IDs: []int64{7}, Strategy: "service", Unit: process + ".service", Began: began, Ended: began.Add(1240 * time.Millisecond),
			Seconds: 1.24, Outcome: history.Succeeded, MaxAttempts: 2, Afterwards: afterwards,
			Attempts: []history.Attempt{{Number: 1, Ended: began.Add(1240 * time.Millisecond), Seconds: 1.24, RestartSeconds: .2, Succeeded: true}},
		}
	}
	last := func(r history.Recovery) *history.Recovery { return &r }
	batch, mail := failed("batch-import", ago(9*time.Minute), "breaker_opened"), failed("mail-relay", ago(50*time.Second), "")
	running := history.Recovery{
		Process: "feeds", Strategy: "process", Began: ago(4 * time.Second), Seconds: 4, Outcome: history.Running, MaxAttempts: 2, By: "ana",
		Attempts: []history.Attempt{{Number: 1, Ended: ago(time.Second), Seconds: 3, RestartSeconds: 3}},
	}
	nginx, flapped := good("nginx", "alarm_cleared", ago(2*time.Minute)), good("billing", "flapped", ago(26*time.Hour))
	awaiting := good("legacy-crm", "write_back_refused", ago(6*time.Minute))
	status := control.Status{
		Version: "v1.0.0", PID: 812, Started: ago(75 * time.Hour), Now: now, Config: "/etc/monitor_service/config.ini", ReadOnly: true,
		Database: control.Database{
			Name: `database "v_process_monitor" at "monitor@localhost"`, Reachable: true, CheckInterval: 300,
			LastPoll: ago(12 * time.Second), NextPoll: now.Add(288 * time.Second),
		},
		Summary: control.Summary{Alarms: 8, Recovering: 1, Queued: 1, OpenBreakers: 1, Acknowledged: 1, Paused: 1},
		Processes: []control.Process{
			{
				Name: "batch-import", Configured: true, State: control.Open, InAlarm: true, AlarmSince: ago(31 * time.Minute), Strategy: "service", Unit: "batch-import.service",
				Breaker: control.Breaker{State: "open", Failures: 3, MaxFailures: 3, OpenedAt: ago(9 * time.Minute), NextTrial: now.Add(21*time.Minute + 4*time.Second), LastError: output}, Last: &batch,
			},
			{Name: "billing", Configured: true, State: control.OK, Strategy: "service", Unit: "billing-worker@1.service", Breaker: closed, Last: last(flapped)},
			{Name: "cache", State: control.Queued, InAlarm: true, AlarmSince: ago(3 * time.Second), Strategy: "auto", Breaker: closed},
			{Name: "feeds", Configured: true, State: control.Recovering, InAlarm: true, AlarmSince: ago(5 * time.Second), RecoveringSince: ago(4 * time.Second), By: "ana", Strategy: "process", Breaker: closed},
			{Name: "legacy-crm", State: control.AwaitingOwner, InAlarm: true, AlarmSince: ago(7 * time.Minute), Strategy: "service", Unit: "legacy-crm.service", Breaker: closed, Last: last(awaiting)},
			{
				Name: "mail-relay", Configured: true, State: control.Failing, InAlarm: true, AlarmSince: ago(70 * time.Second), Strategy: "service", Unit: "mail-relay.service",
				Breaker: control.Breaker{State: "closed", Failures: 2, MaxFailures: 3, LastError: output}, Last: &mail,
			},
			{Name: "nginx", Configured: true, State: control.Settling, Strategy: "service", Unit: "nginx.service", Breaker: closed, Last: last(nginx)},
			{Name: "old-archive", Configured: true, State: control.Acknowledged, Acknowledged: true, Strategy: "custom", Breaker: closed},
			{
				Name: "search", Configured: true, State: control.Paused, InAlarm: true, AlarmSince: ago(12 * time.Minute), Strategy: "service", Unit: "search.service", Breaker: closed,
				Pause: &control.Pause{By: "root", Since: ago(13 * time.Minute), Until: now.Add(107 * time.Minute), Why: "new disks"},
			},
			{Name: "x; reboot", State: control.LeftAlone, Reason: "unsafe_name", InAlarm: true, AlarmSince: ago(40 * time.Minute), Strategy: "auto", Breaker: closed},
		},
	}
	return status, []history.Recovery{flapped, failed("batch-import", ago(31*time.Minute), ""), failed("batch-import", ago(20*time.Minute), ""), batch, awaiting, nginx, mail, running}
}

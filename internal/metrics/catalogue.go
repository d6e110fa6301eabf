package metrics

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// prefix begins the name of every metric of this daemon. Those that begin with
// go_, process_ and promhttp_ are the client library's own.
const prefix = "monitor_service_"

const (
	counter   = prometheus.CounterValue
	gauge     = prometheus.GaugeValue
	histogram = prometheus.ValueType(-1)
)

// spec is what a metric is called, what kind it is of and what it says.
type spec struct {
	name   string
	kind   prometheus.ValueType
	help   string
	labels []string
}

func (s spec) desc() *prometheus.Desc {
	return prometheus.NewDesc(prefix+s.name, s.help, s.labels, nil)
}

// value is the metric with one value. A label that Prometheus refuses makes
// the scrape fail, and nothing else.
func (s spec) value(v float64, labels ...string) prometheus.Metric {
	m, err := prometheus.NewConstMetric(s.desc(), s.kind, v, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(s.desc(), err)
	}
	return m
}

// The labels. A process is named as in the database, made safe.
const (
	labelProcess  = "process"
	labelStrategy = "strategy"
	labelOutcome  = "outcome"
	labelReason   = "reason"
	labelState    = "state"
	labelEvent    = "event"
	labelLog      = "log"
	labelChannel  = "channel"
)

// What is counted as it happens.
var (
	specEvents = spec{
		"events_total", counter,
		"Everything that was decided and done, by the word that the journal has in MONITOR_EVENT.",
		[]string{labelEvent},
	}
	specPolls = spec{
		"polls_total", counter,
		"Polls of the alarm database that have ended: success, or the class of the failure (transient, denied, misconfigured, unknown).",
		[]string{labelOutcome},
	}
	specPollDuration = spec{"poll_duration_seconds", histogram, "How long polls of the alarm database took, failed ones included.", nil}
	specRecovery     = spec{
		"recovery_duration_seconds", histogram,
		"How long recoveries took from their first step to their verdict, by outcome (succeeded, failed, interrupted). Its count has every process.",
		[]string{labelOutcome},
	}
	specRecoveryFailures = spec{
		"recovery_failures_total", counter,
		"Recoveries that failed, by what failed last (resolve_failed, pre_restart_failed, restart_failed, health_check_failed).",
		[]string{labelReason},
	}
	specAttemptFailures = spec{
		"attempt_failures_total", counter,
		"Attempts within recoveries that failed, by what failed (restart_failed, health_check_failed).",
		[]string{labelReason},
	}
	specRefusals = spec{
		"refusals_total", counter,
		"Decisions not to act on an alarm, by reason. A reason that stays is counted once.",
		[]string{labelReason},
	}
	specTransitions = spec{
		"breaker_transitions_total", counter,
		"Transitions of circuit breakers, by the state that they went into (open, half_open, closed).",
		[]string{labelState},
	}
	specWriteBacks = spec{
		"write_backs_total", counter,
		"Ends of write-backs: cleared, superseded (somebody else had touched the row), failed (told once, tried again), refused (read-only from then on).",
		[]string{labelOutcome},
	}
	specReload     = spec{"config_last_reload_successful", gauge, "Whether the configuration was accepted when it was read last: 1 or 0.", nil}
	specReloadTime = spec{"config_last_reload_success_timestamp_seconds", gauge, "When the configuration in force was read.", nil}
)

// What is asked for at the scrape, of the daemon.
var (
	specBuild         = spec{"build_info", gauge, "Always 1; which build this is.", []string{"version", "revision", "goversion"}}
	specLastPoll      = spec{"last_successful_poll_timestamp_seconds", gauge, "When the last poll began that was answered. Absent before the first one.", nil}
	specCheckInterval = spec{"check_interval_seconds", gauge, "The configured check_interval.", nil}
	specDatabase      = spec{"database_up", gauge, "Whether the last poll was answered: 1 or 0. Absent before the first one.", nil}
	specDownSince     = spec{"database_down_since_timestamp_seconds", gauge, "When the outage of the database began. Absent while there is none.", nil}
	specBus           = spec{"bus_up", gauge, "Whether systemd answers over D-Bus, asked at the scrape: 1 or 0. Absent on a host without systemd.", nil}
	specAlarms        = spec{
		"alarms", gauge,
		"Processes in alarm as of the last poll, acknowledged ones left out, by what is done about them: the STATE of monitor_service status.",
		[]string{labelState},
	}
	specBreakers      = spec{"breakers", gauge, "Circuit breakers that are open or half_open, of all processes.", []string{labelState}}
	specQueued        = spec{"recoveries_queued", gauge, "Recoveries that wait for a place.", nil}
	specRunning       = spec{"recoveries_running", gauge, "Recoveries under way.", nil}
	specParallel      = spec{"recoveries_running_limit", gauge, "The configured max_parallel_restarts.", nil}
	specOwed          = spec{"write_backs_owed", gauge, "Verified restarts whose alarm is still to be cleared.", nil}
	specReadOnly      = spec{"read_only", gauge, "Whether the daemon leaves alarms for others to clear: 1 or 0.", nil}
	specClearAlarm    = spec{"clear_alarm_enabled", gauge, "The configured clear_alarm: 1 or 0. 1 while read_only is 1: the account may not write.", nil}
	specDryRun        = spec{"dry_run", gauge, "Whether the daemon only says what it would do: 1 or 0.", nil}
	specPausedAll     = spec{"paused", gauge, "Whether all processes are paused: 1 or 0.", nil}
	specPaused        = spec{"paused_processes", gauge, "Processes with a pause of their own.", nil}
	specKnown         = spec{"processes", gauge, "Processes that have a section in the configuration or that the engine knows now.", nil}
	specBeyond        = spec{"processes_beyond_limit", gauge, "Of these, the ones without series of their own: there are 1000 places. They are counted as process \"(other)\", and their states are in alarms and breakers alone.", nil}
	specLogUp         = spec{"log_up", gauge, "Whether lines can be written to the log: 1 or 0; the logs are file and console (the journal).", []string{labelLog}}
	specLogDropped    = spec{"log_lines_dropped_total", counter, "Log lines that were lost.", []string{labelLog}}
	specHistoryLost   = spec{"history_events_dropped_total", counter, "Events that are missing in the history, because its disk was too slow.", nil}
	specNotifications = spec{"notifications_total", counter, "Messages that were sent, and tries that failed, for each channel in use.", []string{labelChannel, labelOutcome}}
	specNotifyLost    = spec{"notification_events_dropped_total", counter, "Events that nobody was told of, because their message could not be sent.", []string{labelChannel}}
	specUnread        = spec{"processes_unread", gauge, "Processes that could not be looked at in this scrape, in the time that it has.", nil}
)

// What is asked for at the scrape, of one process each.
var (
	specRecoveries = spec{
		"recoveries_total", counter,
		"Recoveries that have ended, by strategy (unknown: it could not be found out) and outcome. A process has them from its first recovery on, for as long as it is known.",
		[]string{labelProcess, labelStrategy, labelOutcome},
	}
	specFlaps      = spec{"flaps_total", counter, "Alarms that came back within stable_time of a verified restart.", []string{labelProcess}}
	specBreaker    = spec{"breaker_state", gauge, "State of the circuit breaker: 0 closed, 1 half-open, 2 open.", []string{labelProcess}}
	specFailures   = spec{"breaker_failures", gauge, "Failures in a row that the circuit breaker has counted.", []string{labelProcess}}
	specTrial      = spec{"breaker_next_trial_timestamp_seconds", gauge, "When an open breaker lets its next trial through. Absent while it is closed.", []string{labelProcess}}
	specAlarmSince = spec{"alarm_since_timestamp_seconds", gauge, "When the alarm was first seen. Absent while there is none.", []string{labelProcess}}
	specIsRunning  = spec{"process_running", gauge, "Whether the process runs: 1 or 0. Absent where it could not be found out.", []string{labelProcess}}
	specCPU        = spec{"process_cpu_seconds_total", counter, "Processor time used: by the unit since it was started, where systemd accounts for it, else by the processes that run.", []string{labelProcess}}
	specMemory     = spec{"process_memory_bytes", gauge, "Memory in use: of the unit, where systemd accounts for it, else what the processes have resident.", []string{labelProcess}}
	specStart      = spec{"process_start_time_seconds", gauge, "When the unit became active, or the oldest of the processes was started.", []string{labelProcess}}
	specRestarts   = spec{"process_restarts_total", counter, "Restarts that systemd made by itself (Restart=), since the unit was started by hand or reset.", []string{labelProcess}}
)

// atEvents lists what is counted as it happens.
func atEvents() []spec {
	return []spec{
		specPolls, specPollDuration, specEvents, specRefusals, specRecovery, specRecoveryFailures, specAttemptFailures,
		specTransitions, specWriteBacks, specReload, specReloadTime,
	}
}

// atScrape lists what is asked for at the scrape.
func atScrape() []spec {
	return []spec{
		specBuild, specLastPoll, specCheckInterval, specDatabase, specDownSince, specBus, specAlarms, specBreakers,
		specQueued, specRunning, specParallel, specOwed, specReadOnly, specClearAlarm, specDryRun, specPausedAll,
		specPaused, specKnown, specBeyond, specLogUp, specLogDropped, specHistoryLost, specNotifications,
		specNotifyLost, specUnread,
		specAlarmSince, specRecoveries, specFlaps, specBreaker, specFailures, specTrial,
		specIsRunning, specCPU, specMemory, specStart, specRestarts,
	}
}

// Entry describes one metric.
type Entry struct {
	Name, Type string
	Labels     []string
	Help       string
}

// Catalogue lists the metrics of this daemon, without those of the client
// library.
func Catalogue() []Entry {
	specs := append(atEvents(), atScrape()...)
	all := make([]Entry, len(specs))
	for i, s := range specs {
		all[i] = Entry{Name: prefix + s.name, Type: typeName(s.kind), Labels: slices.Clone(s.labels), Help: s.help}
	}
	return all
}

func typeName(kind prometheus.ValueType) string {
	switch kind {
	case counter:
		return "counter"
	case gauge:
		return "gauge"
	case histogram:
		return "histogram"
	case prometheus.UntypedValue:
	}
	return "untyped"
}

// Markdown is the catalogue as a table.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, e := range Catalogue() {
		labels := "–"
		if len(e.Labels) > 0 {
			labels = "`" + strings.Join(e.Labels, "`, `") + "`"
		}
		b.WriteString("| `" + e.Name + "` | " + e.Type + " | " + labels + " | " + e.Help + " |\n")
	}
	return b.String()
}

package config

import "time"

const day = 24 * time.Hour

func databaseKeys() []Key {
	const s = sectionDatabase
	return []Key{
		newKey(s, "driver", "mysql",
			oneOf(choice[Driver]{"mysql", DriverMySQL}, choice[Driver]{"sqlite", DriverSQLite}),
			func(d *draft) *Driver { return &d.Database.Driver },
			"the kind of the alarm database; sqlite is the embedded one"),
		newKey(s, "host", "localhost", host(), func(d *draft) *string { return &d.Database.Host },
			"the MySQL server; localhost means its UNIX socket where one is found, else TCP").ofAddress().classic(),
		newKey(s, "port", "3306", integer(1, 65535), func(d *draft) *int { return &d.Database.Port },
			"the server's TCP port"),
		newKey(s, "socket", "", absolute(maxSocketPath), func(d *draft) *string { return &d.Database.Socket },
			"the server's UNIX socket, where it is not in a usual place").shows("found"),
		newKey(s, "user", "", text(128), func(d *draft) *string { return &d.Database.User },
			"the account; needed for mysql").classic(),
		newKey(s, "password", "", text(4096), func(d *draft) *string { return &d.password },
			"its password; password_file wins over it, and a systemd credential named db_password over both").secret().classic(),
		newKey(s, "password_file", "", absolute(maxPath), func(d *draft) *string { return &d.passwordFile },
			"a file that holds the password alone, on one line").ofSecret(),
		newKey(s, "database", "", text(64), func(d *draft) *string { return &d.Database.Name },
			"the schema that holds STATUS_PROCESS and PROCESE; needed for mysql").classic(),
		newKey(s, "path", "", absolute(maxPath), func(d *draft) *string { return &d.Database.Path },
			"the SQLite file; needed for sqlite"),
		newKey(s, "tls", "off",
			oneOf(choice[TLSMode]{"off", TLSOff}, choice[TLSMode]{"preferred", TLSPreferred}, choice[TLSMode]{"on", TLSOn}),
			func(d *draft) *TLSMode { return &d.Database.TLS },
			"preferred encrypts where the server offers it; on refuses a server that does not or that the CA does not vouch for"),
		newKey(s, "tls_ca", "", absolute(maxPath), func(d *draft) *string { return &d.Database.TLSCA },
			"the CA's certificates (PEM); without it tls = on asks the system's"),
		newKey(s, "tls_cert", "", absolute(maxPath), func(d *draft) *string { return &d.Database.TLSCert },
			"this host's certificate (PEM); goes with tls_key"),
		newKey(s, "tls_key", "", absolute(maxPath), func(d *draft) *string { return &d.Database.TLSKey },
			"the certificate's key (PEM)"),
		newKey(s, "connect_timeout", "5", duration(10*time.Millisecond, 5*time.Minute),
			func(d *draft) *time.Duration { return &d.Database.ConnectTimeout },
			"the longest that connecting may take"),
		newKey(s, "query_timeout", "10", duration(10*time.Millisecond, 10*time.Minute),
			func(d *draft) *time.Duration { return &d.Database.QueryTimeout },
			"the longest that one query may take"),
		newKey(s, "clear_alarm", "yes", boolean(), func(d *draft) *bool { return &d.Database.ClearAlarm },
			"clear the alarm and add a note after a verified restart; no is read-only mode"),
		newKey(s, "clear_timeout", "900", duration(100*time.Millisecond, 7*day),
			func(d *draft) *time.Duration { return &d.Database.ClearTimeout },
			"in read-only mode: how long whoever raised the alarm has to clear it before the restart counts as no help"),
	}
}

func monitorKeys() []Key {
	const s = sectionMonitor
	return []Key{
		newKey(s, "check_interval", "300", duration(100*time.Millisecond, day),
			func(d *draft) *time.Duration { return &d.Monitor.CheckInterval },
			"the time between two polls of the database").classic(),
		newKey(s, "max_restart_failures", "3", integer(1, 1000),
			func(d *draft) *int { return &d.Monitor.MaxRestartFailures },
			"failed recoveries in a row before the process's breaker opens").classic(),
		newKey(s, "circuit_reset_time", "1800", duration(100*time.Millisecond, 7*day),
			func(d *draft) *time.Duration { return &d.Monitor.CircuitResetTime },
			"how long an open breaker waits before it lets one trial through").classic(),
		newKey(s, "stable_time", "600", duration(0, 7*day),
			func(d *draft) *time.Duration { return &d.Monitor.StableTime },
			"an alarm that comes back within this time of a verified restart counts as a failure; 0 switches it off"),
		newKey(s, "max_parallel_restarts", "8", integer(1, 1000),
			func(d *draft) *int { return &d.Monitor.MaxParallelRestarts },
			"recoveries under way at once, not counting those that only watch whether their unit stays up"),
		newKey(s, "max_restarts_per_cycle", "0", integer(0, 1_000_000),
			func(d *draft) *int { return &d.Monitor.MaxRestartsPerCycle },
			"recoveries that one poll may begin, the first ones by priority; the rest wait for the next poll").shows("0 (no cap)"),
		newKey(s, "unconfigured_processes", "default",
			oneOf(choice[Unconfigured]{"default", UnconfiguredDefault}, choice[Unconfigured]{"ignore", UnconfiguredIgnore}),
			func(d *draft) *Unconfigured { return &d.Monitor.Unconfigured },
			"a process without a section of its own uses [process.default], or is left alone"),
		newKey(s, "protected_units", "dbus.service dbus-broker.service systemd-*.service", unitPatterns(),
			func(d *draft) *[]string { return &d.Monitor.ProtectedUnits },
			"units that are never restarted unless the process has a section of its own"),
		newKey(s, "dry_run", "no", boolean(), func(d *draft) *bool { return &d.Monitor.DryRun },
			"decide and say, touch nothing"),
	}
}

// DefaultLogFile is where the log file is without a key that says otherwise.
const DefaultLogFile = "/var/log/monitor_service.log"

func loggingKeys() []Key {
	const s = sectionLogging
	return []Key{
		newKey(s, "file", DefaultLogFile, absoluteOrNone(),
			func(d *draft) *string { return &d.Logging.File },
			"the log file; none for the journal alone"),
		newKey(s, "max_log_size", "5120", size(4*kib, 100*gib),
			func(d *draft) *int64 { return &d.Logging.MaxSize },
			"the size at which the file is rotated").shows("5120 KB").classic(),
		newKey(s, "log_files_to_keep", "5", integer(0, 1000),
			func(d *draft) *int { return &d.Logging.FilesToKeep },
			"rotated files that are kept; 0 keeps none").classic(),
		newKey(s, "level", "info",
			oneOf(choice[Level]{"debug", LevelDebug}, choice[Level]{"info", LevelInfo},
				choice[Level]{"warning", LevelWarning}, choice[Level]{"error", LevelError}),
			func(d *draft) *Level { return &d.Logging.Level },
			"the least severe level that is logged"),
		newKey(s, "format", "text",
			oneOf(choice[Format]{"text", FormatText}, choice[Format]{"json", FormatJSON}),
			func(d *draft) *Format { return &d.Logging.Format },
			"the form of the log file's lines"),
		newKey(s, "compress", "no", boolean(), func(d *draft) *bool { return &d.Logging.Compress },
			"gzip rotated files"),
	}
}

// DefaultSocket is where the daemon's control socket is without a key that says
// otherwise: the unit file's RuntimeDirectory.
const DefaultSocket = "/run/monitor_service/control.sock"

func controlKeys() []Key {
	const s = sectionControl
	return []Key{
		newKey(s, "socket", DefaultSocket, socketOrNone(), func(d *draft) *string { return &d.Control.Socket },
			"the UNIX socket that the commands status, restart and so on talk to; none for none"),
	}
}

func processKeys() []Key {
	const s = sectionProcess
	return []Key{
		newKey(s, "restart_strategy", "auto",
			oneOf(choice[Strategy]{"service", StrategyService}, choice[Strategy]{"process", StrategyProcess},
				choice[Strategy]{"auto", StrategyAuto}, choice[Strategy]{"custom", StrategyCustom}),
			func(d *draft) *Strategy { return &d.own.Strategy },
			"service restarts a systemd unit, process a bare process, custom runs restart_command; auto is service where systemd knows the unit or runs the process in another one, else process").classic(),
		newKey(s, "unit", "", unit(), func(d *draft) *string { return &d.own.Unit },
			"the systemd unit, where it is not the process's name; only in [process.NAME]").shows("NAME(.service)").onlyOwn(),
		newKey(s, "start_command", "", shell(), func(d *draft) *string { return &d.own.StartCommand },
			"strategy process: starts the process").shows("NAME").command(),
		newKey(s, "run_as", "", user(), func(d *draft) *string { return &d.own.RunAs },
			"strategy process: the user that the process runs as").shows("daemon's user"),
		newKey(s, "working_directory", "/", absolute(maxPath), func(d *draft) *string { return &d.own.WorkingDirectory },
			"strategy process: the directory that the process is started in"),
		newKey(s, "restart_command", "", shell(), func(d *draft) *string { return &d.own.RestartCommand },
			"strategy custom: restarts the process").command(),
		newKey(s, "stop_timeout", "10", duration(0, time.Hour), func(d *draft) *time.Duration { return &d.own.StopTimeout },
			"strategy process: from SIGTERM to SIGKILL, at most restart_timeout"),
		newKey(s, "restart_timeout", "90", duration(100*time.Millisecond, day),
			func(d *draft) *time.Duration { return &d.own.RestartTimeout },
			"the longest that a restart may take"),
		newKey(s, "pre_restart_command", "", shell(), func(d *draft) *string { return &d.own.PreRestartCommand },
			"runs once per recovery before the first attempt; if it fails, no attempt is made").command().classic(),
		newKey(s, "pre_restart_timeout", "30", duration(10*time.Millisecond, day),
			func(d *draft) *time.Duration { return &d.own.PreRestartTimeout },
			"the longest that it may take"),
		newKey(s, "health_check_command", "", shell(), func(d *draft) *string { return &d.own.HealthCheckCommand },
			"exits 0 when the process is healthy; built in: the unit is active, or the process is in the process table").shows("built in").command().classic(),
		newKey(s, "health_check_timeout", "5", duration(10*time.Millisecond, day),
			func(d *draft) *time.Duration { return &d.own.HealthCheckTimeout },
			"how long the check has to pass after a restart").classic(),
		newKey(s, "health_check_interval", "1", duration(10*time.Millisecond, time.Hour),
			func(d *draft) *time.Duration { return &d.own.HealthCheckInterval },
			"the pause between two runs of the check"),
		newKey(s, "restart_delay", "2", duration(0, time.Hour), func(d *draft) *time.Duration { return &d.own.RestartDelay },
			"the pause between two attempts").classic(),
		newKey(s, "max_attempts", "2", integer(1, 100), func(d *draft) *int { return &d.own.MaxAttempts },
			"attempts per recovery").classic(),
		newKey(s, "priority", "0", integer(-1_000_000, 1_000_000), func(d *draft) *int { return &d.own.Priority },
			"higher goes first"),
	}
}

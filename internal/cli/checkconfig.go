package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/notify"
	"monitor_service/internal/web"
)

// The columns of the report: a key, its value, where it came from.
const (
	keyColumn    = 2
	valueColumn  = 26
	originColumn = 66
	reportWidth  = 100
)

// checkConfig loads the configuration as run does. Mistakes and warnings go to
// stderr; the report of what each process gets goes to stdout and shows no
// secret. It returns the exit status.
func checkConfig(path string, environ []string, stdout, stderr io.Writer) int {
	path, err := config.Find(path, environ)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitConfig
	}
	c, warnings, err := config.Load(path, environ, beyondTheFile)
	for _, m := range mistakesOf(err) {
		_, _ = fmt.Fprintln(stderr, m)
	}
	for _, w := range warnings {
		_, _ = fmt.Fprintln(stderr, "warning:", w)
	}
	if err != nil {
		return exitConfig
	}
	// What run does next may fail too. This connects to nothing.
	db, err := alarmdb.Open(c.Database)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitConfig
	}
	defer func() { _ = db.Close() }()
	if _, err := notify.Prepare(c.Notify, command.Run); err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitConfig
	}
	settings, warnings, err := web.Check(c)
	for _, w := range warnings {
		_, _ = fmt.Fprintln(stderr, "warning:", w)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitConfig
	}
	for _, w := range hostWarnings(c) {
		_, _ = fmt.Fprintln(stderr, "warning:", w)
	}
	r := report{config: c}
	r.title(printable(c.Path) + " has no mistakes")
	r.database()
	r.monitor()
	r.logging()
	r.control()
	r.http(settings)
	r.notify()
	for _, name := range c.ProcessNames() {
		r.process(c.Process(name))
	}
	r.unconfigured()
	if _, err := stdout.Write(r.out.Bytes()); err != nil {
		return exitFailed
	}
	return exitDone
}

// mistakesOf is the lines of the error of a configuration.
func mistakesOf(err error) []string {
	var mistakes config.Mistakes
	if err == nil {
		return nil
	}
	if !errors.As(err, &mistakes) {
		return []string{err.Error()}
	}
	lines := make([]string, 0, len(mistakes)+1)
	for _, m := range mistakes {
		lines = append(lines, m.String())
	}
	plural := "s"
	if len(mistakes) == 1 {
		plural = ""
	}
	return append(lines, fmt.Sprintf("%d mistake%s", len(mistakes), plural))
}

// beyondTheFile looks into the files that the configuration names, such as a
// tls_ca or an smtp_ca that is no certificate.
func beyondTheFile(c *config.Config) []config.Fault {
	faults := append(alarmdb.Check(c.Database), notify.Check(c.Notify)...)
	if _, _, err := web.Check(c); err != nil {
		faults = append(faults, config.Fault{Section: "http", Key: "web_config", Err: err})
	}
	return faults
}

// report is what check-config says about a good configuration: a block for
// each process, as wide tables do not survive long commands.
type report struct {
	config *config.Config
	out    bytes.Buffer
}

func (r *report) database() {
	r.title("[database]")
	d := r.config.Database
	row := func(key, value string) { r.row(key, value, r.config.Origin("database", key)) }
	row("driver", d.Driver.String())
	if d.Driver == config.DriverSQLite {
		row("path", d.Path)
	} else {
		row("host", d.Host)
		if d.Socket != "" {
			row("socket", d.Socket)
		} else {
			row("port", strconv.Itoa(d.Port))
		}
		row("database", d.Name)
		row("user", d.User)
		if d.Password.IsSet() {
			row("password", d.Password.String())
		} else {
			row("password", "none")
		}
		row("tls", d.TLS.String())
	}
	row("clear_alarm", yesNo(d.ClearAlarm))
}

func (r *report) monitor() {
	r.title("[monitor]")
	m := r.config.Monitor
	row := func(key, value string) { r.row(key, value, r.config.Origin("monitor", key)) }
	row("check_interval", config.ShortDuration(m.CheckInterval))
	row("max_restart_failures", strconv.Itoa(m.MaxRestartFailures))
	row("circuit_reset_time", config.ShortDuration(m.CircuitResetTime))
	if m.DryRun {
		row("dry_run", "yes: nothing is restarted")
	}
}

// logging is where the daemon says what it does.
func (r *report) logging() {
	r.title("[logging]")
	l := r.config.Logging
	row := func(key, value string) { r.row(key, value, r.config.Origin("logging", key)) }
	row("level", l.Level.String())
	if l.File == "" {
		row("file", "none: the journal alone")
		return
	}
	row("file", l.File)
	row("format", l.Format.String())
	row("max_log_size", strconv.FormatInt(l.MaxSize/1024, 10)+" KB")
	row("log_files_to_keep", strconv.Itoa(l.FilesToKeep))
}

// control is where the commands reach the daemon.
func (r *report) control() {
	r.title("[control]")
	socket := r.config.Control.Socket
	if socket == "" {
		socket = "none: no command reaches the daemon"
	}
	r.row("socket", socket, r.config.Origin("control", "socket"))
}

// http is the listener for browsers and Prometheus.
func (r *report) http(settings web.Settings) {
	r.title("[http]")
	h := r.config.HTTP
	if h.Listen == "" {
		r.row("listen", "none", r.config.Origin("http", "listen"))
		return
	}
	r.row("listen", h.Listen, r.config.Origin("http", "listen"))
	if h.WebConfig != "" {
		r.row("web_config", h.WebConfig+": "+settings.String(), r.config.Origin("http", "web_config"))
	}
}

// process is the block of a process that has a section.
func (r *report) process(p config.Process) {
	r.title("[process." + printable(p.Name) + "]")
	r.settings(p, p.Name)
}

// unconfigured is the block of all other processes.
func (r *report) unconfigured() {
	r.title("Every other process")
	if r.config.Monitor.Unconfigured == config.UnconfiguredIgnore {
		r.row("unconfigured_processes", "ignore: it is left alone", r.config.Origin("monitor", "unconfigured_processes"))
		return
	}
	r.settings(r.config.Process(""), "NAME")
}

// settings is what a process gets, under the names of the keys that change it.
func (r *report) settings(p config.Process, name string) {
	row := func(key, value string) { r.row(key, value, r.config.ProcessOrigin(p.Name, key)) }
	row("restart_strategy", p.Strategy.String())
	r.target(p, name, row)
	row("restart_timeout", config.ShortDuration(p.RestartTimeout))
	if p.PreRestartCommand == "" {
		row("pre_restart_command", "none")
	} else {
		row("pre_restart_command", p.PreRestartCommand)
		row("pre_restart_timeout", config.ShortDuration(p.PreRestartTimeout))
	}
	if p.HealthCheckCommand == "" {
		row("health_check_command", builtInCheck(p))
	} else {
		row("health_check_command", p.HealthCheckCommand)
	}
	row("health_check_timeout", config.ShortDuration(p.HealthCheckTimeout))
	row("health_check_interval", config.ShortDuration(p.HealthCheckInterval))
	row("max_attempts", strconv.Itoa(p.MaxAttempts))
	row("restart_delay", config.ShortDuration(p.RestartDelay))
	if p.Priority != 0 {
		row("priority", strconv.Itoa(p.Priority))
	}
}

// target is what the strategy acts upon.
func (r *report) target(p config.Process, name string, row func(key, value string)) {
	unit, start := p.Unit, p.StartCommand
	if unit == "" {
		unit = strings.TrimSuffix(name, ".service") + ".service"
	}
	if start == "" {
		start = name
	}
	switch p.Strategy {
	case config.StrategyCustom:
		row("restart_command", p.RestartCommand)
		if p.Unit != "" {
			row("unit", p.Unit)
		}
		return
	case config.StrategyService:
		row("unit", unit)
		return
	case config.StrategyAuto:
		row("unit", unit+" where it exists, else:")
	case config.StrategyProcess, config.StrategyUnknown:
	}
	row("start_command", start)
	if p.RunAs != "" {
		row("run_as", p.RunAs)
	}
	row("working_directory", p.WorkingDirectory)
	stop := config.ShortDuration(p.StopTimeout)
	if limit := p.StopLimit(); limit < p.StopTimeout {
		stop += ", lowered to " + config.ShortDuration(limit) + " (restart_timeout)"
	}
	row("stop_timeout", stop)
}

func builtInCheck(p config.Process) string {
	switch p.Strategy {
	case config.StrategyService:
		return "built in: the unit is active"
	case config.StrategyProcess:
		return "built in: the process is running"
	case config.StrategyCustom:
		if p.Unit != "" {
			return "built in: the unit is active"
		}
	case config.StrategyAuto, config.StrategyUnknown:
	}
	return "built in: the unit is active, or the process is running"
}

func (r *report) title(text string) {
	if r.out.Len() > 0 {
		r.out.WriteByte('\n')
	}
	r.out.WriteString(text + "\n")
}

// row writes one key. A value that is too long for its column goes on below,
// and so does an origin.
func (r *report) row(key, value string, o config.Origin) {
	lines := wrap(printable(value), originColumn-valueColumn-2)
	origin := whence(o)
	below := utf8.RuneCountInString(origin) > reportWidth-originColumn
	fmt.Fprintf(&r.out, "%*s%-*s", keyColumn, "", valueColumn-keyColumn, key)
	if below {
		fmt.Fprintln(&r.out, lines[0])
	} else {
		fmt.Fprintf(&r.out, "%-*s%s\n", originColumn-valueColumn, lines[0], origin)
	}
	for _, line := range lines[1:] {
		fmt.Fprintf(&r.out, "%*s%s\n", valueColumn, "", line)
	}
	if below {
		fmt.Fprintf(&r.out, "%*s\n", reportWidth, origin)
	}
}

// whence says where a value came from.
func whence(o config.Origin) string {
	if o.Source != config.SourceFile {
		return o.String()
	}
	text := filepath.Base(o.File)
	if o.Line > 0 {
		text += ":" + strconv.Itoa(o.Line)
	}
	if o.Section == "process.default" {
		text += " (" + o.Section + ")"
	}
	return printable(text)
}

// wrap breaks a text at blanks into lines of at most so many characters; a
// word that is longer than that is broken.
func wrap(text string, width int) []string {
	var lines []string
	for utf8.RuneCountInString(text) > width {
		runes := []rune(text)
		head := string(runes[:width+1])
		cut := strings.LastIndexByte(head, ' ') + 1
		if cut <= 1 {
			cut = len(string(runes[:width]))
		}
		lines = append(lines, strings.TrimRight(text[:cut], " "))
		text = text[cut:]
	}
	return append(lines, text)
}

// printable escapes what a terminal would act upon.
func printable(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		quoted := strconv.Quote(text)
		return quoted[1 : len(quoted)-1]
	}
	return text
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

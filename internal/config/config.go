// Package config turns config.ini and the environment into one immutable,
// typed Config. It knows every key, its default and its limits, and it says
// where each value came from. It starts nothing, connects to nothing and logs
// nothing: a mistake is a value that the caller prints.
package config

import (
	"fmt"
	"time"
)

// Config is a whole, validated configuration. It is never changed after Load
// returned it: a reload makes a new one.
type Config struct {
	// Path is the file that was read.
	Path     string
	Database Database
	Monitor  Monitor
	Logging  Logging
	Control  Control
	HTTP     HTTP
	Notify   Notify

	// fallback is what a process without a section of its own gets:
	// [process.default] over the built-in defaults.
	fallback Process
	// processes holds the sections [process.NAME] by exact NAME.
	processes map[string]Process
	// names holds the NAMEs in the order of the file.
	names []string
	// origins says for "section\x00key" where its value came from.
	origins map[string]Origin
}

// Driver is the kind of alarm database.
type Driver int

// The drivers.
const (
	DriverUnknown Driver = iota
	DriverMySQL
	DriverSQLite
)

func (d Driver) String() string {
	switch d {
	case DriverMySQL:
		return "mysql"
	case DriverSQLite:
		return "sqlite"
	case DriverUnknown:
	}
	return "unknown"
}

// TLSMode says whether the connection to MySQL is encrypted.
type TLSMode int

// The modes of TLS.
const (
	TLSUnknown TLSMode = iota
	TLSOff
	// TLSPreferred encrypts where the server offers it and does not verify
	// the server unless tls_ca is given.
	TLSPreferred
	// TLSOn refuses a server that does not offer TLS or that the CA does
	// not vouch for.
	TLSOn
)

func (m TLSMode) String() string {
	switch m {
	case TLSOff:
		return "off"
	case TLSPreferred:
		return "preferred"
	case TLSOn:
		return "on"
	case TLSUnknown:
	}
	return "unknown"
}

// Database is the section [database].
type Database struct {
	Driver Driver
	// Host is a name or an address. "localhost" means the server's UNIX
	// socket where one is found, else TCP.
	Host string
	Port int
	// Socket is the path of the server's UNIX socket; empty means that the
	// usual places are looked at.
	Socket string
	User   string
	// Password is already the winner of the systemd credential
	// "db_password", password_file and password, in this order.
	Password Secret
	// Name is the key "database": the schema to use.
	Name string
	// Path is the file of the embedded database.
	Path string

	TLS     TLSMode
	TLSCA   string
	TLSCert string
	TLSKey  string

	ConnectTimeout time.Duration
	QueryTimeout   time.Duration
	// ClearAlarm says whether a verified restart clears its alarm. Where
	// it does not, whoever raised the alarm has ClearTimeout to clear it.
	ClearAlarm   bool
	ClearTimeout time.Duration
}

// Identity names the rows that these settings lead to: two settings with one
// identity are two ways to the same database.
func (d Database) Identity() string {
	if d.Driver == DriverSQLite {
		return "sqlite:" + d.Path
	}
	return fmt.Sprintf("mysql:%s:%d:%s:%s", d.Host, d.Port, d.Socket, d.Name)
}

// Unconfigured says what happens to an alarmed process without a section.
type Unconfigured int

// What happens to a process without a section.
const (
	UnconfiguredUnknown Unconfigured = iota
	UnconfiguredDefault
	UnconfiguredIgnore
)

func (u Unconfigured) String() string {
	switch u {
	case UnconfiguredDefault:
		return "default"
	case UnconfiguredIgnore:
		return "ignore"
	case UnconfiguredUnknown:
	}
	return "unknown"
}

// Monitor is the section [monitor].
type Monitor struct {
	CheckInterval      time.Duration
	MaxRestartFailures int
	CircuitResetTime   time.Duration
	StableTime         time.Duration
	// MaxParallelRestarts bounds the recoveries that are under way at once.
	MaxParallelRestarts int
	// MaxRestartsPerCycle bounds the recoveries that one poll may begin; 0
	// is no bound.
	MaxRestartsPerCycle int
	Unconfigured        Unconfigured
	// ProtectedUnits are shell patterns (path.Match) of unit names that are
	// restarted only for a process with a section of its own.
	ProtectedUnits []string
	DryRun         bool
}

// Format is the form of the lines in the log file.
type Format int

// The formats of the log file.
const (
	FormatUnknown Format = iota
	FormatText
	FormatJSON
)

func (f Format) String() string {
	switch f {
	case FormatText:
		return "text"
	case FormatJSON:
		return "json"
	case FormatUnknown:
	}
	return "unknown"
}

// Level is the least severe level that is logged.
type Level int

// The levels.
const (
	LevelUnknown Level = iota
	LevelDebug
	LevelInfo
	LevelWarning
	LevelError
)

func (l Level) String() string {
	switch l {
	case LevelDebug:
		return "debug"
	case LevelInfo:
		return "info"
	case LevelWarning:
		return "warning"
	case LevelError:
		return "error"
	case LevelUnknown:
	}
	return "unknown"
}

// Logging is the section [logging].
type Logging struct {
	// File is the path of the log file, empty for the journal alone.
	File string
	// MaxSize is in bytes; the file is rotated before it would exceed it.
	MaxSize     int64
	FilesToKeep int
	Level       Level
	Format      Format
	Compress    bool
}

// Control is the section [control].
type Control struct {
	// Socket is the path of the UNIX socket that the commands talk to,
	// empty for none.
	Socket string
}

// Strategy is the way in which a process is restarted.
type Strategy int

// The strategies.
const (
	StrategyUnknown Strategy = iota
	// StrategyAuto is service where systemd knows the unit, else process.
	StrategyAuto
	StrategyService
	StrategyProcess
	StrategyCustom
)

func (s Strategy) String() string {
	switch s {
	case StrategyAuto:
		return "auto"
	case StrategyService:
		return "service"
	case StrategyProcess:
		return "process"
	case StrategyCustom:
		return "custom"
	case StrategyUnknown:
	}
	return "unknown"
}

// Process is what the configuration says about one process: its own section
// over [process.default] over the built-in defaults.
type Process struct {
	// Name is the process_name that the alarm carries, compared exactly.
	// It comes from the database where Configured is false: see SafeName.
	Name string
	// Configured says that the process has a section of its own, so that
	// an operator has spelled its name out.
	Configured bool

	Strategy Strategy
	// Unit is set only by the process's own section; empty means that the
	// unit's name is made from Name.
	Unit string
	// StartCommand is empty when none is configured: then Name itself is
	// the command.
	StartCommand string
	// OwnStartCommand says that StartCommand is of the process's own
	// section.
	OwnStartCommand  bool
	RunAs            string
	WorkingDirectory string
	RestartCommand   string
	StopTimeout      time.Duration
	RestartTimeout   time.Duration

	PreRestartCommand string
	PreRestartTimeout time.Duration

	HealthCheckCommand  string
	HealthCheckTimeout  time.Duration
	HealthCheckInterval time.Duration

	RestartDelay time.Duration
	MaxAttempts  int
	Priority     int
}

// Process returns what the configuration says about the process of exactly
// this name.
func (c *Config) Process(name string) Process {
	if p, ok := c.processes[name]; ok {
		return p
	}
	p := c.fallback
	p.Name = name
	return p
}

// ProcessNames lists the processes that have a section of their own, in the
// order of the file.
func (c *Config) ProcessNames() []string {
	return append([]string(nil), c.names...)
}

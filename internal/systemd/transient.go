package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// Transient describes a service unit that exists only while it runs. Its
// processes are children of systemd and inherit nothing of this daemon: not
// its environment, sandbox or limits, and not its end.
type Transient struct {
	// Name is the unit's whole name. Where a unit of that name is loaded
	// already, the start fails with ErrUnitExists.
	Name        string
	Description string
	// Command is the argument vector, Command[0] an absolute path. It has
	// neither a "$" nor a ";" in it: see Literal.
	Command []string
	// User is a name or a number; empty is root, whoever this daemon is.
	User string
	// WorkingDirectory is an absolute path; empty is /.
	WorkingDirectory string
	// Environment holds NAME=VALUE.
	Environment []string
	// EnvironmentFile is read by systemd when the command starts, see
	// EnvironmentFile= of systemd.exec(5); empty is none. What stands in
	// Environment can be seen by every user of the host, this cannot.
	EnvironmentFile string
	// Output takes both streams of the command; nil is the journal. It is
	// the caller's, who may close it when the call has returned.
	Output *os.File
	// SyslogIdentifier is the name under which the output is found in the
	// journal; empty is the base name of Command[0].
	SyslogIdentifier string
	// Oneshot makes the start wait until the command has ended, and fail
	// where it ends with an error. What the command leaves behind runs on.
	// Without it the start is done when the process exists.
	Oneshot bool
	// Begun is closed when the command runs, by whoever can tell; nil where
	// nobody can.
	Begun <-chan struct{}
	// StartTimeout is the longest that a Oneshot's command may run; systemd
	// itself ends it then. 0 is no limit.
	StartTimeout time.Duration
	// StopTimeout is the time from SIGTERM to SIGKILL when the unit is
	// stopped; 0 is the manager's default.
	StopTimeout time.Duration
}

// StartTransient starts a command in a unit of its own and returns when the
// job has ended; see Restart for the errors.
func (c *Client) StartTransient(ctx context.Context, t Transient) error {
	properties, err := t.properties()
	if err != nil {
		return fmt.Errorf("cannot start unit %q: %w", t.Name, err)
	}
	return c.job(ctx, "start", t.Name, func(ctx context.Context, conn *sdbus.Conn, result chan<- string) (int, error) {
		return conn.StartTransientUnitContext(ctx, t.Name, modeReplace, properties, result)
	})
}

// execCommand is one element of the property ExecStart, a(sasb).
type execCommand struct {
	Path          string
	Args          []string
	IgnoreFailure bool
}

// environmentFile is one element of the property EnvironmentFiles, a(sb).
type environmentFile struct {
	Path     string
	Optional bool
}

// properties translates t. All of them can be set on a transient unit since
// systemd 236 at the latest (CollectMode is the youngest): RHEL 8 has 239.
func (t Transient) properties() ([]sdbus.Property, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	kind := "simple"
	if t.Oneshot {
		kind = "oneshot"
	}
	properties := []sdbus.Property{
		set("Description", plain(t.Description)),
		set("Type", kind),
		set("ExecStart", []execCommand{{Path: t.Command[0], Args: t.Command}}),
		// A command that detaches itself ends at once and leaves its
		// process behind: the unit must stay, or systemd would kill it.
		set("RemainAfterExit", true),
		set("KillMode", "control-group"),
		// A unit that failed would otherwise stay and block its name.
		set("CollectMode", "inactive-or-failed"),
	}
	if t.Output != nil {
		fd := dbus.UnixFD(t.Output.Fd()) //nolint:gosec // a descriptor's number
		properties = append(properties, set("StandardOutputFileDescriptor", fd), set("StandardErrorFileDescriptor", fd))
	} else {
		properties = append(properties, set("StandardOutput", "journal"), set("StandardError", "journal"))
	}
	if t.User != "" {
		properties = append(properties, set("User", t.User))
	}
	if t.WorkingDirectory != "" {
		properties = append(properties, set("WorkingDirectory", t.WorkingDirectory))
	}
	if len(t.Environment) > 0 {
		properties = append(properties, set("Environment", t.Environment))
	}
	if t.EnvironmentFile != "" {
		properties = append(properties, set("EnvironmentFiles", []environmentFile{{Path: t.EnvironmentFile}}))
	}
	if t.SyslogIdentifier != "" {
		properties = append(properties, set("SyslogIdentifier", plain(t.SyslogIdentifier)))
	}
	if t.StartTimeout > 0 {
		properties = append(properties, set("TimeoutStartUSec", microseconds(t.StartTimeout)))
	}
	if t.StopTimeout > 0 {
		properties = append(properties, set("TimeoutStopUSec", microseconds(t.StopTimeout)))
	}
	return properties, nil
}

// check refuses what systemd could not take, and above all what the bus would
// end the shared connection for.
func (t Transient) check() error {
	if unitType(t.Name) != "service" {
		return fmt.Errorf("%w of a service", ErrUnitName)
	}
	if len(t.Command) == 0 || !filepath.IsAbs(t.Command[0]) {
		return errors.New("its command does not begin with an absolute path")
	}
	if strings.ContainsAny(strings.Join(t.Command, ""), altered) {
		return errors.New("its command has a $ or a ;, which systemd would change")
	}
	for _, texts := range [][]string{t.Command, t.Environment, {t.User, t.WorkingDirectory, t.EnvironmentFile}} {
		for _, text := range texts {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return fmt.Errorf("%q is not text that D-Bus can carry", text)
			}
		}
	}
	return nil
}

func set(name string, value any) sdbus.Property {
	return sdbus.Property{Name: name, Value: dbus.MakeVariant(value)}
}

func microseconds(d time.Duration) uint64 {
	return uint64(max(d, 0).Microseconds()) //nolint:gosec // never negative
}

// plain makes text fit for one line: what is not printable becomes a space.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

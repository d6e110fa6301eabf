// Package demo shows the daemon at work: it starts sample processes, breaks
// them, raises alarms for them as another system would, runs the real daemon
// on an embedded database, and judges from the outside (process ids, the
// database, files that the samples write) whether all went as told. It is no
// part of the service.
package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/config"
)

// patience is how long the demo waits for any one thing before it says that it
// did not happen.
const patience = 12 * time.Second

// The samples. Each has a part to play.
const (
	webserver = "demo-web"    // is killed, and started again
	queue     = "demo-queue"  // is wedged so that it ignores SIGTERM
	mail      = "demo-mail"   // is acknowledged by an operator
	report    = "demo-report" // keeps failing until somebody mends it
)

var samples = []string{webserver, queue, mail, report}

// stage is where the demo plays.
type stage struct {
	dir string
	out *teller
	// program is the binary that is run as the daemon.
	program  string
	patience time.Duration
	db       *sql.DB
	daemon   *daemonProcess
}

// Run plays the demo and tells it to out. It returns an error when anything
// did not happen as told. Where the context ends before the demo does, the
// error wraps its cause. It cleans up in any case.
func Run(ctx context.Context, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program's own file: %w", err)
	}
	return run(ctx, out, self, patience)
}

func run(ctx context.Context, out io.Writer, program string, patience time.Duration) (err error) {
	dir, err := os.MkdirTemp("", "monitor_service-demo-")
	if err != nil {
		return fmt.Errorf("cannot make a directory for the demo: %w", err)
	}
	s := &stage{dir: dir, out: newTeller(out), program: program, patience: patience}
	defer func() { err = errors.Join(err, s.clean()) }()
	err = s.set(ctx)
	if err == nil {
		err = s.play(ctx)
	} else {
		err = fmt.Errorf("cannot set the stage: %w", err)
	}
	if err != nil && ctx.Err() != nil {
		// What did not happen then is no fault of the daemon's.
		return fmt.Errorf("the demo did not come to its end: %w", context.Cause(ctx))
	}
	return err
}

// set makes the samples, the database and the configuration.
func (s *stage) set(ctx context.Context) (err error) {
	s.out.title("monitor_service demo: the real daemon, an embedded database, four sample processes")
	for _, name := range samples {
		if err := s.writeSample(name); err != nil {
			return err
		}
	}
	if s.db, err = sql.Open("sqlite", s.path("alarms.db")+"?_pragma=busy_timeout(5000)"); err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, alarmdb.Schema(config.DriverSQLite)); err != nil {
		return err
	}
	for id, name := range samples {
		if _, err := s.db.ExecContext(ctx, "INSERT INTO PROCESE (process_id, process_name) VALUES (?, ?)", id+1, name); err != nil {
			return err
		}
		if _, err := s.db.ExecContext(ctx, "INSERT INTO STATUS_PROCESS (process_id, alarma, sound) VALUES (?, 0, 0)", id+1); err != nil {
			return err
		}
		if err := s.startSample(ctx, name); err != nil {
			return err
		}
	}
	return os.WriteFile(s.path("config.ini"), []byte(s.config()), 0o600)
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// raise raises the alarm of a sample, as the other system would.
func (s *stage) raise(ctx context.Context, name string, acknowledged bool) error {
	sound := 0
	if acknowledged {
		sound = 1
	}
	_, err := s.db.ExecContext(ctx, `UPDATE STATUS_PROCESS SET alarma = 1, sound = ?
		WHERE process_id = (SELECT process_id FROM PROCESE WHERE process_name = ?)`, sound, name)
	return err
}

// alarm reads whether a sample is in alarm, and its notes.
func (s *stage) alarm(ctx context.Context, name string) (bool, string, error) {
	var alarm int
	var notes sql.NullString
	err := s.db.QueryRowContext(ctx, `SELECT s.alarma, s.notes FROM STATUS_PROCESS s
		JOIN PROCESE p ON p.process_id = s.process_id WHERE p.process_name = ?`, name).Scan(&alarm, &notes)
	return alarm == 1, notes.String, err
}

// clean ends the daemon and the samples and removes what was made.
func (s *stage) clean() error {
	var errs []error
	if s.daemon != nil {
		errs = append(errs, s.daemon.stop())
	}
	errs = append(errs, s.killSamples())
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// await waits until a thing has happened.
func (s *stage) await(ctx context.Context, what string, happened func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := happened()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: did not happen within %s", what, s.patience)
		case err := <-s.daemon.ended:
			s.daemon.ended <- err
			return fmt.Errorf("%s: the daemon ended: %w", what, err)
		case <-tick.C:
		}
	}
}

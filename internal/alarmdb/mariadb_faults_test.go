//go:build integration

package alarmdb

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/testenv/mariadb"
)

// eventLimit is how long a test waits for something that is sure to happen.
const eventLimit = 30 * time.Second

func wantReadOnly(t *testing.T, n int, err error) {
	t.Helper()
	if n != 0 || !errors.Is(err, recovery.ErrReadOnly) || Classify(err) != Denied {
		t.Errorf("cleared %d: %s error %v, want ErrReadOnly", n, Classify(err), err)
	}
}

func wantClass(t *testing.T, err error, want Class) {
	t.Helper()
	if err == nil || Classify(err) != want || errors.Is(err, recovery.ErrReadOnly) {
		t.Errorf("%s error %v, want %s", Classify(err), err, want)
	}
}

// lockTables keeps everybody else from the tables until unlock.
func (s site) lockTables() (unlock func()) {
	s.t.Helper()
	conn, err := s.raw.Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := conn.ExecContext(s.t.Context(), "LOCK TABLES STATUS_PROCESS WRITE, PROCESE WRITE"); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		_, _ = conn.ExecContext(context.Background(), "UNLOCK TABLES")
		_ = conn.Close()
	}
}

// statements are the ids of the connections that run a statement on the
// tables. The one that locks them is not among them: MariaDB still lists its
// LOCK TABLES for a moment after it has answered it.
func (s site) statements() []int64 {
	s.t.Helper()
	rows, err := s.raw.QueryContext(s.t.Context(), `SELECT id FROM information_schema.processlist
WHERE db = DATABASE() AND id <> CONNECTION_ID() AND info LIKE '%STATUS\_PROCESS%' AND info NOT LIKE 'LOCK TABLES%'`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// waitForStatements waits until n statements are running.
func (s site) waitForStatements(n int) []int64 {
	s.t.Helper()
	for deadline := time.Now().Add(eventLimit); ; time.Sleep(5 * time.Millisecond) {
		ids := s.statements()
		if len(ids) == n {
			return ids
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d statements are running on the server, want %d", len(ids), n)
		}
	}
}

// inBackground runs f and returns how to wait for its error.
func inBackground(f func() error) (wait func() error) {
	result := make(chan error, 1)
	go func() { result <- f() }()
	return func() error { return <-result }
}

func TestServerThatComesUpLaterIsUsed(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	s.raise(1, "p", nil)
	srv.Stop()
	db := s.open()
	_, err := db.Poll(t.Context())
	wantClass(t, err, Transient)
	if !strings.Contains(err.Error(), srv.Socket()) {
		t.Errorf("the error does not name the socket: %v", err)
	}
	srv.Start()
	alarmOf(t, db)

	// And again after a restart that found connections open.
	srv.Stop()
	srv.Start()
	alarmOf(t, db)
}

func TestServerKilledInTheMiddleOfAStatement(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	s.raise(1, "p", "n")
	db := s.open()
	alarm := alarmOf(t, db)
	for name, statement := range map[string]func() error{
		"poll":     func() error { _, err := db.Poll(context.Background()); return err },
		"standing": func() error { _, err := db.Standing(context.Background(), alarm); return err },
		"clear":    func() error { _, err := db.Clear(context.Background(), alarm, restartedAt); return err },
	} {
		t.Run(name, func(t *testing.T) {
			unlock := s.lockTables()
			wait := inBackground(statement)
			s.waitForStatements(1)
			srv.Kill()
			wantClass(t, wait(), Transient)
			unlock()
			srv.Start()
			alarmOf(t, db)
		})
	}
}

func TestConnectionThatIsKilled(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	s.raise(1, "p", nil)
	db := s.open()
	t.Run("in the middle of a statement", func(t *testing.T) {
		unlock := s.lockTables()
		defer unlock()
		wait := inBackground(func() error { _, err := db.Poll(context.Background()); return err })
		s.exec("KILL CONNECTION ?", s.waitForStatements(1)[0])
		wantClass(t, wait(), Transient)
	})
	t.Run("while idle", func(t *testing.T) {
		alarmOf(t, db)
		var id int64
		if err := db.sql.QueryRow("SELECT CONNECTION_ID()").Scan(&id); err != nil {
			t.Fatal(err)
		}
		s.exec("KILL CONNECTION ?", id)
		alarmOf(t, db)
	})
}

func TestStatementBehindALockEndsOnTheServerToo(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	s.raise(1, "p", "n")
	alarm := alarmOf(t, s.open())
	s.cfg.QueryTimeout = time.Second
	db := s.open()
	for name, statement := range map[string]func(context.Context) error{
		"poll":     func(ctx context.Context) error { _, err := db.Poll(ctx); return err },
		"standing": func(ctx context.Context) error { _, err := db.Standing(ctx, alarm); return err },
		"clear":    func(ctx context.Context) error { _, err := db.Clear(ctx, alarm, restartedAt); return err },
	} {
		t.Run(name, func(t *testing.T) {
			defer s.lockTables()()
			wantClass(t, statement(t.Context()), Transient)
			s.waitForStatements(0)
		})
		t.Run(name+" cancelled", func(t *testing.T) {
			defer s.lockTables()()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			wait := inBackground(func() error { return statement(ctx) })
			s.waitForStatements(1)
			cancel()
			if err := wait(); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
			s.waitForStatements(0)
		})
	}
	t.Run("row lock", func(t *testing.T) {
		tx, err := s.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		if _, err := tx.Exec("UPDATE STATUS_PROCESS SET sound = 1"); err != nil {
			t.Fatal(err)
		}
		alarmOf(t, db) // Reading waits for nobody's row locks.
		_, err = db.Clear(t.Context(), alarm, restartedAt)
		wantClass(t, err, Transient)
		s.waitForStatements(0)
	})
	s.wantRow(1, "1", "NULL", "n")
}

// TestServerKnowsTheTimeLimit is for what no test can hold up long enough:
// without a limit of its own MariaDB notices within seconds that somebody who
// waits for a table's lock has hung up, and never while it reads.
func TestServerKnowsTheTimeLimit(t *testing.T) {
	s := site{t: t, cfg: mariadb.Start(t).Config()}
	s.cfg.QueryTimeout = 1500 * time.Millisecond
	var statement, tableLock, rowLock string
	err := s.open().sql.QueryRow("SELECT @@max_statement_time, @@lock_wait_timeout, @@innodb_lock_wait_timeout").
		Scan(&statement, &tableLock, &rowLock)
	if err != nil || statement != "1.5" || tableLock != "2" || rowLock != "2" {
		t.Errorf("a statement may take %s s, wait %s s for a table and %s s for a row (%v)", statement, tableLock, rowLock, err)
	}
}

func TestServerThatHangsIsGivenUpOn(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	s.raise(1, "p", nil)
	s.cfg.QueryTimeout = 100 * time.Millisecond
	connected, fresh := s.open(), s.open()
	alarmOf(t, connected)
	srv.Freeze()
	defer srv.Thaw()
	for _, db := range []*DB{connected, fresh} {
		_, err := db.Poll(t.Context())
		wantClass(t, err, Transient)
		if err != nil && !strings.Contains(err.Error(), "no answer within 100ms (query_timeout)") {
			t.Errorf("the error does not name the limit: %v", err)
		}
	}
	srv.Thaw()
	s.cfg.QueryTimeout = eventLimit
	alarmOf(t, s.open())
}

func TestNetworkFaultsAreTransient(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	s.cfg.Host = "127.0.0.1"
	s.cfg.QueryTimeout = 100 * time.Millisecond
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"silent": func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			t.Cleanup(func() { _ = there.Close() })
			return here, nil
		},
		"cut at once": func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return cutConn{conn}, err
		},
		"no route": func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			back, err := newMySQL(s.cfg)
			if err != nil {
				t.Fatal(err)
			}
			back.connector.(*mysqlConnector).cfg.DialFunc = dial
			db := newDB(back, s.cfg.QueryTimeout)
			defer func() { _ = db.Close() }()
			_, err = db.Poll(t.Context())
			wantClass(t, err, Transient)
		})
	}
	t.Run("refused", func(t *testing.T) {
		s.cfg.QueryTimeout = eventLimit
		srv.Stop()
		_, err := s.open().Poll(t.Context())
		wantClass(t, err, Transient)
	})
}

// cutConn is a connection whose other end hangs up after the first word.
type cutConn struct{ net.Conn }

func (c cutConn) Write([]byte) (int, error) {
	_ = c.Close()
	return 0, net.ErrClosed
}

func TestRefusedLoginsAndDatabasesSayTheWayOut(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	srv.Account("stranger", "hunter2")
	srv.CreateDatabase("empty")
	for name, c := range map[string]struct {
		change func(*config.Database)
		class  Class
		says   string
	}{
		"wrong password":   {func(c *config.Database) { c.Password = config.NewSecret("wrong hunter2") }, Denied, "check user and password"},
		"unknown user":     {func(c *config.Database) { c.User = "nobody" }, Denied, "check user and password"},
		"no privilege":     {func(c *config.Database) { c.User, c.Password = "stranger", config.NewSecret("hunter2") }, Denied, "check database"},
		"unknown database": {func(c *config.Database) { c.Name = "missing" }, Misconfigured, "check database"},
		"no tables":        {func(c *config.Database) { c.Name = "empty" }, Misconfigured, "monitor_service schema"},
		"no tls":           {func(c *config.Database) { c.TLS = config.TLSOn }, Misconfigured, "TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			mine := site{t: t, cfg: s.cfg}
			c.change(&mine.cfg)
			db := mine.open()
			_, err := db.Poll(t.Context())
			wantClass(t, err, c.class)
			for _, want := range []string{c.says, db.String()} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "admin's secret") {
				t.Errorf("shows the password: %v", err)
			}
		})
	}
}

func TestServerThatIsReadOnlyIsTransient(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	s.raise(1, "p", "n")
	srv.Account("daemon", "pw", "SELECT, UPDATE ON "+s.cfg.Name+".*")
	s.cfg.User, s.cfg.Password = "daemon", config.NewSecret("pw")
	db := s.open()
	alarm := alarmOf(t, db)
	srv.Exec("SET GLOBAL read_only = 1")
	_, err := db.Clear(t.Context(), alarm, restartedAt)
	wantClass(t, err, Transient)
	srv.Exec("SET GLOBAL read_only = 0")
	wantCleared(t, db, alarm, 1)
}

func TestLocalhostMeansTheSocketWhereThereIsOne(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	transport := func(sockets ...string) (string, error) {
		back, err := newMySQL(s.cfg)
		if err != nil {
			t.Fatal(err)
		}
		back.connector.(*mysqlConnector).sockets = sockets
		db := newDB(back, s.cfg.QueryTimeout)
		defer func() { _ = db.Close() }()
		var host string
		err = db.sql.QueryRow("SELECT host FROM information_schema.processlist WHERE id = CONNECTION_ID()").Scan(&host)
		host, _, _ = strings.Cut(host, ":")
		return host, err
	}
	s.cfg.Socket = ""
	missing := t.TempDir() + "/missing"
	if host, err := transport(missing, srv.Socket()); err != nil || host != "localhost" {
		t.Errorf("with a socket: from %q (%v), want the socket", host, err)
	}
	if host, err := transport(missing); err != nil || host != "127.0.0.1" {
		t.Errorf("without a socket: from %q (%v), want TCP", host, err)
	}
	s.cfg.Host = "127.0.0.1"
	if host, err := transport(); err != nil || host != "127.0.0.1" {
		t.Errorf("an address: from %q (%v), want TCP", host, err)
	}

	// The socket that was asked for is never replaced by TCP: another
	// server may be there.
	s.cfg.Host, s.cfg.Socket = "localhost", missing
	_, err := s.open().Poll(t.Context())
	wantClass(t, err, Transient)
}

// TestAStormsConnectionsAreKeptUntilTheyAreIdle counts what the server sees of a
// daemon that has just been busy.
func TestAStormsConnectionsAreKeptUntilTheyAreIdle(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	db := s.open()
	var conns []*sql.Conn
	for range maxOpen {
		conn, err := db.sql.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	if n := db.sql.Stats().OpenConnections; n != maxOpen {
		t.Errorf("%d connections are kept, want %d", n, maxOpen)
	}
	db.sql.SetConnMaxIdleTime(time.Millisecond) // instead of waiting for the half minute that is set
	for begun := time.Now(); db.sql.Stats().OpenConnections > 0; time.Sleep(time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatalf("%d connections are never closed", db.sql.Stats().OpenConnections)
		}
	}
}

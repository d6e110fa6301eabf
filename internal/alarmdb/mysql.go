package alarmdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"monitor_service/internal/config"
)

// localhost is the host that means the server's UNIX socket to every MySQL
// client.
const localhost = "localhost"

// usualSockets are where the distributions put the server's socket: RedHat,
// then Debian.
func usualSockets() []string {
	return []string{"/var/lib/mysql/mysql.sock", "/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock"}
}

func mysqlDialect() dialect {
	return dialect{
		mark: "COALESCE(CONCAT(CHAR_LENGTH(s.notes), ':', CRC32(s.notes)), 'null')",
		// Dropping as many characters as there are bytes too many drops
		// enough bytes for a TEXT, and for a VARCHAR never more than
		// RIGHT goes on to drop. Notes of blanks are not empty, though
		// most collations say that they equal ''.
		addNote: `RIGHT(CASE WHEN COALESCE(OCTET_LENGTH(s.notes), 0) = 0 THEN ? ELSE
CONCAT(SUBSTR(s.notes, 1 + GREATEST(0, OCTET_LENGTH(CONCAT(s.notes, ?)) - ?)), ?) END, ?)`,
		noteArgs: func(n note, w width) []any {
			return []any{n.bare, n.appended, w.bytes, n.appended, w.chars}
		},
		notesWidth: `SELECT CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'STATUS_PROCESS' AND COLUMN_NAME = 'notes'
AND CHARACTER_MAXIMUM_LENGTH IS NOT NULL`,
		explain: "EXPLAIN FORMAT=TRADITIONAL",
		// A whole table, or the whole of one of its indexes (MySQL Reference
		// Manual, "EXPLAIN Join Types").
		scans: func(step map[string]string) bool { return step["type"] == "ALL" || step["type"] == "index" },
		alarmIndexes: `SELECT COUNT(*) FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'STATUS_PROCESS' AND COLUMN_NAME = 'alarma' AND SEQ_IN_INDEX = 1`,
	}
}

// mysqlConnector opens connections to MySQL or MariaDB.
type mysqlConnector struct {
	cfg *mysql.Config
	// sockets are looked at when a connection is opened, since a server
	// may come up later and TCP is no substitute for its socket then.
	sockets []string
	// settings is run on each new connection.
	settings string
}

func newMySQL(cfg config.Database) (backend, error) {
	c := mysql.NewConfig()
	c.Net = "tcp"
	c.Addr = net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port))
	c.User = cfg.User
	c.Passwd = cfg.Password.Reveal()
	c.DBName = cfg.Name
	c.Timeout = cfg.ConnectTimeout
	// Every method has a shorter limit of its own; these are for a server
	// that is silent where nothing asks the context.
	c.ReadTimeout = cfg.QueryTimeout + 2*answerGrace
	c.WriteTimeout = cfg.QueryTimeout + 2*answerGrace
	// Spares two of three round trips. Nothing that came from a user is
	// ever an argument.
	c.InterpolateParams = true
	// The driver's own logger prints to stderr what is returned anyway.
	c.Logger = &mysql.NopLogger{}
	if err := setTLS(c, cfg); err != nil {
		return backend{}, err
	}
	connector := &mysqlConnector{cfg: c, settings: sessionSettings(cfg.QueryTimeout)}
	at := cfg.Host
	if cfg.Host == localhost {
		connector.sockets = usualSockets()
		if cfg.Socket != "" {
			connector.sockets = nil
			c.Net, c.Addr = "unix", cfg.Socket
			at = cfg.Socket
		}
	} else {
		at = c.Addr
	}
	return backend{
		connector: connector,
		dialect:   mysqlDialect(),
		where:     fmt.Sprintf("database %q at %q", cfg.Name, cfg.User+"@"+at),
		// All that a storm opens are kept while it lasts. Those that are used
		// no more go by connMaxIdleTime.
		maxIdle: maxOpen,
	}, nil
}

// sessionSettings is the statement that makes a session independent of how
// the server is set up, and ends on the server what takes too long there: a
// client that hangs up does not end its statement.
//
// max_statement_time is MariaDB's and covers everything; MySQL knows
// max_execution_time for SELECT alone, where an UPDATE of this package can be
// held up by locks alone. Both take comments of the kind /*! */ as code, MySQL
// not those with an M and MariaDB not those from 50700 to 99999
// (https://mariadb.com/kb/en/comment-syntax/).
func sessionSettings(limit time.Duration) string {
	// The lock time limits are whole seconds, and MySQL has no zero.
	seconds := max(1, int64((limit+time.Second-1)/time.Second))
	return strings.Join([]string{
		// skip-character-set-client-handshake ignores what was agreed.
		"SET NAMES utf8mb4",
		// A text that is too long must be an error, never be cut.
		"sql_mode = 'STRICT_ALL_TABLES'",
		// Without it a write is never committed, and every poll sees
		// what the first one saw.
		"autocommit = 1",
		fmt.Sprintf("lock_wait_timeout = %d", seconds),
		fmt.Sprintf("innodb_lock_wait_timeout = %d", seconds) +
			fmt.Sprintf(" /*M!100101 , max_statement_time = %.3f */", limit.Seconds()) +
			fmt.Sprintf(" /*!50708 , max_execution_time = %d */", max(1, limit.Milliseconds())),
	}, ", ")
}

// Connect implements driver.Connector.
func (c *mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	cfg := c.cfg.Clone()
	if socket := firstSocket(c.sockets); socket != "" {
		cfg.Net, cfg.Addr = "unix", socket
	}
	inner, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	conn, err := inner.Connect(ctx)
	if err != nil {
		return nil, c.connectFailure(cfg, err)
	}
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("the MySQL driver cannot execute statements"), conn.Close())
	}
	if _, err := execer.ExecContext(ctx, c.settings, nil); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("setting up the session: %w", err)
	}
	return conn, nil
}

// connectFailure makes an error of connecting tell what it hides: that the
// socket was looked for, and that a connection which broke before it was one
// is a broken connection.
func (c *mysqlConnector) connectFailure(cfg *mysql.Config, err error) error {
	if _, ok := errors.AsType[*net.OpError](err); ok && len(c.sockets) > 0 && cfg.Net == "tcp" {
		return fmt.Errorf("%w (and no UNIX socket at %s)", err, strings.Join(c.sockets, ", "))
	}
	if _, ok := errors.AsType[*mysql.MySQLError](err); !ok && Classify(err) == Unknown {
		return fmt.Errorf("%w: %w", mysql.ErrInvalidConn, err)
	}
	return err
}

// Driver implements driver.Connector.
func (c *mysqlConnector) Driver() driver.Driver { return &mysql.MySQLDriver{} }

// firstSocket returns the first path that is a socket.
func firstSocket(paths []string) string {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			return path
		}
	}
	return ""
}

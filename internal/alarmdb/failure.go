package alarmdb

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// errLimit is the cause of a context that this package has ended.
var errLimit = errors.New("query_timeout is over")

// failure makes an error say what was tried, where, and the way out.
func (db *DB) failure(ctx context.Context, action string, err error) error {
	if errors.Is(context.Cause(ctx), errLimit) {
		err = fmt.Errorf("no answer within %s (query_timeout): %w", db.timeout, err)
	}
	if hint := wayOut(err); hint != "" {
		return fmt.Errorf("cannot %s in %s: %w; %s", action, db.where, err, hint)
	}
	return fmt.Errorf("cannot %s in %s: %w", action, db.where, err)
}

// wayOut is what an operator can do about an error; empty where the error says
// it already.
func wayOut(err error) string {
	var mysqlErr *mysql.MySQLError
	var sqliteErr *sqlite.Error
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &mysqlErr):
		return wayOutMySQL(mysqlErr.Number)
	case errors.As(err, &sqliteErr):
		return wayOutSQLite(sqliteErr.Code())
	case errors.As(err, &name):
		return "host must be one of the names in the server's certificate"
	case errors.As(err, &authority):
		return "tls_ca must be the CA that signed the server's certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate has to be renewed, or this host's clock to be set"
	case errors.Is(err, mysql.ErrNoTLS):
		return "switch TLS on at the server, or set tls to preferred or off"
	case errors.Is(err, fs.ErrPermission):
		return "this daemon's user may not use the server's socket"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return "is the server running there?"
	}
	return ""
}

func wayOutMySQL(number uint16) string {
	switch number {
	case erAccessDenied, erAccessDeniedNoPass:
		// MariaDB says no more than this to who comes without TLS where the
		// account or the server (require_secure_transport) requires it.
		return "check user and password in section [database], and set tls to on if the server or the account requires it"
	case erDBAccessDenied:
		return "check database in section [database], and that the account may use it"
	case erBadDB:
		return "check database in section [database], or create it"
	case erNoSuchTable, erBadField:
		return "`monitor_service schema` prints the tables and columns that are needed"
	case erTableAccessDenied, erColumnAccessDenied:
		return "the account needs SELECT on STATUS_PROCESS and PROCESE, and UPDATE on STATUS_PROCESS to clear alarms"
	case erSecureTransport:
		return "set tls to on in section [database]: the server lets nobody in without"
	case erReadOnlyServer, erReadOnlyTrx, erReadOnlyMode:
		return "the server takes no writes now, as a replica does"
	}
	return ""
}

func wayOutSQLite(code int) string {
	switch code & 0xff {
	case sqlite3.SQLITE_CANTOPEN:
		return "check that path in section [database] is there and may be read"
	case sqlite3.SQLITE_NOTADB:
		return "check path in section [database]"
	case sqlite3.SQLITE_ERROR:
		return "`monitor_service schema --driver sqlite` prints the tables and columns that are needed"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return "this daemon's user needs to write the file and its directory to clear alarms"
	}
	return ""
}

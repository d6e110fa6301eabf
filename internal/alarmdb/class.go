package alarmdb

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"io"
	"io/fs"
	"net"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Class says what can be done about an error.
type Class int

// The classes.
const (
	// Unknown is every error that is not known to be of another class.
	Unknown Class = iota
	// Transient errors go away without anybody's doing: the database is
	// down, slow, locked, failing over or full.
	Transient
	// Denied errors stay until the account is let in or given a privilege.
	Denied
	// Misconfigured errors stay until the settings or the tables are
	// mended.
	Misconfigured
)

func (c Class) String() string {
	switch c {
	case Transient:
		return "transient"
	case Denied:
		return "denied"
	case Misconfigured:
		return "misconfigured"
	case Unknown:
	}
	return "unknown"
}

// Classify returns the class of an error of this package.
func Classify(err error) Class {
	var mysqlErr *mysql.MySQLError
	var sqliteErr *sqlite.Error
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	var network net.Error
	switch {
	case err == nil:
		return Unknown
	case errors.As(err, &mysqlErr):
		return classifyMySQL(mysqlErr.Number)
	case errors.As(err, &sqliteErr):
		return classifySQLite(sqliteErr.Code())
	case errors.As(err, &certificate), errors.As(err, &alert), unusableServer(err):
		return Misconfigured
	case errors.Is(err, fs.ErrPermission): // of the UNIX socket
		return Denied
	case errors.As(err, &network),
		errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Transient
	}
	return Unknown
}

// unusableServer says that the server and these settings do not agree on how
// to talk.
func unusableServer(err error) bool {
	for _, target := range []error{
		mysql.ErrNoTLS, mysql.ErrCleartextPassword, mysql.ErrNativePassword,
		mysql.ErrOldPassword, mysql.ErrUnknownPlugin, mysql.ErrOldProtocol,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// The error numbers are MySQL's and MariaDB's, see
// https://mariadb.com/kb/en/mariadb-error-code-reference/ and
// https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html.
const (
	erDBAccessDenied     = 1044
	erAccessDenied       = 1045
	erBadDB              = 1049
	erBadField           = 1054
	erTableAccessDenied  = 1142
	erColumnAccessDenied = 1143
	erNoSuchTable        = 1146
	erReadOnlyServer     = 1290
	erDataTooLong        = 1406
	erAccessDeniedNoPass = 1698
	erReadOnlyTrx        = 1792
	erReadOnlyMode       = 1836
	erSecureTransport    = 3159
)

func classifyMySQL(number uint16) Class {
	switch number {
	case erDBAccessDenied, erAccessDenied, erAccessDeniedNoPass,
		erTableAccessDenied, erColumnAccessDenied,
		1129, // host is blocked after too many errors
		1130, // host is not allowed to connect
		1227, // a privilege is missing
		1370, // a routine, called by a trigger, is denied
		1820, // the password must be changed first
		1862, // the password has expired
		3118, // the account is locked (MySQL)
		4151: // the account is locked (MariaDB)
		return Denied
	case erBadDB, erBadField, erNoSuchTable, erDataTooLong,
		1064, // a syntax that the server does not know
		1109, // unknown table
		1193, // unknown system variable
		1251, // unsupported way of logging in
		1267, // collations that do not mix
		1288, // a view that cannot be updated
		1305, // unknown function
		1356, // a view of something that is gone
		1449, // the definer of a trigger or a view is gone
		erSecureTransport:
		return Misconfigured
	case erReadOnlyServer, erReadOnlyTrx, erReadOnlyMode, // a failover
		1021, // disk full
		1030, // the storage engine's own error
		1037, // out of memory
		1038, // out of memory for sorting
		1040, // too many connections
		1041, // out of memory
		1042, // the client's name cannot be looked up
		1043, // a handshake that went wrong
		1047, // a Galera node that is not ready
		1053, // the server is shutting down
		1114, // the table is full
		1152, // the connection was aborted
		1158, // reading the network failed
		1159, // reading the network took too long
		1160, // writing the network failed
		1161, // writing the network took too long
		1180, // the commit failed
		1184, // the connection was aborted
		1203, // too many connections of this user
		1205, // waited too long for a lock
		1213, // deadlock
		1226, // a limit of this account
		1317, // the statement was killed
		1412, // the table was altered meanwhile
		1927, // the connection was killed (MariaDB)
		1969, // max_statement_time (MariaDB)
		3024, // max_execution_time (MySQL)
		3169: // the session was killed (MySQL)
		return Transient
	}
	return Unknown
}

// classifySQLite takes an extended result code, see
// https://www.sqlite.org/rescode.html.
func classifySQLite(code int) Class {
	switch code {
	case sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_READONLY_CANTLOCK,
		sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_DBMOVED:
		return Transient
	}
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_SCHEMA:
		return Transient
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY:
		return Denied
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return Misconfigured
	}
	return Unknown
}

// writeRefused says that this account may not write. A server that is
// read-only as a whole is another thing: it fails over.
func writeRefused(err error) bool {
	if refusal, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return refusal.Number == erTableAccessDenied || refusal.Number == erColumnAccessDenied
	}
	refusal, ok := errors.AsType[*sqlite.Error](err)
	return ok && classifySQLite(refusal.Code()) == Denied
}

func isDataTooLong(err error) bool {
	refusal, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && refusal.Number == erDataTooLong
}

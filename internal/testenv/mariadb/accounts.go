package mariadb

import (
	"database/sql"
	"time"

	"monitor_service/internal/config"
)

const (
	adminUser     = "admin"
	adminPassword = "admin's secret"

	// createAdmin is run by the server each time it starts, one statement
	// a line. An anonymous account of localhost, as a fresh data directory
	// has it, would be preferred to one of everywhere, so it goes.
	createAdmin = "DELETE FROM mysql.global_priv WHERE User = '';\n" +
		"FLUSH PRIVILEGES;\n" +
		"CREATE USER IF NOT EXISTS admin@'%' IDENTIFIED BY 'admin''s secret';\n" +
		"GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION;\n"
)

// Socket is the path of the server's UNIX socket.
func (s *Server) Socket() string { return s.path("sock") }

// Port is the server's port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Config is the section [database] of an account that may do everything, over
// the UNIX socket. It names no database. Host "127.0.0.1" instead makes it go
// over TCP.
func (s *Server) Config() config.Database {
	return config.Database{
		Driver:         config.DriverMySQL,
		Host:           "localhost",
		Port:           s.port,
		Socket:         s.Socket(),
		User:           adminUser,
		Password:       config.NewSecret(adminPassword),
		TLS:            config.TLSOff,
		ConnectTimeout: 5 * time.Second,
		QueryTimeout:   10 * time.Second,
		ClearAlarm:     true,
		ClearTimeout:   15 * time.Minute,
	}
}

// DB runs SQL as the account that may do everything, several statements at a
// time where wanted. No database is selected.
func (s *Server) DB() *sql.DB { return s.admin }

// Exec runs SQL as the account that may do everything, and ends the test when
// it fails.
func (s *Server) Exec(query string, args ...any) {
	s.t.Helper()
	if _, err := s.admin.ExecContext(s.t.Context(), query, args...); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
}

// CreateDatabase makes an empty database, of a name that needs no quotes,
// and returns Config with it.
func (s *Server) CreateDatabase(name string) config.Database {
	s.t.Helper()
	s.Exec("CREATE DATABASE " + name)
	cfg := s.Config()
	cfg.Name = name
	return cfg
}

// Account makes an account, of a name that needs no quotes, that may log in
// from everywhere, with exactly the given privileges, such as
// "SELECT ON alarms.*".
func (s *Server) Account(user, password string, privileges ...string) {
	s.t.Helper()
	s.Exec("CREATE USER "+user+"@'%' IDENTIFIED BY ?", password)
	for _, privilege := range privileges {
		s.Exec("GRANT " + privilege + " TO " + user + "@'%'")
	}
}

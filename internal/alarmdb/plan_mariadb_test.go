//go:build integration

package alarmdb

import (
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/testenv/mariadb"
)

func TestMariaDBPollWithoutTheIndexIsKnownToScan(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	// As production has it: an account that may read and nothing else.
	srv.Account("reader", "secret", "SELECT ON "+s.cfg.Name+".*")
	s.cfg.User, s.cfg.Password = "reader", config.NewSecret("secret")
	s.wantScans(false)
	s.raise(1_000_000, "nginx", nil)
	s.wantScans(false) // the server may read one row as it likes
	s.raiseMany(5000)
	s.wantScans(false) // also with every row in alarm
	s.exec("DROP INDEX STATUS_PROCESS_alarm ON STATUS_PROCESS")
	s.wantScans(true)
	s.exec("UPDATE STATUS_PROCESS SET alarma = 0")
	s.exec("ANALYZE TABLE STATUS_PROCESS, PROCESE")
	s.wantScans(true)
	s.exec(AlarmIndex)
	s.wantScans(false)
}

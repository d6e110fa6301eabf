//go:build e2e

package chaos

import (
	"math/rand/v2"
	"time"
)

// statements is a fault that some statements make and another one mends.
func statements(mending string, breaking ...string) func(*stage, *rand.Rand) func() {
	return func(s *stage, _ *rand.Rand) func() {
		s.sql(breaking...)
		return func() { s.sql(mending) }
	}
}

func databaseFaults() []fault {
	short, long := [2]time.Duration{200 * ms, 2000 * ms}, [2]time.Duration{500 * ms, 2500 * ms}
	all := []fault{
		{kind: "database stopped", hold: short, inject: between("systemctl stop mariadb", "systemctl start mariadb")},
		{
			kind: "database killed", hold: [2]time.Duration{0, 1000 * ms},
			inject: between("systemctl kill -s KILL mariadb", "systemctl reset-failed mariadb; systemctl start mariadb"),
		},
		{kind: "database restarted", inject: once("systemctl restart mariadb")},
		{kind: "database read-only", hold: short, inject: statements("SET GLOBAL read_only = 0", "SET GLOBAL read_only = 1")},
		{kind: "table locked", hold: long, inject: lockTable},
		{
			kind: "table dropped", hold: short,
			inject: statements("RENAME TABLE away TO STATUS_PROCESS", "RENAME TABLE STATUS_PROCESS TO away"),
		},
		{
			kind: "password changed", hold: short,
			inject: func(s *stage, _ *rand.Rand) func() {
				s.sql("ALTER USER monitor@'%' IDENTIFIED BY 'another'")
				s.killConnections() // those that are there stay logged in
				return func() { s.sql("ALTER USER monitor@'%' IDENTIFIED BY 'secret'") }
			},
		},
		{
			kind: "connections killed", inject: func(s *stage, r *rand.Rand) func() {
				for range 20 {
					s.killConnections()
					time.Sleep(time.Duration(r.IntN(60)) * ms)
				}
				return nothing
			},
		},
		{
			// query_timeout is 1 s.
			kind: "answers delayed beyond query_timeout", hold: [2]time.Duration{1600 * ms, 3000 * ms},
			inject: between("systemctl kill -s STOP mariadb", "systemctl kill -s CONT mariadb"),
		},
		{
			kind: "network cut before the write-back", hold: short,
			inject: between(awaitStep("begin pre")+"ip link set lo down", "ip link set lo up"),
		},
	}
	for i := range all {
		all[i].on = "database"
	}
	return all
}

// killConnections ends the daemon's connections, and what is asked on them.
func (s *stage) killConnections() { s.sql("KILL USER monitor") }

// lockTable locks the table against reading and writing. The lock is held by a
// connection, and ends with it.
func lockTable(s *stage, _ *rand.Rand) func() {
	conn, err := s.db.Conn(s.t.Context())
	if err != nil {
		s.t.Error(err)
		return nothing
	}
	if _, err := conn.ExecContext(s.t.Context(), "LOCK TABLES STATUS_PROCESS WRITE"); err != nil {
		s.t.Error(err)
	}
	return func() {
		if _, err := conn.ExecContext(s.t.Context(), "UNLOCK TABLES"); err != nil {
			s.t.Error(err)
		}
		_ = conn.Close()
	}
}

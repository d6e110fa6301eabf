//go:build integration

package mariadb

import (
	"os"
	"syscall"
	"testing"
)

func TestServerKeepsItsDataOverStopKillAndFreeze(t *testing.T) {
	s := Start(t)
	s.CreateDatabase("kept")
	s.Exec("CREATE TABLE kept.t (n INT PRIMARY KEY)")
	for n, interrupt := range []func(){
		func() { s.Stop(); s.Start() },
		func() { s.Kill(); s.Start() },
		func() { s.Freeze(); s.Thaw() },
	} {
		s.Exec("INSERT INTO kept.t VALUES (?)", n)
		interrupt()
		var rows int
		if err := s.DB().QueryRow("SELECT COUNT(*) FROM kept.t").Scan(&rows); err != nil || rows != n+1 {
			t.Fatalf("%d rows after interruption %d (%v), want %d", rows, n, err, n+1)
		}
	}
}

func TestServerIsGoneWhenItsTestIsOver(t *testing.T) {
	var dir string
	var pid int
	t.Run("test", func(t *testing.T) {
		s := Start(t)
		dir, pid = s.dir, s.run.process.Pid
		s.Freeze()
	})
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d is still there: %v", pid, err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

func TestAccountHasExactlyItsPrivileges(t *testing.T) {
	s := Start(t)
	s.CreateDatabase("d")
	s.Exec("CREATE TABLE d.t (n INT PRIMARY KEY)")
	s.Account("reader", "pass'word", "SELECT ON d.*")
	reader := s.open("reader", "pass'word")
	defer reader.Close()
	if _, err := reader.Exec("SELECT n FROM d.t"); err != nil {
		t.Errorf("cannot read: %v", err)
	}
	if _, err := reader.Exec("INSERT INTO d.t VALUES (1)"); err == nil {
		t.Error("may write")
	}
}

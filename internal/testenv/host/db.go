package host

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

// DB is a connection to the machine's MariaDB as its root, from outside and
// over its socket, for whoever has too much to say for a client that is run
// each time. It may be opened while the server is down. The caller closes it.
func (h *Host) DB(schema string) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.Net = "unix"
	c.Addr = fmt.Sprintf("/proc/%d/root/run/mysqld/mysqld.sock", h.leader)
	c.User = "root" // the socket tells the server who it is
	c.DBName = schema
	c.Timeout, c.ReadTimeout, c.WriteTimeout = 5*time.Second, 5*time.Second, 5*time.Second
	c.InterpolateParams = true
	c.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Outside is the path, seen from outside, of a file of the machine. No link on
// it may be absolute.
func (h *Host) Outside(path string) string { return fmt.Sprintf("/proc/%d/root%s", h.leader, path) }

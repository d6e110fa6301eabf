package alarmdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func TestClassify(t *testing.T) {
	number := func(n uint16) error { return &mysql.MySQLError{Number: n} }
	dial := func(errno syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", errno)}
	}
	for _, c := range []struct {
		err  error
		want Class
	}{
		{nil, Unknown},
		{errors.New("who knows"), Unknown},
		{ErrTooManyRows, Unknown},
		{number(1), Unknown},
		{number(1044), Denied},
		{number(1045), Denied},
		{number(1049), Misconfigured},
		{number(1054), Misconfigured},
		{number(1142), Denied},
		{number(1143), Denied},
		{number(1146), Misconfigured},
		{number(1040), Transient},
		{number(1205), Transient},
		{number(1213), Transient},
		{number(1290), Transient},
		{number(1792), Transient},
		{number(1836), Transient},
		{number(1969), Transient},
		{number(3024), Transient},
		{mysql.ErrInvalidConn, Transient},
		{mysql.ErrNoTLS, Misconfigured},
		{mysql.ErrCleartextPassword, Misconfigured},
		{driver.ErrBadConn, Transient},
		{io.ErrUnexpectedEOF, Transient},
		{context.DeadlineExceeded, Transient},
		{context.Canceled, Transient},
		{dial(syscall.ECONNREFUSED), Transient},
		{dial(syscall.ENOENT), Transient},
		{dial(syscall.EHOSTUNREACH), Transient},
		{dial(syscall.EACCES), Denied},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, Transient},
	} {
		if got := Classify(c.err); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
		if c.err == nil {
			continue
		}
		if got := Classify(fmt.Errorf("wrapped: %w", c.err)); got != c.want {
			t.Errorf("wrapped, %v is %s, want %s", c.err, got, c.want)
		}
	}
}

func TestReadOnlyServerIsNotARefusedWrite(t *testing.T) {
	for n, want := range map[uint16]bool{1142: true, 1143: true, 1290: false, 1792: false, 1836: false, 1045: false} {
		if got := writeRefused(&mysql.MySQLError{Number: n}); got != want {
			t.Errorf("error %d: %t, want %t", n, got, want)
		}
	}
}

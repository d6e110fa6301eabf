package logging

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
)

const (
	journalPath = "/run/systemd/journal/socket"
	// journalWait is how long one entry may wait for a journal that does
	// not read.
	journalWait = time.Second

	identifier = "monitor_service"
	// facilityDaemon is LOG_DAEMON of syslog(3), where syslog daemons that
	// read the journal file what system daemons say.
	facilityDaemon = "3"

	fieldPrefix = "MONITOR_"
	// maxFieldName is the longest name of a field that the journal takes.
	maxFieldName = 64
	// maxEntry keeps an entry in one datagram: a socket's send buffer
	// holds 208 KiB unless an administrator made it larger.
	maxEntry = 64 << 10
)

// journalEntry is e in the journal's native protocol
// (systemd.io/JOURNAL_NATIVE_PROTOCOL). Every field has the form that begins
// with the value's length, so that a value can hold anything, line ends
// included, and never becomes a second field.
func journalEntry(e entry) []byte {
	message := appendMessage(nil, e.message)
	for _, f := range e.fields {
		if f.key != keyEvent {
			message = appendField(message, f)
		}
	}
	b := appendJournalField(nil, "MESSAGE", bound(string(message), maxEntry/4))
	b = appendJournalField(b, "PRIORITY", strconv.Itoa(int(priority(e.level))))
	b = appendJournalField(b, "SYSLOG_IDENTIFIER", identifier)
	b = appendJournalField(b, "SYSLOG_FACILITY", facilityDaemon)
	for _, f := range e.fields {
		if len(b) > maxEntry {
			break
		}
		if id := messageID(f.value); f.key == keyEvent && id != "" {
			b = appendJournalField(b, "MESSAGE_ID", id)
		}
		b = appendJournalField(b, fieldName(f.key), f.value)
	}
	return b
}

func appendJournalField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, '\n')
	b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	b = append(b, value...)
	return append(b, '\n')
}

// fieldName makes a name that the journal accepts: capital letters, digits and
// underscores (systemd.journal-fields(7)).
func fieldName(key string) string {
	name := []byte(fieldPrefix)
	for _, c := range []byte(key) {
		switch {
		case len(name) == maxFieldName:
			return string(name)
		case 'a' <= c && c <= 'z':
			name = append(name, c-'a'+'A')
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			name = append(name, c)
		default:
			name = append(name, '_')
		}
	}
	return string(name)
}

func priority(l slog.Level) journal.Priority {
	switch {
	case l < slog.LevelInfo:
		return journal.PriDebug
	case l < slog.LevelWarn:
		return journal.PriInfo
	case l < slog.LevelError:
		return journal.PriWarning
	}
	return journal.PriErr
}

// journalSocket sends entries to the journal. journal.Send is not used: while
// the journal does not read, it never returns and keeps a processor busy,
// because its socket is not connected and is always said to be writable.
type journalSocket struct {
	path string
	conn *net.UnixConn
}

// write sends one entry; an empty one only connects. A connection that broke
// since the last entry, as it does when the journal's socket is made anew, is
// replaced at once.
func (j *journalSocket) write(entry []byte) error {
	fresh := j.conn == nil
	err := j.try(entry)
	if err == nil || fresh || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return j.try(entry)
}

func (j *journalSocket) try(entry []byte) error {
	if j.conn == nil {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: j.path})
		if err != nil {
			return err
		}
		j.conn = conn
	}
	if len(entry) == 0 {
		return nil
	}
	err := j.conn.SetWriteDeadline(time.Now().Add(journalWait))
	if err == nil {
		_, err = j.conn.Write(entry)
	}
	if err != nil {
		_ = j.conn.Close()
		j.conn = nil
	}
	return err
}

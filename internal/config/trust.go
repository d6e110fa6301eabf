package config

import (
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// reader is the user who reads config.ini and as whom its commands run. What
// root or the reader may change is trusted: they need no config.ini to run a
// command as the reader.
type reader struct {
	uid uint32
	// group is the reader's private group, 0 where there is none.
	group uint32
}

// self is the user of this process.
func self() reader {
	r := reader{uid: uint32(os.Geteuid())} //nolint:gosec // never negative on Linux
	if r.uid != 0 {
		r.group = privateGroup(r.uid, accounts("/etc/passwd"), accounts("/etc/group"))
	}
	return r
}

// distrusts says of each step on the way to a file why somebody whom the reader
// does not trust can put another file at the end of it, and how to mend it.
//
// It is what sshd's StrictModes asks of a user's files, and like Debian's sshd
// it lets the user's private group write to what is the user's own: with the
// umask 002 that goes with such groups, on RHEL 8 for instance, everything that
// the user makes is like that.
//
// A directory with the sticky bit, such as /tmp, may be writable by all: what
// stands in it can be renamed or removed only by its owner (inode(7)), whom the
// reader has to trust here anyway.
func (r reader) distrusts(steps []step) []string {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, s := range steps {
		stat, ok := s.info.Sys().(*syscall.Stat_t)
		if !ok {
			add("cannot tell who owns %q", s.path)
			continue
		}
		mode, isLink := s.info.Mode(), s.info.Mode()&fs.ModeSymlink != 0
		sticky := mode.IsDir() && mode&fs.ModeSticky != 0
		switch foreign := stat.Uid != 0 && stat.Uid != r.uid; {
		case foreign && isLink:
			add("the link %q belongs to user %d, who can lead it elsewhere: run chown -h root %q", s.path, stat.Uid, s.path)
		case foreign:
			add("%q belongs to user %d, who can change what runs as %s: run chown root %q", s.path, stat.Uid, r, s.path)
		case isLink, sticky: // the mode of a link means nothing
		case mode&0o002 != 0:
			add("every user can write %q and so change what runs as %s: run chmod go-w %q", s.path, r, s.path)
		case mode&0o020 != 0 && stat.Gid != 0 && !r.alone(stat):
			add("the group %d can write %q and so change what runs as %s: run chmod g-w %q", stat.Gid, s.path, r, s.path)
		}
	}
	return problems
}

// alone says whether what the group may do nobody but the reader may. Not for
// what is root's: whoever gave that to a group meant others.
func (r reader) alone(stat *syscall.Stat_t) bool {
	return r.group != 0 && stat.Gid == r.group && stat.Uid == r.uid
}

func (r reader) String() string {
	if r.uid == 0 {
		return "root"
	}
	return fmt.Sprintf("user %d", r.uid)
}

// privateGroup is the number of the group that bears the user's name and that
// nobody else is in, as useradd(8) makes one for each user; 0 where there is
// none. It knows what stands in passwd(5) and group(5): of a directory service's
// groups nobody here could tell who is in them.
func privateGroup(uid uint32, passwd, groups string) uint32 {
	var name, gid string
	number := strconv.FormatUint(uint64(uid), 10)
	for user := range entries(passwd) {
		if user[2] == number {
			name, gid = user[0], user[3]
			break
		}
	}
	for user := range entries(passwd) {
		if user[3] == gid && user[2] != number {
			return 0
		}
	}
	found := false
	for group := range entries(groups) {
		if group[2] != gid {
			continue
		}
		if members := group[3]; group[0] != name || members != "" && members != name {
			return 0
		}
		found = true
	}
	id, err := strconv.ParseUint(gid, 10, 32)
	if !found || err != nil {
		return 0
	}
	return uint32(id)
}

// entries goes through the lines of passwd(5) or group(5), whose first four
// fields are those that matter.
func entries(text string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			if fields := strings.Split(strings.TrimSuffix(line, "\n"), ":"); len(fields) >= 4 && !yield(fields) {
				return
			}
		}
	}
}

// maxAccounts bounds what is read of a file of users or groups, in bytes.
const maxAccounts = 16 << 20

// accounts is the text of a file of users or groups, empty where it cannot be
// read whole: nobody is trusted for what is not there.
func accounts(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxAccounts+1))
	if err != nil || len(text) > maxAccounts {
		return ""
	}
	return string(text)
}

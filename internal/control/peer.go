package control

import (
	"errors"
	"fmt"
	"net"
	"os/user"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"monitor_service/internal/recovery"
)

// Group is the group whose members may use the socket beside root.
const Group = "monitor_service"

// noGroup is that no such group exists on this host.
const noGroup = -1

// groupID looks the group up.
func groupID(name string) int {
	g, err := user.LookupGroup(name)
	if err != nil {
		return noGroup
	}
	id, err := strconv.Atoi(g.Gid)
	if err != nil {
		return noGroup
	}
	return id
}

// peer is the process at the other end of a connection, by the kernel's word
// at the time of the connection.
type peer struct {
	recovery.Operator
	groups []uint32
}

// peerOf asks the kernel who is at the other end (SO_PEERCRED and
// SO_PEERGROUPS, unix(7)). The groups are asked of the kernel and not of the
// host's lists of users: these may be somewhere in a directory service, which
// a static program does not know.
func peerOf(c *net.UnixConn) (peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var p peer
	var cerr error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, cerr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); cerr != nil {
			return
		}
		p.Operator = recovery.Operator{Name: userName(cred.Uid), UID: cred.Uid, PID: cred.Pid}
		p.groups, cerr = peerGroups(int(fd))
		p.groups = append(p.groups, cred.Gid)
	})
	if err = errors.Join(err, cerr); err != nil {
		return peer{}, fmt.Errorf("cannot find out who is asking: %w", err)
	}
	return p, nil
}

// maxGroups is NGROUPS_MAX, getgroups(2).
const maxGroups = 65536

func peerGroups(fd int) ([]uint32, error) {
	const size = uint32(unsafe.Sizeof(uint32(0)))
	for groups := make([]uint32, 64); ; groups = make([]uint32, maxGroups) {
		length := uint32(len(groups)) * size //nolint:gosec // at most maxGroups
		//nolint:gosec // there is no call without pointers for a list of groups
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&length)), 0)
		switch {
		case errno == 0:
			return groups[:length/size], nil
		case errno == unix.ERANGE && len(groups) < maxGroups:
		case errno == unix.ENOPROTOOPT: // a kernel before 4.13
			return nil, nil
		default:
			return nil, errno
		}
	}
}

// userName is the user's name, or its number where this host does not know it.
func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + id
}

// allowed says whether a peer may use the daemon: root, the daemon's own user,
// and the members of the group.
func (p peer) allowed(ownUID, group int) bool {
	return p.UID == 0 || int(p.UID) == ownUID ||
		group != noGroup && slices.Contains(p.groups, uint32(group)) //nolint:gosec // a group's number is not negative
}

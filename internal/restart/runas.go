package restart

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"monitor_service/internal/command"
)

// errRunAs is wrapped by what is wrong with run_as; it does not get better by
// itself.
var errRunAs = errors.New("run_as")

// identity is the user that a process is started as; the zero value is the
// daemon's own.
type identity struct {
	credential *syscall.Credential
	// variables are those that a login would set (environ(7)).
	variables []string
}

// getentTimeout bounds asking the host's directory services for a user.
const getentTimeout = 10 * time.Second

// checkUser says whether systemd will know the user. It asks getent(1) for one
// that is not in /etc/passwd: a directory service's users are known to the C
// library alone.
func checkUser(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	if _, err := number(name); err == nil {
		return nil
	}
	if _, err := user.Lookup(name); err == nil {
		return nil
	}
	_, err := command.Run(ctx, command.Spec{Args: []string{"getent", "passwd", "--", name}, Timeout: getentTimeout})
	if err != nil {
		return fmt.Errorf("%w: cannot find user %q", errRunAs, name)
	}
	return nil
}

// resolveRunAs looks up run_as, a name or a number. Only root can start a
// process as somebody else.
func resolveRunAs(name string) (identity, error) {
	if name == "" {
		return identity{}, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		if byID, idErr := user.LookupId(name); idErr == nil {
			u, err = byID, nil
		}
	}
	if err != nil {
		return identity{}, fmt.Errorf("%w: cannot find user %q: %w", errRunAs, name, err)
	}
	uid, err := number(u.Uid)
	if err != nil {
		return identity{}, fmt.Errorf("%w: user %q: %w", errRunAs, name, err)
	}
	if int(uid) == os.Geteuid() {
		return identity{}, nil
	}
	if os.Geteuid() != 0 {
		return identity{}, fmt.Errorf("%w: cannot start a process as %q: this daemon does not run as root", errRunAs, name)
	}
	gid, err := number(u.Gid)
	if err != nil {
		return identity{}, fmt.Errorf("%w: user %q: %w", errRunAs, name, err)
	}
	groups, err := groupsOf(u)
	if err != nil {
		return identity{}, fmt.Errorf("%w: user %q: %w", errRunAs, name, err)
	}
	return identity{
		credential: &syscall.Credential{Uid: uid, Gid: gid, Groups: groups},
		variables:  []string{"USER=" + u.Username, "LOGNAME=" + u.Username, "HOME=" + u.HomeDir},
	}, nil
}

func groupsOf(u *user.User) ([]uint32, error) {
	ids, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	groups := make([]uint32, 0, len(ids))
	for _, id := range ids {
		gid, err := number(id)
		if err != nil {
			return nil, err
		}
		groups = append(groups, gid)
	}
	return groups, nil
}

func number(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	return uint32(n), err
}

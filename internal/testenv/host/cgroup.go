package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// cgroupPrefix begins the names of the control groups; the number of the
// process that made them and a serial number follow.
const cgroupPrefix = "monitor-test-"

// cgroup is a control group (version 2) of one machine's own. Without it two
// machines that are started from one place would share one tree of units.
type cgroup struct {
	path string
	dir  *os.File
}

// newCgroup makes a group below this process's own, in the version 2 hierarchy,
// which may be the whole of /sys/fs/cgroup or stand beside version 1.
func newCgroup(name string) (*cgroup, error) {
	parent, err := ownCgroup()
	if err != nil {
		return nil, err
	}
	if err := sweep(parent); err != nil {
		return nil, err
	}
	path := filepath.Join(parent, cgroupPrefix+name)
	if err := os.Mkdir(path, 0o755); err != nil { //nolint:gosec // the mode of every control group
		return nil, fmt.Errorf("cannot make a control group: %w", err)
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return &cgroup{path: path, dir: dir}, nil
}

// ownCgroup is the directory of this process's own group.
func ownCgroup() (string, error) {
	mounts, err := procfs.GetMounts()
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(mounts, func(m *procfs.MountInfo) bool { return m.FSType == "cgroup2" })
	if at < 0 {
		return "", errors.New("no cgroup2 file system is mounted")
	}
	self, err := procfs.Self()
	if err != nil {
		return "", err
	}
	groups, err := self.Cgroups()
	if err != nil {
		return "", err
	}
	for _, g := range groups {
		if g.HierarchyID == 0 { // version 2, see cgroups(7)
			return filepath.Join(mounts[at].MountPoint, g.Path), nil
		}
	}
	return "", errors.New("this process is in no group of cgroup version 2")
}

// sweep removes the groups of programs that were killed before they could do
// it themselves.
func sweep(parent string) error {
	groups, err := filepath.Glob(filepath.Join(parent, cgroupPrefix+"monitor-*"))
	if err != nil {
		return err
	}
	for _, path := range groups {
		fields := strings.Split(filepath.Base(path), "-")
		owner, err := strconv.Atoi(fields[len(fields)-2])
		if err != nil || alive(owner) {
			continue
		}
		if err := removeGroups(path); err != nil {
			return fmt.Errorf("cannot remove the control group that process %d left: %w", owner, err)
		}
	}
	return nil
}

// remove kills whatever is left in the group and removes it.
func (c *cgroup) remove() error {
	_ = c.dir.Close()
	return removeGroups(c.path)
}

func removeGroups(path string) error {
	// The kernel's own way is there from 5.14; before it the end of the
	// machine's PID 1 has to do, which takes all others with it.
	if err := os.WriteFile(filepath.Join(path, "cgroup.kill"), []byte("1"), 0o200); err != nil &&
		!errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("cannot kill what is left in the control group: %w", err)
	}
	for deadline := time.Now().Add(killLimit); ; time.Sleep(10 * time.Millisecond) {
		err := removeGroupsOnce(path)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		// A process that was killed holds its group until it is gone.
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
	}
}

// removeGroupsOnce removes the tree from its leaves. The files in a group are
// the kernel's and go with it.
func removeGroupsOnce(path string) error {
	var groups []string
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir():
			groups = append(groups, p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range slices.Backward(groups) {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstallingByHandHeedsThePrefix looks at what names a place itself, and
// then has it run on a host.
func TestInstallingByHandHeedsThePrefix(t *testing.T) {
	b := ownBed(t)
	root := t.TempDir()
	cmd := exec.Command("make", "--silent", "install", "DESTDIR="+root, "PREFIX=/usr/local", "DIST="+t.TempDir())
	cmd.Dir = repository
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot install: %v\n%s", err, out)
	}
	unit, err := os.ReadFile(filepath.Join(root, "/usr/local/lib/systemd/system", daemonUnit))
	if err != nil || !strings.Contains(string(unit), "\nExecStart=/usr/local/bin/monitor_service run\n") {
		t.Errorf("the unit does not start /usr/local/bin/monitor_service: %v\n%s", err, unit)
	}
	profile, err := os.ReadFile(filepath.Join(root, "/usr/local/share/monitor_service/unprivileged.conf"))
	if err != nil || !strings.Contains(string(profile), " /usr/local/share/monitor_service/unprivileged.conf ") ||
		strings.Contains(string(profile), " /usr/share/") {
		t.Errorf("the profile does not say where it is: %v\n%s", err, profile)
	}
	// Polkit before 124 reads no rules below /usr/local.
	if _, err := os.Stat(filepath.Join(root, "/usr/share/polkit-1/rules.d/50-monitor_service.rules")); err != nil {
		t.Errorf("the rules are not where polkit reads them: %v", err)
	}
	if out, err := exec.Command(filepath.Join(root, "/usr/local/bin/monitor_service"), "version").CombinedOutput(); err != nil {
		t.Errorf("the installed program does not run: %v\n%s", err, out)
	}
	b.finishByHand(t, root)

	worker := b.workers(t, "1")[0]
	b.edit(t, baseConfig)
	b.Must(t, "systemctl", "enable", "--now", daemonUnit)
	b.wantUnitFile(t, "/usr/local/lib/systemd/system/"+daemonUnit)
	b.awaitRecovery(t, 1, worker)
	if got := b.owner(t, configPath); got != "640 root:monitor_service" {
		t.Errorf("%s is %s", configPath, got)
	}
}

// finishByHand puts an installation below root onto the host, which has neither
// make nor Go, and runs there what make install does without DESTDIR.
func (b *bed) finishByHand(t *testing.T, root string) {
	t.Helper()
	cmd := exec.Command("make", "--dry-run", "install-files", "PREFIX=/usr/local", "OCCASION=1")
	cmd.Dir = repository
	commands, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, last, found := strings.Cut(string(commands), "\nif [ -z '' ]")
	if !found {
		t.Fatalf("make install ends otherwise:\n%s", commands)
	}
	archive := filepath.Join(t.TempDir(), "installed.tar")
	if out, err := exec.Command("tar", "--create", "--owner=0", "--group=0", "--file="+archive, "--directory="+root,
		"--transform=s|^deploy/|root/deploy/|", "etc", "usr", "--directory="+mustAbs(t, repository), "deploy/scripts").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.PutFile(t, archive, "/root/installed.tar", 0o600)
	b.Shell(t, "tar --extract --no-overwrite-dir --file=/root/installed.tar --directory=/\ncd /root\nif [ -z '' ]"+last)
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	packageName = "monitor-service"
	packageUnit = "/usr/lib/systemd/system/" + daemonUnit
	repository  = "../.."
)

// packages are built packages, by the ends of their names: "_amd64.deb".
type packages map[string]string

func (p packages) path(t *testing.T, end string) string {
	t.Helper()
	for name, path := range p {
		if strings.HasSuffix(name, end) {
			return path
		}
	}
	t.Fatalf("no package %s was built, only %v", end, p)
	return ""
}

// makePackages builds packages from the tree in dir as one would by hand.
func makePackages(t *testing.T, dir, version string, settings ...string) packages {
	t.Helper()
	built, err := buildPackages(t.TempDir(), dir, version, settings...)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// firstRelease is the packages for the test host's architecture of this tree as
// v1.0.0. They are built once for all tests.
func firstRelease(t *testing.T) packages {
	t.Helper()
	built, err := shared.packages()
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func buildPackages(dist, dir, version string, settings ...string) (packages, error) {
	args := []string{
		"--silent", "package", "VERSION=" + version, "DIST=" + dist, "COMMIT=0123456789ab", "SOURCE_DATE_EPOCH=1000000000",
	}
	cmd := exec.Command("make", append(args, settings...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot build the packages: %w\n%s", err, out)
	}
	entries, err := os.ReadDir(dist)
	if err != nil {
		return nil, err
	}
	built := packages{}
	for _, e := range entries {
		built[e.Name()] = filepath.Join(dist, e.Name())
	}
	return built, nil
}

// copyTree copies the files that belong to the repository to another place.
func copyTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := `cd "$0" && git ls-files -z --cached --others --exclude-standard |
		while IFS= read -r -d "" f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done | tar --create --null --files-from=- | tar --extract --directory="$1"`
	if out, err := exec.Command("bash", "-euo", "pipefail", "-c", script, repository, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// changedTree is a later state of the repository, with another config.ini.
func changedTree(t *testing.T) string {
	t.Helper()
	dir := copyTree(t)
	f, err := os.OpenFile(filepath.Join(dir, "config.ini.example"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\n# A hint that only the later version has.\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPackagesAreTheSameToTheByteWhereverTheyAreBuilt builds for one
// architecture; make release-check builds for all of them twice.
func TestPackagesAreTheSameToTheByteWhereverTheyAreBuilt(t *testing.T) {
	here := "ARCHES=" + runtime.GOARCH
	one := makePackages(t, repository, "v1.0.0", here)
	t.Setenv("TZ", "Pacific/Auckland")
	t.Setenv("LC_ALL", "C.UTF-8")
	other := makePackages(t, copyTree(t), "v1.0.0", here)
	if len(one) != 2 {
		t.Errorf("built %v, want an RPM and a DEB", one)
	}
	for name, path := range one {
		a, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(other[name])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s is not the same when it is built elsewhere", name)
		}
	}
}

// TestThePackagesHaveAllThatIsInstalledByHand compares what make install does
// with what is listed for the packages.
func TestThePackagesHaveAllThatIsInstalledByHand(t *testing.T) {
	root := t.TempDir()
	// With root's umask on a hardened host.
	cmd := exec.Command("sh", "-c", `umask 077; exec make --silent install DESTDIR="$0" PREFIX=/usr DIST="$1"`, root, t.TempDir())
	cmd.Dir = repository
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot install: %v\n%s", err, out)
	}
	unreadable, err := exec.Command("find", root, "-mindepth", "1", "!", "-type", "l", "!", "-perm", "-044", "-printf", "/%P\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(unreadable)); got != configPath {
		t.Errorf("not everybody can read:\n%s\nwant only %s", got, configPath)
	}
	out, err := exec.Command("find", root, "-type", "f", "-printf", "/%P\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	installed := strings.Fields(string(out))
	slices.Sort(installed)
	if diff := cmp.Diff(installed, filesOfTheDEB(t)); diff != "" {
		t.Errorf("installed by hand (-) and packaged (+):\n%s", diff)
	}
}

// filesOfTheDEB are what is in the DEB of the first release but directories.
func filesOfTheDEB(t *testing.T) []string {
	t.Helper()
	list, err := exec.Command("dpkg-deb", "--contents", firstRelease(t).path(t, ".deb")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for line := range strings.Lines(string(list)) {
		if fields := strings.Fields(line); fields[0][0] != 'd' {
			files = append(files, strings.TrimPrefix(fields[5], "."))
		}
	}
	slices.Sort(files)
	return files
}

// upload puts a package on the host and returns where.
func (b *bed) upload(t *testing.T, p packages, end string) string {
	t.Helper()
	path := p.path(t, end)
	inside := "/root/" + filepath.Base(path)
	b.PutFile(t, path, inside, 0o644)
	return inside
}

// edit writes the configuration as an operator does, into the file that is
// there.
func (b *bed) edit(t *testing.T, config string) {
	t.Helper()
	b.Put(t, "/root/edited", config, 0o600)
	b.Must(t, "cp", "/root/edited", configPath)
}

// owner is mode, user and group of a file.
func (b *bed) owner(t *testing.T, path string) string {
	t.Helper()
	return b.Must(t, "stat", "-c", "%a %U:%G", path)
}

func (b *bed) awaitRecovery(t *testing.T, id int, worker string) {
	t.Helper()
	before := b.invocation(t, worker)
	b.raiseAlarm(t, id, worker)
	b.awaitCleared(t, id)
	if b.invocation(t, worker) == before {
		t.Errorf("%s was not restarted", worker)
	}
}

// state is how the daemon's unit stands: "enabled active".
func (b *bed) state(t *testing.T) string {
	t.Helper()
	enabled, _ := b.Run(t, "systemctl", "is-enabled", daemonUnit)
	active, _ := b.Run(t, "systemctl", "is-active", daemonUnit)
	return strings.TrimSpace(enabled) + " " + strings.TrimSpace(active)
}

func (b *bed) wantState(t *testing.T, when, want string) {
	t.Helper()
	if got := b.state(t); got != want {
		t.Errorf("%s the daemon is %q, want %q", when, got, want)
	}
}

// wantUnitFile compares where the unit in force comes from. /lib is a link to
// /usr/lib, and systemd may name either.
func (b *bed) wantUnitFile(t *testing.T, want string) {
	t.Helper()
	if got := b.Must(t, "realpath", b.Property(t, daemonUnit, "FragmentPath")); got != want {
		t.Errorf("the unit file is %q, want %q", got, want)
	}
}

// wantInstalled looks at what the package of either kind has to have left.
func (b *bed) wantInstalled(t *testing.T, version string) {
	t.Helper()
	b.wantState(t, "after its installation", "disabled inactive")
	if got := b.owner(t, configPath); got != "640 root:monitor_service" {
		t.Errorf("%s is %s, want 640 root:monitor_service", configPath, got)
	}
	b.wantUnitFile(t, packageUnit)
	want := "monitor_service " + version + " (commit 0123456789ab, 2001-09-09T01:46:40Z, "
	if got := b.Must(t, "monitor_service", "version"); !strings.HasPrefix(got, want) {
		t.Errorf("version says %q, want %q…", got, want)
	}
	b.Must(t, "monitor_service", "check-config")
	b.Must(t, "systemd-analyze", "verify", packageUnit)
	b.Must(t, "systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/monitor_service.conf")
	b.Must(t, "test", "-s", "/usr/share/man/man8/monitor_service.8", "-a", "-s", "/usr/share/man/man8/monitor_service-examples.8")
	b.Must(t, "bash", "-n", "/usr/share/bash-completion/completions/monitor_service")
	if out, err := b.Run(t, "ldd", programPath); err == nil {
		t.Errorf("the program is not static:\n%s", out)
	}
}

// TestTheLifeOfADEB goes from installation to purge with the distribution's own
// tool.
func TestTheLifeOfADEB(t *testing.T) {
	b := ownBed(t)
	one := firstRelease(t)
	two := makePackages(t, changedTree(t), "v1.1.0", "ARCHES=amd64")
	first, second := b.upload(t, one, "_amd64.deb"), b.upload(t, two, "_amd64.deb")
	worker := b.workers(t, "1")[0]

	b.Must(t, "dpkg", "--install", first)
	b.wantInstalled(t, "v1.0.0")

	b.edit(t, baseConfig)
	b.Must(t, "systemctl", "enable", "--now", daemonUnit)
	b.wantState(t, "after it was configured", "enabled active")
	b.awaitRecovery(t, 1, worker)

	run := b.invocation(t, daemonUnit)
	b.Must(t, "dpkg", "--force-confdef", "--force-confold", "--install", second)
	b.wantState(t, "after its upgrade", "enabled active")
	if b.invocation(t, daemonUnit) == run {
		t.Error("the upgrade left the program of before running")
	}
	if b.Get(t, configPath) != baseConfig {
		t.Error("the upgrade changed the operator's config.ini")
	}
	if got := b.owner(t, configPath); got != "640 root:monitor_service" {
		t.Errorf("after the upgrade %s is %s", configPath, got)
	}
	if got := b.Must(t, "monitor_service", "version"); !strings.Contains(got, "v1.1.0") {
		t.Errorf("after the upgrade version says %q", got)
	}
	b.awaitRecovery(t, 2, worker)

	reconfigured := baseConfig + "[process.default]\nmax_attempts = 3\n"
	b.edit(t, reconfigured)
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.awaitRecovery(t, 3, worker)

	b.Must(t, "dpkg", "--force-confdef", "--force-confold", "--install", first)
	b.wantState(t, "after the way back to the version before", "enabled active")
	if b.Get(t, configPath) != reconfigured {
		t.Error("the way back changed the operator's config.ini")
	}
	b.awaitRecovery(t, 4, worker)

	monitored := b.invocation(t, worker)
	b.Must(t, "dpkg", "--remove", packageName)
	if _, err := b.Run(t, "systemctl", "cat", daemonUnit); err == nil {
		t.Error("there is a unit after the removal")
	}
	if _, err := b.Run(t, "pgrep", "monitor_service"); err == nil {
		t.Error("the daemon runs after its removal")
	}
	if b.Get(t, configPath) != reconfigured {
		t.Error("the removal took the operator's config.ini")
	}
	if b.Property(t, worker, "ActiveState") != "active" || b.invocation(t, worker) != monitored {
		t.Error("the removal touched a monitored service")
	}

	b.leaveAllThatPurgeTakes(t)
	b.Must(t, "dpkg", "--purge", packageName)
	b.wantGone(t)
}

// leaveAllThatPurgeTakes makes what an operator and the daemon may have made
// beside what is there already, in each of the places that are documented.
func (b *bed) leaveAllThatPurgeTakes(t *testing.T) {
	t.Helper()
	for _, path := range []string{
		"/etc/monitor_service/db_password.cred", "/etc/sysconfig/monitor_service",
		"/etc/polkit-1/rules.d/50-monitor_service.rules", "/etc/systemd/system/" + daemonUnit + ".d/unprivileged.conf",
		"/var/lib/monitor_service/left", "/var/log/monitor_service/monitor_service.log",
		logPath, "/var/log/monitor_service-2026-01-01T00-00-00.000.log", "/var/log/monitor_service-2026-01-01T00-00-00.000.log.gz",
	} {
		b.Must(t, "install", "-D", "-m", "0600", "/dev/null", path)
	}
}

// wantGone looks for anything that the package or the daemon has left.
func (b *bed) wantGone(t *testing.T) {
	t.Helper()
	left := b.Shell(t, `find /etc /usr /var/lib /var/log /opt /run \( -name '*monitor_service*' -o -name '*monitor-service*' \) `+
		`-not -path '/run/systemd/*' -not -path '/var/lib/systemd/*'`)
	if left != "" {
		t.Errorf("left behind:\n%s", left)
	}
	if got := b.Property(t, daemonUnit, "LoadState"); got != "not-found" {
		t.Errorf("to systemd the unit is still %s", got)
	}
}

func TestAnUpgradeLeavesADaemonInPeaceWhoseConfigurationItWouldRefuse(t *testing.T) {
	b := ownBed(t)
	first := b.upload(t, firstRelease(t), "_amd64.deb")
	second := b.upload(t, makePackages(t, repository, "v1.1.0", "ARCHES=amd64"), "_amd64.deb")
	worker := b.workers(t, "1")[0]
	b.Must(t, "dpkg", "--install", first)
	b.edit(t, baseConfig)
	b.Must(t, "systemctl", "start", daemonUnit)
	run := b.invocation(t, daemonUnit)

	b.edit(t, baseConfig+"no_such_key = 1\n")
	b.Must(t, "dpkg", "--install", second)
	if b.Property(t, daemonUnit, "ActiveState") != "active" || b.invocation(t, daemonUnit) != run {
		t.Error("the daemon was restarted into a configuration that it refuses")
	}
	b.awaitRecovery(t, 1, worker)
}

// TestTheLifeOfAnRPM goes as far as the rpm tool goes on a host of another
// family: its database knows nothing of systemd, hence --nodeps.
func TestTheLifeOfAnRPM(t *testing.T) {
	b := ownBed(t)
	one := firstRelease(t)
	two := makePackages(t, changedTree(t), "v1.1.0", "ARCHES=amd64")
	first, second := b.upload(t, one, ".x86_64.rpm"), b.upload(t, two, ".x86_64.rpm")
	worker := b.workers(t, "1")[0]

	b.Must(t, "rpm", "--install", "--nodeps", first)
	b.wantInstalled(t, "v1.0.0")
	if out, err := b.Run(t, "rpm", "--verify", "--nodeps", packageName); err != nil {
		t.Errorf("what is installed is not what the package has: %v\n%s", err, out)
	}
	for _, query := range []struct{ args, want string }{
		{"--query --configfiles", configPath},
		{"--query --qf %{VERSION}-%{RELEASE}.%{ARCH}", "1.0.0-1.x86_64"},
		{"--query --qf %{BUILDHOST},%{BUILDTIME}", "localhost,1000000000"},
	} {
		if got := b.Must(t, append(append([]string{"rpm"}, strings.Fields(query.args)...), packageName)...); got != query.want {
			t.Errorf("rpm %s says %q, want %q", query.args, got, query.want)
		}
	}
	b.wantOwners(t)

	b.edit(t, baseConfig)
	b.Must(t, "systemctl", "enable", "--now", daemonUnit)
	b.awaitRecovery(t, 1, worker)

	run := b.invocation(t, daemonUnit)
	b.Must(t, "rpm", "--upgrade", "--nodeps", second)
	b.wantState(t, "after its upgrade", "enabled active")
	if b.invocation(t, daemonUnit) == run {
		t.Error("the upgrade left the program of before running")
	}
	if b.Get(t, configPath) != baseConfig || !strings.Contains(b.Get(t, configPath+".rpmnew"), "only the later version") {
		t.Error("the upgrade did not leave config.ini and put its own beside it")
	}
	b.awaitRecovery(t, 2, worker)

	b.Must(t, "rpm", "--upgrade", "--oldpackage", "--nodeps", first)
	b.wantState(t, "after the way back to the version before", "enabled active")

	b.Must(t, "rpm", "--erase", packageName)
	if _, err := b.Run(t, "pgrep", "monitor_service"); err == nil {
		t.Error("the daemon runs after its removal")
	}
	if b.Get(t, configPath+".rpmsave") != baseConfig {
		t.Error("the removal took the operator's config.ini")
	}
	if b.Property(t, worker, "ActiveState") != "active" {
		t.Error("the removal touched a monitored service")
	}
	b.Must(t, "rm", "-r", "/etc/monitor_service", "/var/lib/monitor_service", logPath)
	b.wantGone(t)
}

// wantOwners looks at every file of the RPM: those that the DEB has, nothing that
// others may write, and nothing that is not root's but the group of config.ini.
func (b *bed) wantOwners(t *testing.T) {
	t.Helper()
	out := b.Must(t, "rpm", "--query", "--qf", `[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES} .%{FILEFLAGS:fflags}\n]`, packageName)
	var files []string
	for line := range strings.Lines(out) {
		var mode, owner, path, flags string
		if _, err := fmt.Sscan(line, &mode, &owner, &path, &flags); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		// A ghost is owned and not in the package.
		if mode[0] != 'd' && !strings.Contains(flags, "g") {
			files = append(files, path)
		}
		wantOwner, wantModes := "root:root", "-rw-r--r-- drwxr-xr-x"
		switch path {
		case configPath:
			wantOwner, wantModes = "root:monitor_service", "-rw-r-----"
		case programPath:
			wantModes = "-rwxr-xr-x"
		}
		if owner != wantOwner || !strings.Contains(wantModes, mode) {
			t.Errorf("%s is %s %s, want %s %s", path, mode, owner, wantModes, wantOwner)
		}
	}
	slices.Sort(files)
	if diff := cmp.Diff(filesOfTheDEB(t), files); diff != "" {
		t.Errorf("files of the DEB (-) and of the RPM (+):\n%s", diff)
	}
}

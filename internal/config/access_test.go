package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monitor_service/internal/testenv"
)

func TestTheTrailIsTheKernelsWay(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "real", "sub", "config.ini"), minimal, 0o600)
	writeFile(t, filepath.Join(dir, "real", "config.ini"), minimal, 0o600)
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(dir, "real"), "absolute")
	link("real/sub", "relative")
	link("absolute/../relative/config.ini", "file")
	link("loop", "loop")
	link("relative/..", "above")
	for path, want := range map[string]string{
		"real/config.ini":     "real real/config.ini",
		"absolute/config.ini": "absolute real real/config.ini",
		"relative/config.ini": "relative real real/sub real/sub/config.ini",
		// The ".." leads up from where the link led to, not from the link.
		"file":             "file absolute real relative real real/sub real/sub/config.ini",
		"above/config.ini": "above relative real real/sub real/config.ini",
	} {
		steps, err := trail(filepath.Join(dir, path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var got []string
		for _, s := range steps {
			if rel, ok := strings.CutPrefix(s.path, dir+"/"); ok {
				got = append(got, rel)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
		if steps[0].path != "/" {
			t.Errorf("%s: the root directory is not on the way", path)
		}
		resolved, err := filepath.EvalSymlinks(filepath.Join(dir, path))
		if err != nil || steps[len(steps)-1].path != resolved {
			t.Errorf("%s: ends at %q, the kernel at %q (%v)", path, steps[len(steps)-1].path, resolved, err)
		}
	}
	for _, path := range []string{"loop", "none", "real/config.ini/x"} {
		if _, err := trail(filepath.Join(dir, path)); err == nil {
			t.Errorf("%s: there is a way", path)
		}
	}
}

func TestAConfigurationThatOthersCanChangeIsRefusedToEveryUser(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	const nobody = 65534
	change := func(do func(string) error, part string) func(string) error {
		return func(dir string) error { return do(filepath.Join(dir, part)) }
	}
	mode := func(m os.FileMode) func(string) error { return func(p string) error { return os.Chmod(p, m) } }
	owner := func(uid, gid int) func(string) error { return func(p string) error { return os.Lchown(p, uid, gid) } }
	for name, c := range map[string]struct {
		prepare func(dir string) error
		want    string
	}{
		"nothing":              {change(mode(0o640), "etc/config.ini"), ""},
		"file, all":            {change(mode(0o646), "etc/config.ini"), "chmod go-w"},
		"file, its owner":      {change(owner(nobody, 0), "etc/config.ini"), "chown root"},
		"directory, all":       {change(mode(0o777), "etc"), "chmod go-w"},
		"directory, sticky":    {change(mode(0o777|os.ModeSticky), "etc"), ""},
		"directory, group":     {func(d string) error { return firstError(os.Chown(d+"/etc", 0, nobody), os.Chmod(d+"/etc", 0o775)) }, "chmod g-w"},
		"directory, owner":     {change(owner(nobody, 0), "etc"), "chown root"},
		"where the link is":    {change(mode(0o777), "link"), "chmod go-w"},
		"the link's owner":     {change(owner(nobody, 0), "link/config.ini"), "chown -h root"},
		"far above":            {change(mode(0o777), "."), "chmod go-w"},
		"unreadable is no sin": {change(mode(0o600), "etc/config.ini"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "etc", "config.ini"), minimal, 0o644)
			if err := firstError(os.Mkdir(filepath.Join(dir, "link"), 0o755), os.Symlink("../etc/config.ini", filepath.Join(dir, "link", "config.ini")), c.prepare(dir)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "link", "config.ini")
			for _, r := range []reader{{}, {uid: 1000, group: 1000}} {
				config, _, err := load(path, nil, r)
				switch {
				case c.want == "" && err != nil:
					t.Errorf("refused to %s: %v", r, err)
				case c.want != "" && (err == nil || config != nil || !strings.Contains(err.Error(), c.want)):
					t.Errorf("%s: accepted, or %v does not say %q", r, err, c.want)
				}
			}
			// Whose it is may change it.
			if _, _, err := load(path, nil, reader{uid: nobody, group: nobody}); err != nil && strings.Contains(c.want, "chown") {
				t.Errorf("refused to its owner: %v", err)
			}
		})
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestWarnsWhereAllCanReadAPassword(t *testing.T) {
	for name, c := range map[string]struct {
		text      string
		dir, file os.FileMode
		want      bool
	}{
		"readable":          {minimal + "password = x\n", 0o755, 0o644, true},
		"by the group":      {minimal + "password = x\n", 0o755, 0o640, false},
		"closed directory":  {minimal + "password = x\n", 0o750, 0o644, false},
		"no password in it": {minimal + "password =\n", 0o755, 0o644, false},
	} {
		dir := t.TempDir()
		path := writeFile(t, filepath.Join(dir, "etc", "config.ini"), c.text, c.file)
		// The directories above are made by the test machinery.
		for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(dir, "etc"), c.dir); err != nil {
			t.Fatal(err)
		}
		_, warnings, err := Load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(warningTexts(warnings), path+":4: [database] password: every user of this host can read"); got != c.want {
			t.Errorf("%s: warned %v: %s", name, got, warningTexts(warnings))
		}
	}
}

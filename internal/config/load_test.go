package config

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestWhereConfigIniIsLookedFor(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"flag", "env", "second"} {
		writeFile(t, at(name), minimal, 0o600)
	}
	usual := []string{at("first"), at("second")}
	environ := []string{"MONITOR_SERVICE_CONFIG=" + at("env")}
	for name, c := range map[string]struct {
		flag    string
		environ []string
		usual   []string
		want    string
	}{
		"the flag before all":       {at("flag"), environ, usual, at("flag")},
		"then the variable":         {"", environ, usual, at("env")},
		"then the usual places":     {"", nil, usual, at("second")},
		"in their order":            {"", nil, []string{at("second"), at("flag")}, at("second")},
		"an empty variable is none": {"", []string{"MONITOR_SERVICE_CONFIG="}, usual, at("second")},
	} {
		if got, err := find(c.flag, c.environ, c.usual); err != nil || got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := find(at("gone"), environ, usual); err == nil || !strings.Contains(err.Error(), at("gone")) || !strings.Contains(err.Error(), "--config") {
		t.Errorf("a file that was named and is not there: %q, %v", got, err)
	}
	if got, err := find("", []string{"MONITOR_SERVICE_CONFIG=" + at("gone")}, usual); err == nil || !strings.Contains(err.Error(), "$MONITOR_SERVICE_CONFIG") {
		t.Errorf("a file that was named and is not there: %q, %v", got, err)
	}
	_, err := find("", nil, []string{at("a"), at("b")})
	for _, part := range []string{"--config", "$MONITOR_SERVICE_CONFIG", at("a"), at("b")} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	t.Chdir(dir)
	if got, err := Find("flag", nil); err != nil || got != at("flag") {
		t.Errorf("a relative path stays relative: %q, %v", got, err)
	}
	if got := strings.Join(UsualPlaces(), " "); got != "/etc/monitor_service/config.ini /opt/monitor_service/config.ini" {
		t.Error(got)
	}
}

func TestAFileThatIsNotThereIsAMistake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.ini")
	_, _, err := Load(path, nil)
	if mistakes, ok := err.(Mistakes); !ok || len(mistakes) != 1 || mistakes[0].File != path { //nolint:errorlint // Load promises the type itself
		t.Errorf("%v", err)
	}
	writeFile(t, path, strings.Repeat("#\n", maxFile), 0o600)
	if _, _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
	writeFile(t, path, minimal, 0o600)
	if c, _, err := Load(path, nil); err != nil || c.Path != path {
		t.Errorf("%v, %v", c, err)
	}
}

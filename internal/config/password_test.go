package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWhichPasswordWins(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "pw"), "from file\n", 0o600)
	writeFile(t, filepath.Join(dir, "credentials", "db_password"), "from credential\r\n", 0o600)
	credentials := "CREDENTIALS_DIRECTORY=" + filepath.Join(dir, "credentials")
	other := "CREDENTIALS_DIRECTORY=" + dir // none of this name in it

	c, _ := accepted(t, minimal+"password = \"from key\"\n", other)
	if c.Database.Password.Reveal() != "from key" || c.Origin("database", "password").Line != 4 {
		t.Errorf("the key alone: %v", c.Origin("database", "password"))
	}
	c, _ = accepted(t, minimal+"password_file = "+file+"\n")
	if o := c.Origin("database", "password"); c.Database.Password.Reveal() != "from file" || o.File != file || o.Line != 0 {
		t.Errorf("the file alone: %v", o)
	}
	c, warnings := accepted(t, minimal+"password = a\npassword_file = "+file+"\n", other)
	if c.Database.Password.Reveal() != "from file" || !strings.Contains(warningTexts(warnings), ":4: [database] password: has no effect: password_file wins") {
		t.Errorf("file and key: %s", warningTexts(warnings))
	}
	c, _ = accepted(t, minimal+"password_file = "+file+"\n", "MONITOR_SERVICE_DATABASE_PASSWORD=env")
	if c.Database.Password.Reveal() != "from file" {
		t.Error("the variable of the key password wins over password_file")
	}
	c, warnings = accepted(t, minimal+"password = a\npassword_file = /is/not/read\n", credentials)
	if o := c.Origin("database", "password"); c.Database.Password.Reveal() != "from credential" || o.Source != SourceCredential || len(warnings) != 2 {
		t.Errorf("the credential: %v, warnings %s", o, warningTexts(warnings))
	}
	c, _ = accepted(t, minimal)
	if c.Database.Password.IsSet() || c.Database.Password.Reveal() != "" {
		t.Error("no password is a password")
	}
}

func TestWarnsWhereOthersCanReadOrChangeAPasswordFile(t *testing.T) {
	for mode, want := range map[os.FileMode][]string{
		0o400: nil, 0o440: nil, 0o600: nil,
		0o604: {"every user of this host can read the password"},
		0o602: {"others can change the password: run chmod go-w"},
		0o666: {"can read", "can change"},
	} {
		file := writeFile(t, filepath.Join(t.TempDir(), "pw"), "x\n", mode)
		_, warnings := accepted(t, minimal+"password_file = "+file+"\n")
		got := warningTexts(warnings)
		if len(warnings) != len(want) {
			t.Errorf("%o: %s", mode, got)
		}
		for _, text := range want {
			if !strings.Contains(got, ":4: [database] password_file: ") || !strings.Contains(got, text) {
				t.Errorf("%o: %s, want %q", mode, got, text)
			}
		}
	}
}

func TestAPasswordFileThatCannotBeReadIsAMistake(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/is/not/there": "no such file",
		dir:             "not a regular file",
		pipe:            "not a regular file",
		writeFile(t, filepath.Join(dir, "empty"), "\n", 0o600):                                 "it is empty",
		writeFile(t, filepath.Join(dir, "lines"), "canary\ncanary\n", 0o600):                   "more than one line",
		writeFile(t, filepath.Join(dir, "long"), strings.Repeat("canary", maxPassword), 0o600): "larger than",
		writeFile(t, filepath.Join(dir, "binary"), "canary\x01\n", 0o600):                      "control character",
	} {
		m := onlyMistake(t, minimal+"password_file = "+path+"\n", ":4: [database] password_file", path, want)
		if strings.Contains(m.String(), "canary") {
			t.Error(m)
		}
	}
	writeFile(t, filepath.Join(dir, "db_password"), "", 0o600)
	if m := refused(t, minimal, "CREDENTIALS_DIRECTORY="+dir); len(m) != 1 || m[0].Variable != "CREDENTIALS_DIRECTORY" {
		t.Error(m)
	}
}

func TestWarnsOfAPasswordFileThatAllCanRead(t *testing.T) {
	file := writeFile(t, filepath.Join(t.TempDir(), "pw"), "x", 0o644)
	_, warnings := accepted(t, minimal+"password_file = "+file+"\n")
	if got := warningTexts(warnings); !strings.Contains(got, "chmod o-r") || !strings.Contains(got, file) {
		t.Errorf("%q", got)
	}
}

const canary = "cAnArY-7Gq#x"

// shownEverywhere prints a value in every way that there is.
func shownEverywhere(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	for _, verb := range "vsqxXdobcUeEfFgGtTp" {
		fmt.Fprintf(&b, "%"+string(verb)+"\n", v)
		fmt.Fprintf(&b, "%+"+string(verb)+"%#"+string(verb)+"\n", v, v)
	}
	fmt.Fprintln(&b, v, []any{v}, map[string]any{"a": v}, struct{ hidden any }{v}, &v)
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(encoded)
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "v", v, slog.Group("g", "v", v))
	}
	return b.String()
}

func checkNoCanary(t *testing.T, what, text string) {
	t.Helper()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("%d", []byte(canary))} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the secret: %s", what, text)
		}
	}
}

func TestASecretIsNeverShown(t *testing.T) {
	secret := NewSecret(canary)
	type holder struct {
		Open   Secret
		hidden Secret
		deep   map[string][]Secret
	}
	for what, v := range map[string]any{
		"a secret": secret, "a pointer": &secret, "a list": []Secret{secret},
		"a struct": holder{secret, secret, map[string][]Secret{"a": {secret}}},
	} {
		checkNoCanary(t, what, shownEverywhere(t, v))
	}
	if !strings.Contains(fmt.Sprintf("%v %d", secret, secret), redacted+" "+redacted) {
		t.Error("a secret does not say that it is one")
	}
	if encoded, err := json.Marshal(secret); err != nil || string(encoded) != `"`+redacted+`"` {
		t.Errorf("JSON: %s, %v", encoded, err)
	}
	if secret != NewSecret(canary) || secret == NewSecret("other") || secret.Reveal() != canary {
		t.Error("secrets do not compare by their text")
	}
	if (Secret{}) != NewSecret("") || (Secret{}).IsSet() || (Secret{}).Reveal() != "" {
		t.Error("the zero secret is not the empty one")
	}
}

func TestAConfigurationNeverShowsItsPassword(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "pw"), canary, 0o644)
	writeFile(t, filepath.Join(dir, "db_password"), canary, 0o644)
	for name, c := range map[string]struct{ text, variable string }{
		"key":        {text: minimal + "password = '" + canary + "' # x\n"},
		"file":       {text: minimal + "password = " + canary + "=\npassword_file = " + file},
		"variable":   {text: minimal, variable: "MONITOR_SERVICE_DATABASE_PASSWORD=" + canary},
		"credential": {text: minimal + "password=" + canary, variable: "CREDENTIALS_DIRECTORY=" + dir},
	} {
		config, warnings := accepted(t, c.text, c.variable)
		if !strings.Contains(config.Database.Password.Reveal(), canary) {
			t.Fatalf("%s: the password is not %q", name, canary)
		}
		checkNoCanary(t, name, shownEverywhere(t, config)+shownEverywhere(t, *config)+shownEverywhere(t, warnings)+
			warningTexts(warnings)+config.Origin("database", "password").String())
	}
}

func TestAMistakeNeverShowsAPassword(t *testing.T) {
	for name, c := range map[string]struct{ text, variable string }{
		"quote":                   {text: minimal + "password = \"" + canary + "\n"},
		"text after":              {text: minimal + "password = \"" + canary + "\" " + canary + "\n"},
		"ambiguous":               {text: minimal + "password = a'" + canary + " # 'b\n"},
		"lines":                   {text: minimal + "password = `" + canary + "\n"},
		"too long":                {text: minimal + "password = " + strings.Repeat(canary, 1000) + "\n"},
		"no =":                    {text: minimal + "password " + canary + "\n"},
		"colon":                   {text: minimal + "password: " + canary + "=\n"},
		"other key":               {text: minimal + "passwrod = " + canary + "\n"},
		"other section":           {text: minimal + "[databse]\npassword = " + canary + "\n"},
		"outside":                 {text: "password = " + canary + "\n" + minimal},
		"twice":                   {text: minimal + "password = a\npassword = " + canary + "\n"},
		"control":                 {text: minimal + "password = " + canary + "\x01\n"},
		"not UTF-8":               {text: minimal + "password = " + canary + "\xff\n"},
		"variable":                {text: minimal, variable: "MONITOR_SERVICE_DATABASE_PASSWORD=" + canary + "\n"},
		"wrong variable":          {text: minimal + "x\n", variable: "MONITOR_SERVICE_DATABASE_PASSWD=" + canary},
		"in password_file":        {text: minimal + "password_file = " + canary + "\n"},
		"quoted in password_file": {text: minimal + "password_file = \"" + canary + "\n"},
		"variable password_file":  {text: minimal, variable: "MONITOR_SERVICE_DATABASE_PASSWORD_FILE=" + canary},
		"in smtp_password_file":   {text: mailing + "smtp_user = u\nsmtp_password_file = " + canary + "\n"},
		"in webhook_url_file":     {text: minimal + "[notify]\nwebhook_url_file = https://hooks.example.com/" + canary + "\n"},
		"login in host":           {text: "[database]\nuser = u\ndatabase = d\nhost = user:" + canary + "@db\n"},
		"token in host":           {text: "[database]\nuser = u\ndatabase = d\nhost = " + canary + "@db\n"},
		"quoted in host":          {text: "[database]\nuser = u\ndatabase = d\nhost = \"user:" + canary + "@db\n"},
		"login in socket":         {text: minimal + "socket = mysql://u:" + canary + "@db/d\n"},
		"login in smtp_host":      {text: minimal + "[notify]\nemail_to = a@b\nsmtp_host = smtp://u:" + canary + "@mx\n"},
		"login in email_to":       {text: minimal + "[notify]\nsmtp_host = mx\nemail_to = a@b, smtp://u:" + canary + "@mx\n"},
		"login in email_from":     {text: mailing + "email_from = smtp://u:" + canary + "@mx\n"},
		"login in listen":         {text: minimal + "[http]\nlisten = https://u:" + canary + "@web1:9187\n"},
		"token in listen":         {text: minimal + "[http]\nlisten = " + canary + "@127.0.0.1:9187\n"},
		"login in the port":       {text: minimal + "[http]\nlisten = u:" + canary + "@9187\n"},
		"variable with a login":   {text: minimal, variable: "MONITOR_SERVICE_NOTIFY_SMTP_HOST=u:" + canary + "@mx"},
		"beside mistakes":         {text: minimal + "password = " + canary + "=\nport = 0\n"},
	} {
		_, warnings, err := Parse(testFile, []byte(c.text), []string{c.variable})
		var mistakes Mistakes
		if !errors.As(err, &mistakes) {
			t.Errorf("%s: accepted", name)
			continue
		}
		checkNoCanary(t, name, mistakes.Error()+shownEverywhere(t, mistakes)+shownEverywhere(t, warnings)+warningTexts(warnings))
	}
}

func TestAWrongValueIsShownWithoutItsLogin(t *testing.T) {
	for text, want := range map[string]string{
		minimal + "password_file = pw\n":                          "[database] password_file: does not begin with /",
		minimal + "password_file = /is/not/there\n":               `"/is/not/there"`,
		"[database]\nuser = u\ndatabase = d\nhost = u:p@d b\n":    `[database] host = "…@d b": `,
		"[database]\nuser = u\ndatabase = d\nhost = d b\n":        `[database] host = "d b": `,
		minimal + "socket = mysql.sock\n":                         `[database] socket = "mysql.sock": `,
		minimal + "[http]\nlisten = https://u:p@web1:9187\n":      `[http] listen = "…@web1:9187": is a URL`,
		mailing + "email_from = Ops <ops@example.com>\n":          `"Ops <ops@example.com>"`,
		minimal + "[process.p]\nunit = getty@tty1 \\x20 z\n":      `unit = "getty@tty1 \\x20 z"`,
		minimal + "[process.p]\nrestart_timeout = http://u:p@h\n": `restart_timeout = "…@h"`,
	} {
		onlyMistake(t, text, want)
	}
}

func TestAPipeInPlaceOfAFileHoldsNothingUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.ini")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := Load(path, nil)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Load waits for a writer")
	}
	if _, _, err := Load(os.TempDir(), nil); err == nil {
		t.Error("a directory was read")
	}
}

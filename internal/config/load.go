package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The names that come from outside.
const (
	// PathVariable names the file where nothing else does, see Find.
	PathVariable        = VariablePrefix + "CONFIG"
	credentialsVariable = "CREDENTIALS_DIRECTORY"
	// credentialName is the systemd credential that holds the password of
	// the database, systemd.exec(5) LoadCredential=.
	credentialName = "db_password"
)

// UsualPlaces are where config.ini is looked for when nobody says where it is.
// The second is where the bash daemon had it.
func UsualPlaces() []string {
	return []string{"/etc/monitor_service/config.ini", "/opt/monitor_service/config.ini"}
}

// Find says which config.ini is to be loaded: the one that the flag --config
// names, else the one that $MONITOR_SERVICE_CONFIG names, else the first of
// the usual places that is there. A file that was named must be there. The
// path that is returned is absolute; the error says where it was looked for.
func Find(flag string, environ []string) (string, error) {
	return find(flag, environ, UsualPlaces())
}

func find(flag string, environ, usual []string) (string, error) {
	if flag != "" {
		return named("--config", flag)
	}
	if path := lookup(environ, PathVariable); path != "" {
		return named("$"+PathVariable, path)
	}
	for _, path := range usual {
		// A file that is there and may not be looked at is the one that
		// was meant; loading it will say what is wrong.
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no config.ini: --config and $%s are not set, and neither of %s is there",
		PathVariable, strings.Join(usual, ", "))
}

func named(by, path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot find the config.ini that %s names: %w", by, err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no config.ini at %q, which %s names; nothing else was looked at", path, by)
	}
	return path, nil
}

// lookup returns a variable of an environment, empty where it is not set. The
// first one counts, as it does for os.Getenv.
func lookup(environ []string, variable string) string {
	for _, e := range environ {
		if name, value, _ := strings.Cut(e, "="); name == variable {
			return value
		}
	}
	return ""
}

// Load reads, checks and returns the configuration at path with what the
// environment overrides. An error is Mistakes: everything that is wrong, at
// once. The warnings are also there when there is an error.
//
// It refuses a file that somebody other than root and this user could have
// written.
func Load(path string, environ []string, beyond ...Beyond) (*Config, []Warning, error) {
	return load(path, environ, self(), beyond...)
}

func load(path string, environ []string, r reader, beyond ...Beyond) (*Config, []Warning, error) {
	content, readable, mistakes := readFile(path, r)
	if len(mistakes) > 0 {
		return nil, nil, mistakes
	}
	b := parse(path, content, environ)
	if readable {
		b.warnOfReadableSecrets(path)
	}
	b.lookBeyond(beyond)
	return b.result()
}

// warnOfReadableSecrets names every secret that stands in a file that everybody
// can read.
func (b *build) warnOfReadableSecrets(path string) {
	for _, s := range b.doc.sections {
		for _, e := range s.entries {
			if e.key.Secret && e.value != "" {
				b.warn(e.line, s.name, e.key.Name, fmt.Sprintf(
					"every user of this host can read it: run chmod o-r %q, or move it into a %s_file", path, e.key.Name))
			}
		}
	}
}

// Parse is Load without the file: name is what the content is called in
// mistakes. It reads the files that hold the password, where there are some.
func Parse(name string, content []byte, environ []string) (*Config, []Warning, error) {
	return parse(name, content, environ).result()
}

func parse(name string, content []byte, environ []string) *build {
	t := newTable()
	doc, mistakes := scan(name, content, t)
	if len(mistakes) == 0 {
		if m := doc.confirm(); m != nil {
			mistakes = append(mistakes, *m)
		}
	} else {
		// The file is refused anyway. What the scanner understood is
		// checked too, so that all mistakes are told at once.
		doc.trust()
	}
	b := &build{table: t, doc: doc, environ: environ, mistakes: mistakes}
	if !doc.hopeless {
		b.everything()
	}
	return b
}

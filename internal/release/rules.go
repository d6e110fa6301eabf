package main

import (
	"os"
	"path/filepath"

	"monitor_service/internal/polkit"
)

// rulesHead is the head of the rules that a package can ship: which units may
// be restarted is config.ini's to say, and nobody but its operator may say so to
// polkit.
const rulesHead = `// Grants nothing. The user of the unprivileged profile of monitor_service is
// refused whatever polkit is asked about it. What it may restart is added by
//
//     rules=$(monitor_service polkit-rules) &&
//         printf '%s\n' "$rules" | install -m 0644 /dev/stdin /etc/polkit-1/rules.d/50-monitor_service.rules
//
// which names exactly the units of config.ini; polkit asks /etc first (polkit(8)).
`

// writeRules writes the polkit rules of a package into the place below
// /usr/share (dir) where polkit looks for them.
func writeRules(dir string) error {
	rules, err := polkit.Rules(polkit.User, nil)
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "polkit-1", "rules.d", "50-monitor_service.rules"), func(path string) error {
		return os.WriteFile(path, []byte(rulesHead+rules), 0o644) //nolint:gosec // for everybody to read
	})
}

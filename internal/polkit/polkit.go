// Package polkit writes the rules under which polkit lets an unprivileged
// daemon restart units. Which units those are is decided elsewhere, and polkit
// itself is not spoken to: systemd asks it, each time that the daemon asks
// systemd for a job.
package polkit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// User is the daemon's own user in the unprivileged profile, see
// deploy/sysusers.conf.
const User = "monitor_service"

// verbs are what the daemon asks systemd to do with a unit that it restarts, by
// the names that systemd gives to polkit.
func verbs() []string { return []string{"restart", "reset-failed"} }

// Rules returns the text of a rules file (polkit(8)): the user may restart
// these units, by the names that systemd has for them, and nothing else that
// polkit is asked about. It is a user of the daemon's own, so that all else is
// refused outright, whatever later rules would allow to everybody.
//
// The language is kept to what the oldest polkit has, 0.115 of RHEL 8.
func Rules(user string, units []string) (string, error) {
	units = slices.Compact(slices.Sorted(slices.Values(units)))
	var list strings.Builder
	for _, unit := range units {
		text, err := literal(unit)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&list, "        %s,\n", text)
	}
	name, err := literal(user)
	if err != nil {
		return "", err
	}
	quoted := make([]string, len(verbs()))
	for i, verb := range verbs() {
		if quoted[i], err = literal(verb); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf(`polkit.addRule(function(action, subject) {
    if (subject.user !== %s) {
        return polkit.Result.NOT_HANDLED;
    }
    var units = [
%s    ];
    var verbs = [%s];
    if (action.id === "org.freedesktop.systemd1.manage-units" &&
        units.indexOf(action.lookup("unit")) >= 0 &&
        verbs.indexOf(action.lookup("verb")) >= 0) {
        return polkit.Result.YES;
    }
    return polkit.Result.NO;
});
`, name, list.String(), strings.Join(quoted, ", ")), nil
}

// literal is a text as JavaScript has it: JSON is a part of that.
func literal(text string) (string, error) {
	b, err := json.Marshal(text)
	return string(b), err
}

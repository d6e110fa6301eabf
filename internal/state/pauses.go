package state

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"monitor_service/internal/recovery"
)

const (
	pausesName    = "pauses.json"
	pausesVersion = 1
	// maxPauses bounds the file's size, in bytes: more than a hundred
	// thousand pauses.
	maxPauses = 32 << 20
)

// pausesFile is the form of the file.
type pausesFile struct {
	Version int `json:"version"`
	// All is the pause of all processes.
	All       *recovery.Pause           `json:"all,omitempty"`
	Processes map[string]recovery.Pause `json:"processes,omitempty"`
}

// SavePauses remembers the pauses in force; the empty name is the pause of all.
func (d *Dir) SavePauses(pauses map[string]recovery.Pause) error {
	file := pausesFile{Version: pausesVersion, Processes: maps.Clone(pauses)}
	if all, ok := pauses[""]; ok {
		file.All = &all
		delete(file.Processes, "")
	}
	content, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the pauses: %w", err)
	}
	return d.Write(pausesName, append(content, '\n'))
}

// LoadPauses returns the pauses that are not over. A file that cannot be read
// is moved aside; the error says so.
func (d *Dir) LoadPauses(now time.Time) (map[string]recovery.Pause, error) {
	pauses, err := PausesAt(d.path, now)
	if err == nil {
		return pauses, nil
	}
	aside, aerr := d.Aside(pausesName)
	if aerr != nil {
		return nil, fmt.Errorf("no pause is in force: %w; %w", err, aerr)
	}
	return nil, fmt.Errorf("no pause is in force: %w; the file is now %q", err, aside)
}

// PausesAt is LoadPauses for a directory that another process has: it changes
// nothing.
func PausesAt(dir string, now time.Time) (map[string]recovery.Pause, error) {
	content, err := read(dir, pausesName, maxPauses)
	if err != nil || len(content) == 0 {
		return nil, err
	}
	var file pausesFile
	if err := json.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("cannot read %q in %q: %w", pausesName, dir, err)
	}
	if file.Version != pausesVersion {
		return nil, fmt.Errorf("cannot read %q in %q: its version is %d, not %d", pausesName, dir, file.Version, pausesVersion)
	}
	pauses := make(map[string]recovery.Pause, len(file.Processes)+1)
	maps.Copy(pauses, file.Processes)
	delete(pauses, "")
	if file.All != nil {
		pauses[""] = *file.All
	}
	maps.DeleteFunc(pauses, func(_ string, p recovery.Pause) bool { return p.Over(now) })
	return pauses, nil
}

package metrics

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"time"

	"monitor_service/internal/config"
)

const (
	// maxProcesses bounds the processes that have series of their own.
	maxProcesses = 1000
	// maxLabel bounds the label of a process, in bytes.
	maxLabel = 128
	// others is the label under which the rest is counted. No process has
	// it, whatever its name.
	others = "(other)"
)

// outcome is how a recovery ended.
type outcome int

const (
	succeeded outcome = iota
	failed
	interrupted
	numOutcomes
)

func (o outcome) String() string {
	return [numOutcomes]string{succeeded: "succeeded", failed: "failed", interrupted: "interrupted"}[o]
}

// tally is what is counted for one process.
type tally struct {
	// recoveries are those that have begun with a strategy, by their end.
	recoveries map[config.Strategy]*[numOutcomes]uint64
	flaps      uint64
}

func (t *tally) of(s config.Strategy) *[numOutcomes]uint64 {
	if t.recoveries == nil {
		t.recoveries = make(map[config.Strategy]*[numOutcomes]uint64)
	}
	if t.recoveries[s] == nil {
		t.recoveries[s] = new([numOutcomes]uint64)
	}
	return t.recoveries[s]
}

func (t *tally) add(o tally) {
	t.flaps += o.flaps
	for strategy, n := range o.recoveries {
		for i := range n {
			t.of(strategy)[i] += n[i]
		}
	}
}

func (t *tally) clone() tally {
	c := tally{}
	c.add(*t)
	return c
}

// member is a process that has series of its own.
type member struct {
	label   string
	touched time.Time
	tally
}

// roster says which processes have series of their own, and keeps what is
// counted for them. Those with a section in the configuration come first, then
// whoever comes first.
type roster struct {
	most int

	mu         sync.Mutex
	configured map[string]bool
	members    map[string]*member
	// labels has the name of each label that is taken.
	labels map[string]string
	rest   tally
}

func newRoster(most int) *roster {
	return &roster{most: most, members: make(map[string]*member), labels: make(map[string]string)}
}

// configure gives places to the processes of the configuration, in the order
// of the file, and takes them from others where need be.
func (r *roster) configure(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.configured = make(map[string]bool)
	for _, name := range names[:min(len(names), r.most)] {
		r.configured[name] = true
	}
	missing := 0
	for name := range r.configured {
		if r.members[name] == nil {
			missing++
		}
	}
	for name, m := range r.members {
		if len(r.members)+missing <= r.most {
			break
		}
		if !r.configured[name] {
			r.rest.add(m.tally)
			r.drop(name)
		}
	}
	for name := range r.configured {
		r.admit(name)
	}
}

// count calls with to count something for a process.
func (r *roster) count(name string, at time.Time, count func(*tally)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.admit(name)
	if m == nil {
		count(&r.rest)
		return
	}
	m.touched = at
	count(&m.tally)
}

// admit returns the member of this name, a new one where there is a place for
// it, or nil. The lock is held.
func (r *roster) admit(name string) *member {
	if m := r.members[name]; m != nil {
		return m
	}
	if len(r.members) >= r.most || name == "" {
		return nil
	}
	label := labelOf(name)
	if _, taken := r.labels[label]; taken || label == others {
		return nil
	}
	m := &member{label: label}
	r.members[name], r.labels[label] = m, name
	return m
}

func (r *roster) drop(name string) {
	delete(r.labels, r.members[name].label)
	delete(r.members, name)
}

// line is what the roster has of one process.
type line struct {
	label string
	tally
}

// update drops the processes that nobody knows any more, as of a time, gives
// their places to others that are known, and returns what there is to show, by
// name, and what is counted for the rest.
func (r *roster) update(known []Process, asOf time.Time) (lines map[string]line, rest tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	still := make(map[string]bool, len(known))
	for _, p := range known {
		still[p.Name] = true
	}
	for name, m := range r.members {
		if !still[name] && !r.configured[name] && m.touched.Before(asOf) {
			r.drop(name)
		}
	}
	for _, p := range known {
		r.admit(p.Name)
	}
	lines = make(map[string]line, len(r.members))
	for name, m := range r.members {
		lines[name] = line{label: m.label, tally: m.clone()}
	}
	return lines, r.rest.clone()
}

// labelOf makes a label of any name: what is not printable, backslashes and
// double quotes are written as in a Go string, and what is too long is cut and
// told from others with the same beginning by its hash. A plain name is its own
// label, and two names never have the same one.
func labelOf(name string) string {
	quoted := strconv.Quote(name)
	label := quoted[1 : len(quoted)-1]
	if len(label) <= maxLabel {
		return label
	}
	sum := sha256.Sum256([]byte(name))
	hash := "~" + hex.EncodeToString(sum[:8])
	return strings.ToValidUTF8(label[:maxLabel-len(hash)], "") + hash
}

package metrics

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"monitor_service/internal/proctable"
	"monitor_service/internal/systemd"
)

const (
	// unitsLimit is the part of scrapeLimit within which systemd has to
	// answer; what is left is for the process table.
	unitsLimit = 3 * time.Second
	// maxLooks bounds the units that systemd is asked about at once. It
	// answers one after the other, and recoveries need it too.
	maxLooks = 4
	// aliveUnit is there on every host that runs systemd.
	aliveUnit = "init.scope"
)

// Units is what is needed of systemd.
type Units interface {
	Unit(ctx context.Context, name string) (systemd.Unit, error)
}

// Table is what is needed of the process table.
type Table interface {
	Usage(names, units []string, stop func() error) (byName, byUnit map[string]proctable.Usage, err error)
}

// usage is what a process uses.
type usage struct {
	running bool
	// unsure says that systemd cannot tell: the unit is active, its main
	// process has ended, and others may be there.
	unsure bool
	// since is when it was started; cpu and memory, in bytes, are 0 where
	// nobody knows. All count while it is running.
	since  time.Time
	cpu    time.Duration
	memory uint64
	// restarts are systemd's own, valid where counted.
	restarts int
	counted  bool
}

// readings are what the host says of some processes. A process that is missing
// could not be looked at.
type readings struct {
	usage  map[string]usage
	unread int
	bus    Availability
}

// host looks at what processes use. Nothing is kept between two looks.
type host struct {
	units Units
	walks walker

	ended context.Context
	end   context.CancelFunc
}

func newHost(units Units, table Table) *host {
	h := &host{units: units, walks: walker{table: table}}
	h.ended, h.end = context.WithCancel(context.Background())
	return h
}

// close ends a look that is under way, and returns when it has, or when ctx
// ends.
func (h *host) close(ctx context.Context) {
	h.end()
	h.walks.wait(ctx)
}

// read looks at the processes, until ctx ends.
func (h *host) read(ctx context.Context, processes []Process) readings {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ended, cancel)() //nolint:contextcheck // the end of all looks, beside that of this one

	r := readings{usage: make(map[string]usage)}
	units, byName := h.sort(processes)
	found, bus := h.askUnits(ctx, units)
	r.bus = bus
	// Names of processes to find in the table, and units by the process.
	var names []string
	groups := make(map[string]string)
	for _, p := range units {
		u, ok := found[p.Name]
		switch {
		case !ok:
			r.unread++
		case u.LoadState == systemd.LoadNotFound:
			byName = append(byName, p)
		default:
			use := usageOf(u)
			r.usage[p.Name] = use
			if use.unsure || use.running && (use.cpu == 0 || use.memory == 0) {
				groups[p.Name] = u.ID
			}
		}
	}
	for _, p := range byName {
		names = append(names, p.Name)
	}
	w, ok := h.walk(ctx, names, groups)
	if !ok {
		r.unread += len(names)
		r.forgetUnsure()
		return r
	}
	for _, name := range names {
		r.usage[name] = usageIn(w.byName[name])
	}
	for name, unit := range groups {
		r.usage[name] = r.usage[name].completed(w.byUnit[unit])
	}
	return r
}

// forgetUnsure drops what only the process table could have told.
func (r *readings) forgetUnsure() {
	for name, use := range r.usage {
		if use.unsure {
			delete(r.usage, name)
			r.unread++
		}
	}
}

// sort tells the processes that may be units from those that are not.
func (h *host) sort(processes []Process) (units, others []Process) {
	for _, p := range processes {
		switch {
		case !p.Look:
		case p.Unit != "" && h.units != nil:
			units = append(units, p)
		default:
			others = append(others, p)
		}
	}
	return units, others
}

// askUnits asks systemd about the units, some at once, by process. Where it
// does not answer at all, it is not asked again and again.
func (h *host) askUnits(ctx context.Context, processes []Process) (map[string]systemd.Unit, Availability) {
	if h.units == nil {
		return nil, Untried
	}
	ctx, cancel := context.WithTimeout(ctx, unitsLimit)
	defer cancel()
	if _, err := h.units.Unit(ctx, aliveUnit); errors.Is(err, systemd.ErrUnavailable) || errors.Is(err, systemd.ErrClosed) {
		return nil, Down
	}
	var (
		mu      sync.Mutex
		found   = make(map[string]systemd.Unit, len(processes))
		workers sync.WaitGroup
		todo    = make(chan Process)
	)
	for range min(maxLooks, len(processes)) {
		workers.Go(func() {
			for p := range todo {
				u, err := h.units.Unit(ctx, p.Unit)
				if err != nil {
					continue // it has no series in this scrape
				}
				mu.Lock()
				found[p.Name] = u
				mu.Unlock()
			}
		})
	}
	for _, p := range processes {
		if ctx.Err() != nil {
			break
		}
		todo <- p
	}
	close(todo)
	workers.Wait()
	return found, Up
}

// walk reads the process table once, unless nobody needs it.
func (h *host) walk(ctx context.Context, names []string, groups map[string]string) (walk, bool) {
	if len(names) == 0 && len(groups) == 0 {
		return walk{}, true
	}
	return h.walks.walk(ctx, names, slices.Collect(maps.Values(groups)))
}

// usageOf is what systemd says of a unit.
func usageOf(u systemd.Unit) usage {
	use := usage{since: u.ActiveSince, cpu: u.CPU, memory: u.Memory}
	switch u.ActiveState {
	case systemd.StateActive, systemd.StateReloading, systemd.StateRefreshing, systemd.StateDeactivating:
		use.unsure = u.SubState == "exited"
		use.running = !use.unsure
	case systemd.StateUnknown, systemd.StateInactive, systemd.StateFailed, systemd.StateActivating, systemd.StateMaintenance:
	}
	if u.Type != "" { // a service
		use.restarts, use.counted = u.NRestarts, true
	}
	return use
}

// usageIn is what the process table says.
func usageIn(u proctable.Usage) usage {
	return usage{running: u.Processes > 0, since: u.Since, cpu: u.CPU, memory: u.Memory}
}

// completed fills in what systemd does not account for.
func (u usage) completed(from proctable.Usage) usage {
	if u.unsure {
		u.running = from.Processes > 0
	}
	if u.cpu == 0 {
		u.cpu = from.CPU
	}
	if u.memory == 0 {
		u.memory = from.Memory
	}
	return u
}

package bus

import (
	"strconv"

	"github.com/godbus/dbus/v5"
)

// job is a job under way. Its end is decided by finish.
type job struct {
	id     uint32
	unit   string
	verb   string
	finish chan string // Capacity 1: FinishJob does not wait for the job.
}

func jobPath(id uint32) dbus.ObjectPath {
	if id == 0 {
		return "/"
	}
	return dbus.ObjectPath(jobPrefix + strconv.FormatUint(uint64(id), 10))
}

// FinishJob ends the job of a unit that hangs, with a result of systemd's
// vocabulary. It says whether there was a job.
func (m *manager) FinishJob(name, result string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.find(name)
	if u == nil || m.jobs[u.Name] == nil {
		return false
	}
	select {
	case m.jobs[u.Name].finish <- result:
	default: // It is ending already.
	}
	return true
}

// startJob gives a unit a job, or merges the request with the one it has, as
// systemd does with jobs of one kind. The lock is held.
func (m *manager) startJob(u *Unit, verb string) dbus.ObjectPath {
	if j := m.jobs[u.Name]; j != nil && j.verb == verb {
		return jobPath(j.id)
	}
	m.lastJob++
	j := &job{id: m.lastJob, unit: u.Name, verb: verb, finish: make(chan string, 1)}
	m.jobs[u.Name] = j
	if !u.JobHangs {
		j.finish <- m.resultOf(u, verb)
	}
	if !m.ended {
		m.running.Go(func() { m.runJob(j) })
	}
	return jobPath(j.id)
}

// resultOf decides how a job that does not hang ends. The lock is held.
func (m *manager) resultOf(u *Unit, verb string) string {
	if verb != verbStop && u.StartLimit > 0 {
		if u.starts++; u.starts > u.StartLimit {
			return resultStartLimit
		}
	}
	if u.JobResult == "" {
		return "done"
	}
	return u.JobResult
}

// resultStartLimit is not a job result of systemd's: such a job has "failed",
// and the unit says why.
const resultStartLimit = "start-limit-hit"

func (m *manager) runJob(j *job) {
	var result string
	select {
	case result = <-j.finish:
	case <-m.stopped:
		return
	}
	m.mu.Lock()
	u := m.units[j.unit]
	silent := u != nil && u.JobSilent
	if u != nil {
		result = m.apply(u, j.verb, result)
	}
	if m.jobs[j.unit] == j {
		delete(m.jobs, j.unit)
	}
	conn := m.conn
	m.mu.Unlock()
	if conn != nil && !silent {
		// Nobody may be listening any more: then nobody hears it.
		_ = conn.Emit(managerPath, managerInterface+".JobRemoved", j.id, jobPath(j.id), j.unit, result)
	}
}

// apply gives a unit the state that the end of a job leaves it in, and returns
// the result as it is signalled. The lock is held.
func (m *manager) apply(u *Unit, verb, result string) string {
	switch {
	case result == resultStartLimit:
		u.fail(resultStartLimit)
		return "failed"
	case result == "failed":
		u.fail("exit-code")
	case result == "timeout":
		u.fail("timeout")
	case result == "done" && verb == verbStop:
		u.ActiveState, u.SubState, u.MainPID = "inactive", "dead", 0
		if u.Transient != nil {
			delete(m.units, u.Name) // systemd collects it.
		}
	case result == "done" && verb == verbStart && u.ActiveState == "active":
		// It is running: there is nothing to start.
	case result == "done":
		m.lastPID++
		u.ActiveState, u.SubState, u.Result = "active", "running", "success"
		u.InvocationID, u.MainPID, u.ActiveUptime = newInvocation(), firstPID+m.lastPID, uptime()
	}
	return result
}

func (u *Unit) fail(result string) {
	u.ActiveState, u.SubState, u.Result, u.MainPID = "failed", "failed", result, 0
}

// endJobs ends the goroutines of all jobs and waits for them. A call that is
// still being answered starts none any more.
func (m *manager) endJobs() {
	m.mu.Lock()
	m.ended = true
	m.mu.Unlock()
	close(m.stopped)
	m.running.Wait()
}

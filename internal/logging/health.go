package logging

// Health says how one log does.
type Health struct {
	// Name is file or console, which is the journal where there is one.
	Name string
	// Failing says that lines cannot be written at present.
	Failing bool
	// Dropped are the lines that were lost since the start.
	Dropped int
}

// Health says how the logs do that are in use.
func (l *Logs) Health() []Health {
	all := []Health{l.console.health("console")}
	l.file.mu.Lock()
	used := l.file.name != ""
	l.file.mu.Unlock()
	if used {
		all = append(all, l.file.health("file"))
	}
	return all
}

func (s *sink) health(name string) Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Health{Name: name, Failing: s.failing, Dropped: s.dropped}
}

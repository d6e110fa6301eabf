package config

// Beyond looks at what a configuration is about, such as the files that it
// names, whose form this package does not know. The configuration may have
// mistakes: what was refused has its default.
type Beyond func(*Config) []Fault

// Fault is what is wrong with what a key names.
type Fault struct {
	Section, Key string
	Err          error
}

// lookBeyond tells the faults with the mistakes of the configuration itself,
// each with where its key stands.
func (b *build) lookBeyond(looks []Beyond) {
	if b.Config == nil {
		return // There was nothing to be understood.
	}
	for _, look := range looks {
		for _, f := range look(b.Config) {
			if !b.refused[originKey(f.Section, f.Key)] {
				b.mistakeAt(f.Section, f.Key, f.Err.Error())
			}
		}
	}
}

package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

const (
	fileName = "history.jsonl"
	// maxFile bounds what is read at the start, in bytes. The file is made
	// anew long before.
	maxFile = 256 << 20
	// slack is how much a file may grow, beside twice what it needs, before
	// it is made anew.
	slack = 1 << 20
)

// Files is what a File needs of the state directory. *state.Dir has it.
type Files interface {
	Read(name string, limit int64) ([]byte, error)
	Write(name string, content []byte) error
	Append(name string, content []byte) (size int64, err error)
	Aside(name string) (string, error)
}

// File is a Store: a line of JSON for each recovery, and another one when
// something followed from it. It grows at its end until it is made anew.
type File struct {
	files Files
	// compact is how long the file was when it was made anew.
	compact int64
}

var _ Store = (*File)(nil)

// NewFile returns the store in a state directory.
func NewFile(files Files) *File { return &File{files: files} }

// key tells recoveries apart: a process has one at a time.
type key struct {
	process string
	began   time.Time
}

// Load implements Store. A file with a line that cannot be read is moved aside
// and made anew of what could be read: the last line of a daemon that lost its
// power, or worse.
func (f *File) Load() ([]Recovery, error) {
	content, err := f.files.Read(fileName, maxFile)
	if err != nil {
		return nil, f.aside(err)
	}
	kept, bad := parse(content)
	if bad > 0 {
		err = f.aside(fmt.Errorf("%d lines of %q cannot be read", bad, fileName))
	}
	if werr := f.renew(kept); err == nil {
		err = werr
	}
	return kept, err
}

func (f *File) aside(cause error) error {
	name, err := f.files.Aside(fileName)
	if err != nil {
		return fmt.Errorf("the history of recoveries is not whole: %w; %w", cause, err)
	}
	return fmt.Errorf("the history of recoveries is not whole: %w; the old file is now %q", cause, name)
}

func parse(content []byte) (kept []Recovery, bad int) {
	place := map[key]int{}
	for line := range bytes.Lines(content) {
		var r Recovery
		if err := json.Unmarshal(line, &r); err != nil || line[len(line)-1] != '\n' || r.Process == "" || r.Began.IsZero() {
			bad++
			continue
		}
		if r.Attempts == nil {
			r.Attempts = []Attempt{}
		}
		k := key{r.Process, r.Began.Round(0).UTC()}
		if at, ok := place[k]; ok {
			kept[at] = r
			continue
		}
		place[k] = len(kept)
		kept = append(kept, r)
	}
	return kept, bad
}

// Save implements Store.
func (f *File) Save(changed []Recovery, all func() []Recovery) error {
	content, err := lines(changed)
	if err != nil {
		return err
	}
	size, err := f.files.Append(fileName, content)
	if err == nil && size <= 2*f.compact+slack {
		return nil
	}
	// What a failed write has left at the end would spoil the next line.
	return f.renew(all())
}

func (f *File) renew(all []Recovery) error {
	content, err := lines(all)
	if err != nil {
		return err
	}
	if err := f.files.Write(fileName, content); err != nil {
		return fmt.Errorf("cannot keep the history of recoveries: %w", err)
	}
	f.compact = int64(len(content))
	return nil
}

func lines(recoveries []Recovery) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, r := range recoveries {
		if err := encoder.Encode(r); err != nil {
			return nil, fmt.Errorf("cannot keep the history of recoveries: %w", err)
		}
	}
	return b.Bytes(), nil
}

package command

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// keptOutput is how much of the end of a command's output is kept, in
	// bytes.
	keptOutput = 4 << 10
	// shownLines and shownBytes bound what of it an error shows.
	shownLines = 5
	shownBytes = 600
)

// tail keeps the end of what is written to it.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if n > keptOutput {
		p = p[n-keptOutput:]
	}
	if over := len(t.buf) + len(p) - keptOutput; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	t.buf = append(t.buf, p...)
	return n, nil
}

// Output reads a command's output from a pipe. It reads all of it, so that the
// command never blocks on a full pipe, and keeps the last 4 KiB.
type Output struct {
	// Write is the end for the command.
	Write *os.File
	read  *os.File
	tail  tail
	begun chan struct{}
	// begunAt is set before begun is closed.
	begunAt time.Time
	done    chan struct{}
	// open says that the pipe still had a writer when reading ended.
	open bool
}

// NewOutput opens the pipe and reads from it until the last writer is gone or
// Finish says that it is enough.
func NewOutput() (*Output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o := &Output{Write: w, read: r, begun: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(o.done)
		buf := make([]byte, 32<<10)
		for first := true; ; {
			n, err := o.read.Read(buf)
			if first && n > 0 {
				o.begunAt = time.Now()
				close(o.begun)
				first = false
			}
			_, _ = o.tail.Write(buf[:n])
			if err != nil {
				o.open = os.IsTimeout(err)
				return
			}
		}
	}()
	return o, nil
}

// Begun is closed when something was written.
func (o *Output) Begun() <-chan struct{} { return o.begun }

// BegunAt is when something was written first, the zero time where nothing was.
func (o *Output) BegunAt() time.Time {
	select {
	case <-o.begun:
		return o.begunAt
	default:
		return time.Time{}
	}
}

// Done is closed when the last writer is gone, the caller's own among them.
func (o *Output) Done() <-chan struct{} { return o.done }

// Finish closes the caller's end of the pipe and returns the end of the output.
// A process that still holds the pipe is waited for no longer than a moment.
func (o *Output) Finish() string { return o.finish(false) }

// finish does the same. If what still holds the pipe shall live on, its output
// goes on being read, by a process that lives as long as it does, since it
// would otherwise be killed by SIGPIPE at its next line.
func (o *Output) finish(keepWriters bool) string {
	_ = o.Write.Close()
	_ = o.read.SetReadDeadline(time.Now().Add(drainTime))
	<-o.done
	if o.open && keepWriters {
		drain(o.read)
	}
	_ = o.read.Close()
	return string(o.tail.buf)
}

// drain starts a process that reads the pipe to its end. The shell that starts
// it ends at once, so that the reader is nobody's child: it outlives the
// daemon as what it reads from does. Failing to start one leaves things as
// they were, which is all that can be done about it.
func drain(pipe *os.File) {
	cmd := exec.Command(Shell, "-c", "exec cat <&3 >/dev/null 2>&1 3<&- &")
	cmd.ExtraFiles = []*os.File{pipe} // descriptor 3
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	_ = cmd.Run()
}

// LastLines shows the last lines of a command's output on one line, bounded,
// and with control characters made visible: they are data, and must not be
// able to draw on a terminal or to begin a log line of their own.
func LastLines(output string) string {
	var shown []string
	size := 0
	lines := strings.Split(output, "\n")
	for i := len(lines) - 1; i >= 0 && len(shown) < shownLines; i-- {
		line := visible(strings.TrimSpace(lines[i]))
		if line == "" {
			continue
		}
		if size+len(line) > shownBytes {
			if len(shown) == 0 {
				shown = append(shown, "…"+strings.ToValidUTF8(line[len(line)-shownBytes:], ""))
			}
			break
		}
		size += len(line)
		shown = append(shown, line)
	}
	for i, j := 0, len(shown)-1; i < j; i, j = i+1, j-1 {
		shown[i], shown[j] = shown[j], shown[i]
	}
	return strings.Join(shown, " | ")
}

// visible escapes what cannot be printed as a Go string literal would, and
// leaves quotes alone.
func visible(s string) string {
	quoted := strconv.Quote(s)
	quoted = quoted[1 : len(quoted)-1]
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted)
}

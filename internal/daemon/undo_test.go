package daemon

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestUndoGoesBackwardsPastAFailingStep(t *testing.T) {
	var u undoStack
	var done []string
	step := func(name string, err error) {
		u.push(name, func() error { done = append(done, name); return err })
	}
	step("close the log", nil)
	step("close the database", errors.New("it is busy"))
	step("leave the bus", nil)
	err := u.unwind()
	if want := []string{"leave the bus", "close the database", "close the log"}; !slices.Equal(done, want) {
		t.Errorf("undone %v, want %v", done, want)
	}
	if err == nil || !strings.Contains(err.Error(), "cannot close the database: it is busy") {
		t.Errorf("the error is %v", err)
	}
	if err := u.unwind(); err != nil || len(done) != 3 {
		t.Errorf("a second time: %v, %v", done, err)
	}
}

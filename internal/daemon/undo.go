package daemon

import (
	"errors"
	"fmt"
	"slices"
)

// undoStack remembers how to give back what was acquired, the last one first.
type undoStack struct{ steps []undoStep }

type undoStep struct {
	name string
	do   func() error
}

func (u *undoStack) push(name string, do func() error) {
	u.steps = append(u.steps, undoStep{name, do})
}

// unwind takes every step back. A step that fails keeps none of the others
// from being taken.
func (u *undoStack) unwind() error {
	var errs []error
	for _, s := range slices.Backward(u.steps) {
		if err := s.do(); err != nil {
			errs = append(errs, fmt.Errorf("cannot %s: %w", s.name, err))
		}
	}
	u.steps = nil
	return errors.Join(errs...)
}

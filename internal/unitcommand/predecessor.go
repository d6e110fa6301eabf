package unitcommand

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"monitor_service/internal/systemd"
)

// sweepLimit bounds ending what a predecessor has left running.
const sweepLimit = 10 * time.Second

// predecessor ends the commands that a daemon which was killed has left
// running, before this one runs any: a command that hung would otherwise go on
// beside the recovery that this daemon begins of the same process.
type predecessor struct {
	units Units
	// prefix begins the names of its units and of this daemon's.
	prefix string

	mu   sync.Mutex
	gone bool
}

// ownPrefix begins the names of the units of one owner: another daemon on the
// host has a database of its own.
func ownPrefix(owner string) string {
	sum := sha256.Sum256([]byte(owner))
	return prefix + hex.EncodeToString(sum[:6]) + "-"
}

// end returns when nothing of it runs any more, and does nothing from then on.
// Its error wraps systemd.ErrUnavailable, or is the context's.
func (p *predecessor) end(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	names, err := p.units.Names(ctx, p.prefix+"*")
	for _, name := range names {
		// One that has ended meanwhile is not there any more.
		if stopErr := p.units.Stop(ctx, name); errors.Is(stopErr, systemd.ErrUnavailable) || ctx.Err() != nil {
			err = errors.Join(err, stopErr)
		}
	}
	if err != nil {
		return err
	}
	p.gone = true
	return nil
}

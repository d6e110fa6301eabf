package daemon

import (
	"errors"
	"fmt"

	"monitor_service/internal/config"
	"monitor_service/internal/control"
)

// listen opens the control socket. Another daemon that answers there is an
// error: two of them would restart each other's processes. Without a socket
// for any other reason the daemon still does what it is for.
func (d *Daemon) listen() error {
	d.desk = &desk{d: d}
	d.undo.push("close the control socket", func() error {
		if d.server == nil {
			return nil
		}
		return d.server.Close()
	})
	if d.cfg.Control.Socket == "" {
		return nil
	}
	server, err := control.Listen(d.cfg.Control.Socket, control.Group, d.desk)
	switch {
	case errors.Is(err, control.ErrLive) && !d.cfg.Monitor.DryRun: // which may run beside another
		return fmt.Errorf("%w: stop it, or give this one a [control] socket of its own", err)
	case err != nil:
		d.log.Error("No control socket: commands such as status cannot reach this daemon, ignoring", "error", err)
		return nil
	}
	d.server = server
	d.sayListening()
	return nil
}

func (d *Daemon) sayListening() {
	who := "root and the group " + control.Group
	if !d.server.HasGroup() {
		who = "root, there is no group " + control.Group
	}
	d.log.Info("Control socket is open", "socket", d.server.Path(), "for", who)
}

// otherServer opens the socket of a new configuration, where that is another
// one or could not be opened so far, or returns nil. What could not be opened and
// still cannot be is no mistake of the new configuration.
func (d *Daemon) otherServer(cfg config.Control) (*control.Server, error) {
	same := cfg == d.cfg.Control
	if cfg.Socket == "" || same && d.server != nil {
		return nil, nil
	}
	server, err := control.Listen(cfg.Socket, control.Group, d.desk)
	if err != nil && same {
		d.log.Error("Still no control socket: commands such as status cannot reach this daemon, ignoring", "error", err)
		return nil, nil
	}
	return server, err
}

// useServer puts what otherServer returned in the place of the old one. That
// one ends in the background, as somebody may still be listening to it.
func (d *Daemon) useServer(cfg config.Control, server *control.Server) {
	if cfg == d.cfg.Control && server == nil {
		return
	}
	old := d.server
	d.server = server
	if server != nil {
		d.sayListening()
	}
	if old == nil {
		return
	}
	d.background.Go(func() {
		if err := old.Close(); err != nil {
			d.log.Warn("Cannot close the old control socket, ignoring", "error", err)
		}
	})
}

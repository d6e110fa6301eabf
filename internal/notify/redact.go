package notify

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"monitor_service/internal/config"
)

// ownPort is this side of a connection, which is another one each time: an
// error that has it in it would be new at every try.
var ownPort = regexp.MustCompile(`(\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:.%a-z]+\]):\d+->`)

// plainError is the text of an error from outside without the secrets and
// without what differs from try to try. What it wraps is dropped on purpose:
// nothing can be unwrapped that holds a secret.
func plainError(err error, secrets []string) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "it took longer than send_timeout"
	case errors.Is(err, context.Canceled):
		return "interrupted, the daemon is stopping"
	}
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err // the rest of it is the address
	}
	text := ownPort.ReplaceAllString(err.Error(), "")
	return oneLine(redact(text, secrets))
}

func redact(text string, secrets []string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, config.Secret{}.String())
		}
	}
	return text
}

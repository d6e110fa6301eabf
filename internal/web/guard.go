package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// policy keeps a browser from doing with the page what the page does not do: it
// runs its own script and no other, never makes HTML of a text (Trusted Types),
// asks nobody else, and stands in nobody's frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// harmless lets nothing in but questions, and tells browsers to be strict.
func harmless(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "nothing can be changed here: use the command monitor_service on its host", http.StatusMethodNotAllowed)
		case r.ContentLength != 0:
			// Nobody reads it, so that the connection cannot go on.
			header.Set("Connection", "close")
			http.Error(w, "a question has no body", http.StatusRequestEntityTooLarge)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// thisHost refuses a request whose Host is not this host's loopback by name or
// address. A page from elsewhere can have its own name resolve to 127.0.0.1
// (DNS rebinding) and have a browser on this host, to which that is the page's
// own origin, read what is served here. A client that is no browser may leave
// the header out.
func thisHost(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "" && !isLoopback(r.Host) {
			http.Error(w, "this listener is for its own host alone: ask for 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func isLoopback(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false
	}
	a, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// defectEvery is how often defects are reported.
const defectEvery = time.Minute

// contained keeps a defect in one answer from being more than that answer's
// failure, and reports it.
func contained(h http.Handler, report func(error)) http.Handler {
	var mu sync.Mutex
	var last time.Time
	seldom := func(err error) {
		mu.Lock()
		now := time.Now()
		due := last.IsZero() || now.Sub(last) >= defectEvery
		if due {
			last = now
		}
		mu.Unlock()
		if due {
			report(err)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				seldom(fmt.Errorf("cannot answer %s %q: defect: %v\n%s", r.Method, r.URL.Path, cause, debug.Stack()))
			}
			// The answer may have begun: its connection ends with it.
			panic(http.ErrAbortHandler)
		}()
		h.ServeHTTP(w, r)
	})
}

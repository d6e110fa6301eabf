package control

import (
	"context"
	"net/http"
	"strconv"
)

const (
	// defaultHistory and maxHistory bound the recoveries in one answer.
	defaultHistory = 100
	maxHistory     = 10_000
)

// Reader is the part of a Daemon that may be looked at by everybody: it changes
// nothing and shows no commands.
type Reader interface {
	Status(ctx context.Context, process string) (Status, error)
	History(ctx context.Context, process string, limit int) (History, error)
}

// ReadOnly serves GET PREFIX/v1/status and GET PREFIX/v1/history, in the forms
// of this API and with its errors, to whomever the caller lets in.
func ReadOnly(prefix string, r Reader) http.Handler {
	mux := http.NewServeMux()
	open := func(h func(Reader, http.ResponseWriter, *http.Request) error) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			if err := h(r, w, req); err != nil {
				answerError(w, err)
			}
		}
	}
	mux.HandleFunc("GET "+prefix+"/v1/status", open(readStatus))
	mux.HandleFunc("GET "+prefix+"/v1/history", open(readHistory))
	mux.HandleFunc("/", open(func(_ Reader, _ http.ResponseWriter, req *http.Request) error { return unknownPath(req) }))
	return mux
}

func readStatus(d Reader, w http.ResponseWriter, r *http.Request) error {
	process, err := processOf(r, false)
	if err != nil {
		return err
	}
	return answer(w)(d.Status(r.Context(), process))
}

func readHistory(d Reader, w http.ResponseWriter, r *http.Request) error {
	process, err := processOf(r, false)
	if err != nil {
		return err
	}
	limit := defaultHistory
	if text := r.URL.Query().Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxHistory {
			return failure(CodeBadRequest, "limit is %q, allowed is 1 to %d", text, maxHistory)
		}
	}
	return answer(w)(d.History(r.Context(), process, limit))
}

func unknownPath(r *http.Request) error {
	return failure(CodeUnknownPath, "there is no %s %q in this version of the API", r.Method, r.URL.Path)
}

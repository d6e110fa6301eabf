package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"monitor_service/internal/recovery"
)

const (
	// maxName bounds a process's name, in bytes: more than
	// PROCESE.process_name holds.
	maxName = 1024
	// maxWhy bounds the reason of a pause, in characters.
	maxWhy = 500
	// MaxPause bounds a pause's length. Longer than that is until resumed.
	MaxPause = 366 * 24 * time.Hour
)

// handler has the paths of the API.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request, recovery.Operator) error{
		"GET /v1/status":     s.status,
		"GET /v1/history":    s.history,
		"GET /v1/explain":    s.explain,
		"GET /v1/processes":  s.names,
		"POST /v1/restart":   s.restart,
		"POST /v1/reset":     s.reset,
		"POST /v1/pause":     s.pause,
		"POST /v1/resume":    s.resume,
		"POST /v1/check-now": s.checkNow,
	} {
		mux.HandleFunc(pattern, s.guarded(h))
	}
	mux.HandleFunc("/", s.guarded(func(_ http.ResponseWriter, r *http.Request, _ recovery.Operator) error {
		return unknownPath(r)
	}))
	return mux
}

// guarded lets those in who may use the daemon. The socket's mode has kept the
// others out already: this is the second lock on the same door.
func (s *Server) guarded(h func(http.ResponseWriter, *http.Request, recovery.Operator) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, ok := r.Context().Value(peerKey{}).(peer)
		if !ok || !p.allowed(s.ownUID, s.group) {
			s.daemon.Refused(p.Operator)
			answerError(w, failure(CodeDenied, "only root and members of the group %q may do that", Group))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := h(w, r, p.Operator); err != nil {
			answerError(w, err)
		}
	}
}

func (s *Server) status(w http.ResponseWriter, r *http.Request, _ recovery.Operator) error {
	return readStatus(s.daemon, w, r)
}

func (s *Server) history(w http.ResponseWriter, r *http.Request, _ recovery.Operator) error {
	return readHistory(s.daemon, w, r)
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request, _ recovery.Operator) error {
	process, err := processOf(r, true)
	if err != nil {
		return err
	}
	return answer(w)(s.daemon.Explain(r.Context(), process))
}

func (s *Server) names(w http.ResponseWriter, r *http.Request, _ recovery.Operator) error {
	names, err := s.daemon.Names(r.Context())
	return answer(w)(Names{Processes: names}, err)
}

func (s *Server) reset(w http.ResponseWriter, r *http.Request, by recovery.Operator) error {
	var t Target
	if err := read(r, &t); err != nil {
		return err
	}
	process, err := t.name()
	if err != nil {
		return err
	}
	return answer(w)(s.daemon.Reset(r.Context(), by, process))
}

func (s *Server) pause(w http.ResponseWriter, r *http.Request, by recovery.Operator) error {
	var p PauseRequest
	if err := read(r, &p); err != nil {
		return err
	}
	process, err := p.name()
	if err != nil {
		return err
	}
	length := time.Duration(p.Seconds * float64(time.Second))
	if p.Seconds < 0 || p.Seconds > MaxPause.Seconds() || p.Seconds > 0 && length <= 0 {
		return failure(CodeBadRequest, "a pause of %g seconds: allowed is up to %d days, or 0 until resumed", p.Seconds, MaxPause/(24*time.Hour))
	}
	if n := utf8.RuneCountInString(p.Why); n > maxWhy {
		return failure(CodeBadRequest, "the reason has %d characters, at most %d are allowed", n, maxWhy)
	}
	return answer(w)(s.daemon.Pause(r.Context(), by, process, length, p.Why))
}

func (s *Server) resume(w http.ResponseWriter, r *http.Request, by recovery.Operator) error {
	var t Target
	if err := read(r, &t); err != nil {
		return err
	}
	process, err := t.name()
	if err != nil {
		return err
	}
	return answer(w)(s.daemon.Resume(r.Context(), by, process))
}

func (s *Server) checkNow(w http.ResponseWriter, r *http.Request, by recovery.Operator) error {
	if err := read(r, &struct{}{}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), pollTime)
	defer cancel()
	if err := takesLong(w, pollTime+writeTime); err != nil {
		return err
	}
	return answer(w)(s.daemon.CheckNow(ctx, by))
}

// restart streams what happens. An answer that has begun cannot become an
// error, so that nothing is written before the recovery is accepted.
func (s *Server) restart(w http.ResponseWriter, r *http.Request, by recovery.Operator) error {
	var req RestartRequest
	if err := read(r, &req); err != nil {
		return err
	}
	if err := checkName(req.Process); err != nil {
		return err
	}
	if err := takesLong(w, writeTime); err != nil {
		return err
	}
	control := http.NewResponseController(w)
	begun := false
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	err := s.daemon.Restart(r.Context(), by, req, func(p Progress) error {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "application/x-ndjson")
		}
		err := control.SetWriteDeadline(time.Now().Add(writeTime))
		return errors.Join(err, encoder.Encode(p), control.Flush())
	})
	if begun {
		return nil // the stream has said it, or there is nobody to hear it
	}
	return err
}

// takesLong gives an answer more time than others have. The time for reading
// the request ends here: it would be taken for the end of the client.
func takesLong(w http.ResponseWriter, length time.Duration) error {
	control := http.NewResponseController(w)
	return errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Now().Add(length)))
}

// processOf is the process that a question is about.
func processOf(r *http.Request, needed bool) (string, error) {
	process := r.URL.Query().Get("process")
	if process == "" && !needed {
		return "", nil
	}
	return process, checkName(process)
}

func (t Target) name() (string, error) {
	switch {
	case t.All && t.Process != "":
		return "", failure(CodeBadRequest, "both a process and all of them")
	case t.All:
		return "", nil
	}
	return t.Process, checkName(t.Process)
}

func checkName(name string) error {
	switch {
	case name == "":
		return failure(CodeBadRequest, "no process is named")
	case len(name) > maxName:
		return failure(CodeBadRequest, "the process's name has %d bytes, at most %d are allowed", len(name), maxName)
	case !utf8.ValidString(name):
		return failure(CodeBadRequest, "the process's name is not UTF-8")
	}
	return nil
}

// read reads the body, which is one JSON object and nothing else.
func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if errors.Is(err, io.EOF) {
		return nil // no body is an empty object
	}
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return failure(CodeBadRequest, "the body is more than one JSON object")
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return failure(CodeTooLarge, "the body has more than %d bytes", large.Limit)
	}
	return failure(CodeBadRequest, "the body is not the JSON object that is expected: %v", err)
}

func failure(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// answer returns a function that writes what a method of the daemon returned.
func answer(w http.ResponseWriter) func(v any, err error) error {
	return func(v any, err error) error {
		if err != nil {
			return err
		}
		write(w, http.StatusOK, v)
		return nil
	}
}

func answerError(w http.ResponseWriter, err error) {
	var e *Error
	var refusal *recovery.Refusal
	switch {
	case errors.As(err, &e):
	case errors.As(err, &refusal):
		e = &Error{Code: CodeRefused, Message: refusal.Detail, Reason: refusal.Reason.String()}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e = failure(CodeUnavailable, "the daemon could not answer in time, or is stopping")
	default:
		e = failure(CodeInternal, "%v", err)
	}
	write(w, httpStatus(e.Code), map[string]*Error{"error": e})
}

func httpStatus(code string) int {
	switch code {
	case CodeBadRequest:
		return http.StatusBadRequest
	case CodeDenied:
		return http.StatusForbidden
	case CodeUnknownPath, CodeUnknownProcess:
		return http.StatusNotFound
	case CodeRefused:
		return http.StatusConflict
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // who asked has gone
}

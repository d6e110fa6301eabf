package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

const (
	// dialTime and answerTime bound the wait for a daemon that hangs.
	// answerTime is longer than the daemon's own bounds.
	dialTime   = 5 * time.Second
	answerTime = 40 * time.Second
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 256 << 20
)

// ErrNotRunning is wrapped by an error of the client where nobody answers at
// the socket.
var ErrNotRunning = errors.New("the daemon is not running")

// ErrPermission is wrapped by an error of the client where this user may not
// use the socket.
var ErrPermission = errors.New("permission denied")

// Client asks the daemon.
type Client struct {
	path string
	http *http.Client
}

// NewClient returns a client of the daemon at the socket. It connects when it
// is used.
func NewClient(path string) *Client {
	dialer := net.Dialer{Timeout: dialTime}
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		},
		MaxIdleConns: 1, IdleConnTimeout: idleTime,
	}}}
}

// Close lets go of the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks what is going on, with one process or with all.
func (c *Client) Status(ctx context.Context, process string) (Status, error) {
	return get[Status](ctx, c, "status", process)
}

// History asks for the last recoveries of a process, or of all.
func (c *Client) History(ctx context.Context, process string, limit int) (History, error) {
	return get[History](ctx, c, "history", process, "limit", strconv.Itoa(limit))
}

// Explain asks what would happen if a process alarmed now.
func (c *Client) Explain(ctx context.Context, process string) (Explanation, error) {
	return get[Explanation](ctx, c, "explain", process)
}

// Names asks which processes are known.
func (c *Client) Names(ctx context.Context) ([]string, error) {
	n, err := get[Names](ctx, c, "processes", "")
	return n.Processes, err
}

// Reset closes a process's breaker, or all of them.
func (c *Client) Reset(ctx context.Context, t Target) (Done, error) {
	return post[Done](ctx, c, "reset", t)
}

// Pause pauses a process, or all of them.
func (c *Client) Pause(ctx context.Context, r PauseRequest) (Done, error) {
	return post[Done](ctx, c, "pause", r)
}

// Resume ends a pause.
func (c *Client) Resume(ctx context.Context, t Target) (Done, error) {
	return post[Done](ctx, c, "resume", t)
}

// CheckNow makes the daemon poll.
func (c *Client) CheckNow(ctx context.Context) (Done, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTime+answerTime)
	defer cancel()
	return ask[Done](ctx, c, http.MethodPost, "check-now", nil, struct{}{})
}

// Restart restarts a process and tells what happens. It returns the last line,
// which has the verdict. It takes as long as the recovery does.
func (c *Client) Restart(ctx context.Context, r RestartRequest, told func(Progress)) (Progress, error) {
	response, err := c.do(ctx, http.MethodPost, "restart", nil, r)
	if err != nil {
		return Progress{}, err
	}
	defer func() { _ = response.Body.Close() }()
	decoder := json.NewDecoder(response.Body)
	for {
		var p Progress
		if err := decoder.Decode(&p); err != nil {
			return p, fmt.Errorf("the daemon has ended before the recovery did, or the connection broke: %w", err)
		}
		if p.Verdict != "" {
			return p, nil
		}
		told(p)
	}
}

func get[T any](ctx context.Context, c *Client, path, process string, more ...string) (T, error) {
	query := url.Values{}
	if process != "" {
		query.Set("process", process)
	}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return ask[T](ctx, c, http.MethodGet, path, query, nil)
}

func post[T any](ctx context.Context, c *Client, path string, body any) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return ask[T](ctx, c, http.MethodPost, path, nil, body)
}

func ask[T any](ctx context.Context, c *Client, method, path string, query url.Values, body any) (T, error) {
	var v T
	response, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return v, err
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&v); err != nil {
		return v, fmt.Errorf("cannot read the daemon's answer: %w", err)
	}
	return v, nil
}

// do sends a request. An answer that is an error is returned as an *Error.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if body == nil {
		content = nil
	}
	address := url.URL{Scheme: "http", Host: "daemon", Path: "/v1/" + path, RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, method, address.String(), bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Error *Error }
	if err := json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(&answer); err != nil || answer.Error == nil {
		return nil, fmt.Errorf("the daemon answers %q", response.Status)
	}
	return nil, answer.Error
}

// unreachable says why there is no answer, and what to do about it.
func (c *Client) unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: nobody answers at %q; start it with: systemctl start monitor_service", ErrNotRunning, c.path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %s", ErrPermission, c.whoMay())
	}
	return fmt.Errorf("cannot reach the daemon at %q: %w", c.path, reason(err))
}

func (c *Client) whoMay() string {
	info, err := os.Stat(c.path) //nolint:gosec // the path is the caller's, who can look at it as well
	if err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Gid != 0 {
			name := strconv.FormatUint(uint64(stat.Gid), 10)
			if g, err := user.LookupGroupId(name); err == nil {
				name = g.Name
			}
			return fmt.Sprintf("only root and members of the group %q may use %q (to become one: usermod -aG %s USER, then log in again)", name, c.path, name)
		}
	}
	return fmt.Sprintf("only root may use %q; to let others, make the group %q (groupadd --system %s) and restart the daemon", c.path, Group, Group)
}

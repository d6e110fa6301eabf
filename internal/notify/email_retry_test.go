package notify

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"monitor_service/internal/config"
)

// A full mailbox beside a good one: whoever has got something does not get it
// again, and whoever has not gets all of it in the end.
func TestWhoCouldNotTakeAMailGetsItLaterAndNobodyGetsItTwice(t *testing.T) {
	var full atomic.Bool
	full.Store(true)
	box := serve(t, nil, false)
	box.Refuse = func(to string) error {
		if to == "busy@example.com" && full.Load() {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"}
		}
		return nil
	}
	cfg := mailTo(box.Addr(), config.SMTPOff, "")
	cfg.To = []string{"busy@example.com", "ops@example.com"}
	h := new(heard)
	c := newChannel(ChannelEmail, to(mustMail(t, cfg)).channels[ChannelWebhook], h.tell)
	// round sends what is pending, as if its time had come, and says what
	// each got: the recipient and the processes that are told.
	round := func() string {
		t.Helper()
		before := len(box.Letters())
		s := c.next(time.Now().Add(30 * time.Minute))
		if s.batch == nil {
			return "nothing is pending"
		}
		c.send(limited(t), s)
		var got []string
		for _, l := range box.Letters()[before:] {
			what := l.To
			for _, process := range []string{"nginx", "redis"} {
				if strings.Contains(l.Content, process+".service") {
					what += " " + process
				}
			}
			got = append(got, what)
		}
		return strings.Join(got, ", ")
	}
	for i, step := range []struct {
		before func()
		want   string
	}{
		{func() { c.observe(opened("nginx")) }, "ops@example.com nginx"},
		{func() {}, ""},
		{func() { c.observe(opened("redis")) }, "ops@example.com redis"},
		{func() { full.Store(false) }, "busy@example.com nginx redis"},
		{func() {}, "nothing is pending"},
		{func() { c.observe(opened("nginx")) }, "busy@example.com nginx, ops@example.com nginx"},
	} {
		step.before()
		if got := round(); got != step.want {
			t.Errorf("round %d: %q, want %q", i+1, got, step.want)
		}
	}
	reports := h.all()
	if len(reports) != 2 || reports[0].Kind != Failing || reports[1].Kind != Working || reports[1].Events != 0 {
		t.Errorf("%+v", reports)
	}
}

// Who is left when the failing recipient is taken away has got it already: there
// is nothing to send, whatever has become of the server.
func TestAMailThatAllHaveGotIsSentToNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().(*net.TCPAddr)
	_ = l.Close()
	e, m := mustMail(t, mailTo(gone, config.SMTPOff, "")), nastyMessage([]string{"nginx"})
	if retry, err := e.send(limited(t), m); !retry || err == nil {
		t.Fatal("there is a server", retry, err)
	}
	for i := range m.Notices {
		m.Notices[i].told = []string{"ops@example.com"}
	}
	if retry, err := e.send(limited(t), m); retry || err != nil {
		t.Error(retry, err)
	}
}

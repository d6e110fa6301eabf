package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"monitor_service/internal/config"
)

// A mailbox that is gone for good beside one that is there.
func TestAMailboxThatIsGoneIsSaidOnceAndNothingIsLost(t *testing.T) {
	box := serve(t, nil, false)
	box.Refuse = func(to string) error {
		if to == "gone@example.com" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		}
		return nil
	}
	cfg := mailTo(box.Addr(), config.SMTPOff, "")
	cfg.To = []string{"ops@example.com", "gone@example.com"}
	h := new(heard)
	settings := to(mustMail(t, cfg)).channels[ChannelWebhook]
	c := newChannel(ChannelEmail, settings, h.tell)
	send := func(process string) {
		t.Helper()
		c.observe(opened(process))
		c.send(limited(t), c.next(time.Now().Add(30*time.Minute)))
		if s := c.next(time.Now().Add(time.Hour)); s.batch != nil {
			t.Errorf("%d notices are tried again", len(s.batch.notices))
		}
	}
	for _, process := range []string{"nginx", "redis", "batch"} {
		send(process)
	}
	if n := len(box.Letters()); n != 3 {
		t.Errorf("%d letters", n)
	}
	if got, _ := c.counted(); got.Sent != 3 || got.Failed != 0 || got.Lost != 0 {
		t.Errorf("%+v", got)
	}
	got := h.all()
	if len(got) != 1 || got[0].Kind != Partly || !strings.Contains(got[0].Err.Error(), "gone@example.com") ||
		!strings.Contains(got[0].Err.Error(), "no such user") {
		t.Fatalf("%+v", got)
	}

	// Where he is the only one left, nobody gets anything.
	cfg.To = cfg.To[1:]
	settings.sender = mustMail(t, cfg)
	c.apply(settings)
	send("nginx")
	if got, _ := c.counted(); got.Sent != 3 || got.Failed != 1 || got.Lost != 1 {
		t.Errorf("%+v", got)
	}

	// A mail that all get ends the trouble, and the next refusal is news.
	cfg.To = []string{"ops@example.com"}
	settings.sender = mustMail(t, cfg)
	c.apply(settings)
	send("nginx")
	cfg.To = []string{"ops@example.com", "gone@example.com"}
	settings.sender = mustMail(t, cfg)
	c.apply(settings)
	send("nginx")
	var kinds []ReportKind
	for _, r := range h.all() {
		kinds = append(kinds, r.Kind)
	}
	if want := []ReportKind{Partly, Lost, Working, Partly}; !slices.Equal(kinds, want) {
		t.Errorf("reported %v, want %v", kinds, want)
	}
}

// A busy mailbox is tried for an hour, and given up: the other one was told.
func TestABusyMailboxBesideOneThatIsToldLosesNothing(t *testing.T) {
	box := serve(t, nil, false)
	box.Refuse = func(to string) error {
		if to == "busy@example.com" {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"}
		}
		return nil
	}
	cfg := mailTo(box.Addr(), config.SMTPOff, "")
	cfg.To = []string{"ops@example.com", "busy@example.com"}
	settings := to(mustMail(t, cfg)).channels[ChannelWebhook]
	settings.retryFor = time.Nanosecond // it is over by the time of the answer
	h := new(heard)
	c := newChannel(ChannelEmail, settings, h.tell)
	c.observe(opened("nginx"))
	c.send(limited(t), c.next(time.Now().Add(time.Hour)))
	if got, _ := c.counted(); got.Sent != 1 || got.Failed != 0 || got.Lost != 0 {
		t.Errorf("%+v", got)
	}
	for _, r := range h.all() {
		if r.Kind == Lost {
			t.Errorf("%+v", r)
		}
	}
}

package logging

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"testing"
	"time"

	"monitor_service/internal/recovery"
)

func TestEveryEventHasAMessageIDOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for _, m := range slices.Concat(Messages(), ChannelMessages(), LifeMessages()) {
		if !regexp.MustCompile(`\A[0-9a-f]{32}\z`).MatchString(m.ID) {
			t.Errorf("%s: %q is not a 128-bit number in hexadecimal digits", m.Event, m.ID)
		}
		if other, ok := seen[m.ID]; ok && other != m.Event {
			t.Errorf("%s and %s have the same id", m.Event, other)
		}
		seen[m.ID] = m.Event
	}
}

// TestMessageIDsStayWhatTheyAre holds some of the numbers that have been given
// away: filters and catalogs elsewhere know them.
func TestMessageIDsStayWhatTheyAre(t *testing.T) {
	for event, want := range map[string]string{
		"breaker_opened":  "99968b80d67747bda361f28dd92fc339",
		"recovery_failed": "6249c0ce4b7f4f4aa2d349452604a1af",
		"database_lost":   "2f7145378908456f93e723cc208ec307",
	} {
		if got := messageID(event); got != want {
			t.Errorf("%s has the id %s, want %s", event, got, want)
		}
	}
}

func TestJournalEntryOfAnEventCarriesItsMessageID(t *testing.T) {
	e := entry{at: time.Now(), level: slog.LevelInfo, message: "x", fields: []field{{keyEvent, recovery.BreakerOpened.String()}}}
	want := appendJournalField(nil, "MESSAGE_ID", messageID("breaker_opened"))
	if !bytes.Contains(journalEntry(e), want) {
		t.Error("an event without its id")
	}
	e.fields = []field{{"process", recovery.BreakerOpened.String()}}
	if bytes.Contains(journalEntry(e), []byte("MESSAGE_ID")) {
		t.Error("another field's value was taken for an event")
	}
}

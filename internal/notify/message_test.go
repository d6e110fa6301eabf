package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

// nasty are names and errors that would like to be more than that.
func nasty() []string {
	return []string{
		"x\r\nBcc: all@example.com\r\n\r\nhello", "a\"b", `{"text":"x"}`, "<!channel> @everyone <http://evil|click>",
		"[click](http://evil)", "`code`", "\x00\x1b[31m", "\xff\xfe", "\u202egnp.exe", "$(reboot)", strings.Repeat("ä", 5000), "",
	}
}

func nastyMessage(names []string) Message {
	b := newBatch()
	for _, name := range names {
		ev := opened(name)
		ev.Err = errors.New(name)
		ev.Target.Unit = name
		n, _ := noticeOf(ev, time.Now())
		b.add(n, time.Now())
		ev.Kind = recovery.RecoveryFailed
		n, _ = noticeOf(ev, time.Now())
		b.add(n, time.Now())
	}
	return b.message("web1", time.Now())
}

func TestNoNameBreaksOutOfSubjectOrLine(t *testing.T) {
	for _, name := range nasty() {
		m := nastyMessage([]string{name})
		for _, r := range m.Subject + strings.ReplaceAll(m.Text, "\n", "") {
			if !unicode.IsPrint(r) {
				t.Errorf("%q leaves %U in it", name, r)
				break
			}
		}
		if lines := strings.Count(m.Text, "\n"); lines != 5 { // two headings with a line each, and one between them
			t.Errorf("%q makes %d lines:\n%s", name, lines, m.Text)
		}
		if len([]rune(m.Subject)) > maxSubject {
			t.Errorf("%q: a subject of %d characters", name, len([]rune(m.Subject)))
		}
	}
}

func TestEveryFormatIsJSONWhateverTheNames(t *testing.T) {
	many := nasty()
	for i := range 2000 {
		many = append(many, fmt.Sprint(i, strings.Repeat("<&>", 80)))
	}
	limits := map[config.WebhookFormat]int{
		config.WebhookJSON: 400 << 10, config.WebhookSlack: 64 << 10, config.WebhookTeams: 28 << 10, config.WebhookDiscord: 16 << 10,
	}
	for format, most := range limits {
		for _, names := range [][]string{nasty(), many, {"nginx"}} {
			body, err := payload(format, nastyMessage(names))
			var v map[string]any
			if err != nil || json.Unmarshal(body, &v) != nil {
				t.Fatalf("%s: %v\n%s", format, err, body)
			}
			if len(body) > most {
				t.Errorf("%s: %d bytes, want at most %d", format, len(body), most)
			}
		}
	}
}

func TestNamesMentionNobodyInAChat(t *testing.T) {
	m := nastyMessage(nasty())
	slack, _ := json.Marshal(slackJSON(m))
	var s struct{ Text string }
	_ = json.Unmarshal(slack, &s)
	if strings.ContainsAny(s.Text, "<>") {
		t.Errorf("Slack reads markup: %s", s.Text)
	}
	discord, _ := json.Marshal(discordJSON(m))
	if !strings.Contains(string(discord), `"allowed_mentions":{"parse":[]}`) || strings.Count(string(discord), "`") != 6 {
		t.Errorf("Discord reads markup: %s", discord)
	}
	if n := len([]rune(discordJSON(nastyMessage(append(nasty(), strings.Fields(strings.Repeat("x ", 100))...))).(map[string]any)["content"].(string))); n > 2000 {
		t.Errorf("Discord refuses %d characters", n)
	}
}

func TestTheDaemonsOwnFormatSaysEverything(t *testing.T) {
	ev := opened("nginx")
	n, _ := noticeOf(ev, ev.At)
	b := newBatch()
	b.add(n, ev.At)
	body, err := payload(config.WebhookJSON, b.message("web1", ev.At))
	if err != nil {
		t.Fatal(err)
	}
	var got posted
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != 1 || got.Host != "web1" || got.Counts["breaker_opened"] != 1 || len(got.Notices) != 1 ||
		got.Subject != "[monitor_service] web1: breaker opened: nginx" {
		t.Fatalf("%s", body)
	}
	one := got.Notices[0]
	if one.Event != "breaker_opened" || one.Process != "nginx" || one.Unit != "nginx.service" || one.IDs[0] != 17 ||
		one.Reason != "health_check_failed" || one.Error != "it is dead" || one.Failures != 3 || one.NextTrial.IsZero() || one.Times != 1 {
		t.Errorf("%+v", one)
	}
}

// The kernel takes no variable of more than 128 KiB, execve(2).
func TestTheVariablesOfACommandAreBounded(t *testing.T) {
	var names []string
	for i := range 3000 {
		names = append(names, fmt.Sprint(i, strings.Repeat("\U0001F525", 300)))
	}
	for _, v := range variables(nastyMessage(names)) {
		if len(v) >= 128<<10 || strings.ContainsRune(v, 0) {
			t.Errorf("%.40q… has %d bytes", v, len(v))
		}
	}
}

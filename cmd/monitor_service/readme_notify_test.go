package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/notify"
	"monitor_service/internal/recovery"
)

// told sends some events through a real command and a real webhook, and
// returns what they got: the command's variables by name, and the JSON.
func told(t *testing.T) (variables map[string]string, body []byte) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) }))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "environment")
	var all config.NotifyEvents
	for e := range all {
		all[e] = e > 0
	}
	settings, err := notify.Prepare(config.Notify{
		Webhook:     config.Webhook{Events: all, URL: config.NewSecret(server.URL), Format: config.WebhookJSON},
		Command:     config.NotifyCommand{Events: all, Line: "cat /proc/self/environ >" + file, Timeout: time.Minute},
		SendTimeout: time.Minute, GroupWait: time.Hour, GroupInterval: time.Hour, RetryFor: time.Hour,
	}, command.Run)
	if err != nil {
		t.Fatal(err)
	}
	n := notify.New(settings, func(r notify.Report) { t.Errorf("%+v", r) })
	at := time.Date(2026, 11, 23, 2, 49, 46, 0, time.UTC)
	failed := errors.New(`unit "batch.service" is failed (exit-code)`)
	open := breaker.Snapshot{State: breaker.Open, Failures: 3, NextTrial: at.Add(30 * time.Minute), LastError: failed.Error()}
	for i, ev := range []recovery.Event{
		{Kind: recovery.BreakerOpened, Process: "batch", IDs: []int64{19}, Reason: recovery.ReasonHealthCheck, Breaker: open},
		{Kind: recovery.BreakerOpened, Process: "billing", IDs: []int64{20, 21}, Reason: recovery.ReasonHealthCheck, Breaker: open},
		{Kind: recovery.Flapped, Process: "nginx", IDs: []int64{17}, Reason: recovery.ReasonFlapping},
		{Kind: recovery.Flapped, Process: "nginx", IDs: []int64{17}, Reason: recovery.ReasonFlapping},
		{Kind: recovery.Flapped, Process: "x; reboot", IDs: []int64{18}, Reason: recovery.ReasonFlapping},
		{Kind: recovery.RecoverySucceeded, Process: "feed", IDs: []int64{30}, Trial: true},
	} {
		ev.At = at.Add(time.Duration(i) * time.Second)
		if ev.Breaker.LastError != "" {
			ev.Target = recovery.Target{Strategy: config.StrategyService, Unit: ev.Process + ".service"}
			ev.Breaker.LastError = strings.ReplaceAll(ev.Breaker.LastError, "batch", ev.Process)
		}
		n.Observe(ev)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n.Close(ctx)

	environment, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	variables = make(map[string]string)
	for v := range strings.SplitSeq(string(environment), "\x00") {
		if name, value, ok := strings.Cut(v, "="); ok && strings.HasPrefix(name, "MONITOR_NOTIFY_") {
			variables[name] = value
		}
	}
	return variables, body
}

// notification shows one message, as people and as programs get it.
func notification(t *testing.T) string {
	t.Helper()
	variables, body := told(t)
	var v struct {
		Version int               `json:"version"`
		Host    string            `json:"host"`
		Time    string            `json:"time"`
		Subject string            `json:"subject"`
		Text    string            `json:"text"`
		Counts  map[string]int    `json:"counts"`
		Notices []json.RawMessage `json:"notices"`
		Omitted int               `json:"omitted"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	fmt.Fprintf(&shown, "{\n  \"version\": %d, \"host\": \"web1\", \"time\": \"2026-11-23T02:50:01Z\",\n  \"subject\": \"…\", \"text\": \"…\",\n", v.Version)
	counts, err := json.Marshal(v.Counts)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&shown, "  \"counts\": %s,\n  \"notices\": [\n", counts)
	for i, one := range v.Notices {
		comma := ","
		if i == len(v.Notices)-1 {
			comma = ""
		}
		fmt.Fprintf(&shown, "    %s%s\n", one, comma)
	}
	fmt.Fprintf(&shown, "  ],\n  \"omitted\": %d\n}", v.Omitted)
	subject := strings.Replace(variables["MONITOR_NOTIFY_SUBJECT"], " "+v.Host+":", " web1:", 1)
	return "```\n" + subject + "\n\n" + variables["MONITOR_NOTIFY_TEXT"] + "```\n\n```json\n" + shown.String() + "\n```"
}

// TestREADMENamesEveryVariableOfACommand compares the table with what a command
// gets.
func TestREADMENamesEveryVariableOfACommand(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	variables, _ := told(t)
	listed := regexp.MustCompile("(?m)^\\| `(MONITOR_NOTIFY_[A-Z]+)` \\|").FindAllSubmatch(text, -1)
	for _, m := range listed {
		if _, ok := variables[string(m[1])]; !ok {
			t.Errorf("a command does not get %s", m[1])
		}
	}
	if len(listed) != len(variables) {
		t.Errorf("%d variables are in the README, a command gets %d", len(listed), len(variables))
	}
}

// TestREADMEsTableOfEventsIsTheDefault compares the events and which of them
// are told with the code's.
func TestREADMEsTableOfEventsIsTheDefault(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	var byDefault string
	for _, k := range config.Keys() {
		if k.Section == "notify" && k.Name == "email_events" {
			byDefault = k.Default
		}
	}
	for e := config.NotifyUnknown + 1; e.String() != config.NotifyUnknown.String(); e++ {
		mark := "|"
		if strings.Contains(byDefault, e.String()) {
			mark = "yes |"
		}
		if !strings.Contains(string(text), "| `"+e.String()+"` | "+mark) {
			t.Errorf("the README does not say %s as it is", e)
		}
	}
}

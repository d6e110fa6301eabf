//go:build integration

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
	"monitor_service/internal/testenv"
	"monitor_service/internal/testenv/hostile"
)

// pictures names a directory for pictures of the page, which are made only for
// people to look at.
const pictures = "MONITOR_SERVICE_TEST_PICTURES"

// told is a daemon whose story changes while somebody looks.
type told struct {
	mu         sync.Mutex
	status     control.Status
	recoveries []history.Recovery
	looks      int
}

func (d *told) tell(change func(*told)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *told) Status(context.Context, string) (control.Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looks++
	s := d.status
	s.Now = time.Now()
	return s, nil
}

func (d *told) History(context.Context, string, int) (control.History, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return control.History{Recoveries: d.recoveries}, nil
}

func (d *told) Alive() error                { return nil }
func (d *told) Ready(context.Context) error { return nil }

func (d *told) looked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.looks
}

func newTold() *told {
	d := &told{}
	d.status, d.recoveries = fixture(time.Now())
	return d
}

// chromium finds the browser of this host.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	testenv.Missing(t, "no Chromium: apt-get install chromium-headless-shell")
	return ""
}

// tab is a page in a real browser.
type tab struct {
	*testing.T
	ctx    context.Context
	server *Server
	// said are the errors that the page ran into, and what it wrote to its
	// console.
	mu        sync.Mutex
	said      []string
	listening sync.WaitGroup
}

// browse opens the page that a daemon serves.
func browse(t *testing.T, d Daemon) *tab {
	t.Helper()
	program := chromium(t)
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{T: t, server: Serve(l, Settings{}, Handler(Options{Daemon: d, Loopback: true, Report: noReport(t)}), noReport(t))}
	t.Cleanup(func() { _ = b.server.Close() })
	t.Cleanup(b.listening.Wait) // once the browser has ended
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b.ctx = ctx
	b.do(chromedp.EmulateViewport(1280, 900))
	b.listen()
	b.do(chromedp.Navigate("http://" + b.server.address() + "/"))
	return b
}

// listen keeps what the page writes to its console, exceptions and refusals by
// the page's policy among it, until the test ends.
func (b *tab) listen() {
	messages := chromedp.Console(b.ctx)
	b.listening.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.said = append(b.said, m.String())
			b.mu.Unlock()
		}
	})
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

func (b *tab) click(selector string) { b.Helper(); b.do(chromedp.Click(chromedp.CSS(selector))) }

// see returns what an expression is in the page.
func see[T any](b *tab, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return value
}

// await waits until an expression is true in the page. While the page is loaded
// there is nothing that could be.
func (b *tab) await(what, expression string) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
		if is && err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("not within a minute: %s (%v); the page says\n%s", what, err, b.text("body"))
		}
	}
}

func (b *tab) text(selector string) string {
	b.Helper()
	return see[string](b, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

func (b *tab) picture(name string) {
	b.Helper()
	dir := os.Getenv(pictures)
	if dir == "" {
		return
	}
	image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *tab) wide(width int64) { b.do(chromedp.EmulateViewport(width, 900)) }

func (b *tab) dark(on bool) {
	scheme := "light"
	if on {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	b.do(func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, media)
		return chromedp.Void{}, err
	})
}

// quiet fails the test where the page ran into an error.
func (b *tab) quiet() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.said) > 0 {
		b.Errorf("the page ran into:\n%s", strings.Join(b.said, "\n"))
	}
}

const (
	names   = `[...document.querySelectorAll("#processes tbody th")].map(e => e.innerText)`
	isShown = `!document.querySelector("#board").hidden`
)

func TestThePageShowsWhatStatusAndHistoryShow(t *testing.T) {
	t.Parallel()
	d := newTold()
	b := browse(t, d)
	b.await("it shows something", isShown)
	want := []string{"batch-import", "mail-relay", "x; reboot", "legacy-crm", "feeds", "cache", "search", "billing", "nginx", "old-archive"}
	if got := see[[]string](b, names); strings.Join(got, ",") != strings.Join(want, ",") {
		t.Errorf("the processes are %q, what needs attention is not first", got)
	}
	page := b.text("body")
	for _, part := range []string{
		"4 of 10 processes need attention", "Live", "v1.0.0", `Database "v_process_monitor" at "monitor@localhost"`, "polled ", "again in ",
		"Read-only:", "Breaker open", "Open, trial in 2", "Failed last with: health check did not pass", "Failing", "Closed, 2 of 3 failed",
		"Recovering", "asked for by ana", "Queued", "Paused by root since", "new disks", "Acknowledged", "Left alone", "unsafe name",
		"Awaiting owner", "Settling", "service", "batch-import.service", "health check failed", "Did not hold", "alarm came back within stable_time",
		"Under way", "breaker opened",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("no %q in\n%s", part, page)
		}
	}
	b.click("#history > li:nth-child(2) summary")
	if got := b.text("#history > li:nth-child(2)"); !strings.Contains(got, "Attempt 2 of 2: health check failed") || !strings.Contains(got, "Connection refused") {
		t.Errorf("the attempts of a recovery: %s", got)
	}
	for _, dark := range []bool{false, true} {
		for _, width := range []int64{1280, 768, 360} {
			b.dark(dark)
			b.wide(width)
			if over := see[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("at %d px it is %d px too wide", width, over)
			}
			b.picture(map[bool]string{false: "light", true: "dark"}[dark] + "-" + map[int64]string{1280: "1280", 768: "768", 360: "360"}[width])
		}
	}
	b.quiet()
}

func TestThePageFollowsByItself(t *testing.T) {
	t.Parallel()
	d := newTold()
	b := browse(t, d)
	b.await("it shows something", isShown)
	b.click("#history > li:nth-child(3) summary") // nginx
	b.do(chromedp.SendKeys(chromedp.CSS("#filter"), "n"))
	see[bool](b, `!!(window.unchanged = document.querySelector('[data-key="mail-relay"]'))`)
	const open = `[...document.querySelectorAll("#history details[open] .process")].map(e => e.innerText).join()`
	d.tell(func(d *told) {
		for i := range d.status.Processes {
			if p := &d.status.Processes[i]; p.Name == "nginx" {
				p.State, p.InAlarm, p.AlarmSince, p.RecoveringSince = control.Recovering, true, time.Now(), time.Now()
			}
		}
		for i := range d.recoveries {
			if d.recoveries[i].Process == "nginx" {
				d.recoveries[i].Afterwards = "flapped"
			}
		}
		d.status.Summary.Recovering++
		d.recoveries = append(d.recoveries, history.Recovery{Process: "nginx", Began: time.Now(), Outcome: history.Running, Attempts: []history.Attempt{}})
	})
	b.await("nginx is recovering", `document.querySelector('[data-key="nginx"]').innerText.includes("Recovering")`)
	b.await("its recovery is under way", `document.querySelector("#history > li").innerText.includes("nginx")`)
	if got := see[string](b, open); got != "nginx" {
		t.Errorf("open is %q, and was the one recovery of nginx", got)
	}
	if got := see[string](b, `document.activeElement.id + " " + document.activeElement.value`); got != "filter n" {
		t.Errorf("the focus and the text in it are gone: %q", got)
	}
	// What has the focus keeps it, whether it changes itself or another does.
	for _, process := range []string{"nginx", "mail-relay"} {
		see[bool](b, fmt.Sprintf(`(document.querySelector('[data-key=%q] button').focus(), true)`, process))
		state := control.Queued
		if process != "nginx" {
			state = control.Recovering
		}
		d.tell(func(d *told) {
			for i := range d.status.Processes {
				if p := &d.status.Processes[i]; p.Name == "nginx" {
					p.State = state
				}
			}
		})
		b.await("nginx is "+string(state), fmt.Sprintf(`document.querySelector('[data-key="nginx"]').innerText.toLowerCase().includes(%q)`, state))
		if got := see[string](b, `document.activeElement.innerText`); got != process {
			t.Errorf("the focus was on %s and is on %q", process, got)
		}
	}
	if !see[bool](b, `window.unchanged === document.querySelector('[data-key="mail-relay"]')`) {
		t.Error("what has not changed was made anew: a text that is selected in it would be lost")
	}
	const age = `document.querySelector('[data-key="nginx"] [data-label="Alarm since"] .aside').innerText`
	before := see[string](b, age)
	b.await("its age grows", age+fmt.Sprintf(" !== %q", before))
	// A new version of the daemon brings a new page.
	see[bool](b, `window.old = true`)
	d.tell(func(d *told) { d.status.Version = "v1.1.0" })
	b.await("the page is loaded anew", `!window.old && document.querySelector("#version").innerText === "v1.1.0"`)
	b.quiet()
}

func TestThePageSaysThatTheDaemonIsGoneAndThatItIsBack(t *testing.T) {
	t.Parallel()
	d := newTold()
	b := browse(t, d)
	b.await("it shows something", isShown)
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	b.await("it says that the connection is lost", `!document.querySelector("#lost").hidden`)
	if got := b.text("#lost"); !strings.Contains(got, "Connection lost since ") || !strings.Contains(got, "The daemon does not answer.") {
		t.Error(got)
	}
	if got := b.text("#live"); got != "Connection lost" {
		t.Error(got)
	}
	b.picture("lost-light-1280")
	b.wide(360)
	b.dark(true)
	b.picture("lost-dark-360")
	l, err := Listen(b.server.address())
	if err != nil {
		t.Fatal(err)
	}
	again := Serve(l, Settings{}, Handler(Options{Daemon: d, Loopback: true, Report: noReport(t)}), noReport(t))
	defer again.Close()
	b.await("it is back", `document.querySelector("#lost").hidden && document.querySelector("#live").innerText === "Live"`)
}

func TestThePageRestsWhileNobodySeesIt(t *testing.T) {
	t.Parallel()
	d := newTold()
	b := browse(t, d)
	b.await("it shows something", isShown)
	hide := func(hidden bool) {
		see[bool](b, fmt.Sprintf(`Object.defineProperty(document, "hidden", {value: %t, configurable: true}), document.dispatchEvent(new Event("visibilitychange"))`, hidden))
	}
	hide(true)
	looked := d.looked()
	// As many turns of the page's own clock as it takes to ask again.
	see[bool](b, `(window.turns = 0, setInterval(() => window.turns++, 500), true)`)
	b.await("time has passed", `window.turns >= 14`)
	if n := d.looked() - looked; n > 1 { // one may have been under way
		t.Errorf("it asked %d times though nobody could see it", n)
	}
	looked = d.looked()
	hide(false)
	b.await("it asks at once", `document.querySelector("#live").innerText === "Live"`)
	for deadline := time.Now().Add(time.Minute); d.looked() == looked; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not ask again")
		}
	}
}

// throughJSON is what is left of a text in JSON, which has no bytes that are no
// text.
func throughJSON(t *testing.T, text string) string {
	t.Helper()
	encoded, err := json.Marshal(text)
	if err == nil {
		err = json.Unmarshal(encoded, &text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestHostileNamesAndTextsAreText(t *testing.T) {
	t.Parallel()
	d := newTold()
	d.status.Processes, d.recoveries = nil, nil
	texts := []string{"__proto__", "constructor", "hasOwnProperty", strings.Repeat("long", 64), "\xff", "\xfe"} // the last two are one in JSON
	for _, h := range hostile.Texts() {
		texts = append(texts, h.Text)
	}
	for i, text := range texts {
		r := history.Recovery{
			Process: text, Unit: text, Strategy: text, By: text, Error: text, Reason: text, Began: time.Now().Add(-time.Duration(i) * time.Minute),
			Outcome: history.Failed, Afterwards: text, Attempts: []history.Attempt{{Number: 1, Reason: text, Error: text}},
		}
		d.recoveries = append(d.recoveries, r)
		d.status.Processes = append(d.status.Processes, control.Process{
			Name: text, State: control.Failing, Reason: text, Strategy: text, Unit: text, By: text, InAlarm: true, AlarmSince: time.Now(), Last: &r,
			Breaker: control.Breaker{State: "closed", Failures: 1, MaxFailures: 3, LastError: text},
			Pause:   &control.Pause{By: text, Since: time.Now(), Why: text},
		}, control.Process{Name: text + " too", State: control.State(text), Strategy: text, Breaker: control.Breaker{State: text}})
	}
	const image, script = `<img src=x onerror="window.pwned=1">`, "<script>window.pwned=1</script>"
	d.status.Version, d.status.Database.Name, d.status.AcknowledgedUnknown = script, image, script
	d.status.Pause = &control.Pause{By: image, Since: time.Now(), Why: script}
	b := browse(t, d)
	b.await("it shows something", isShown)
	see[bool](b, `(document.querySelectorAll("details").forEach(e => e.open = true), document.querySelectorAll("details").length > 0)`)
	shown := see[[]string](b, `[...document.querySelectorAll("#processes tbody th button")].map(e => e.textContent)`)
	for _, text := range texts {
		if text = throughJSON(t, text); !slices.Contains(shown, text) {
			t.Errorf("%q is not shown as it is", text)
		}
	}
	looked := d.looked()
	for d.looked() < looked+2 {
		time.Sleep(20 * time.Millisecond)
	}
	if n := see[int](b, `document.querySelectorAll("#processes tbody").length`); n != 2*len(texts) || len(shown) != n {
		t.Errorf("%d rows and then %d of %d processes", len(shown), n, 2*len(texts))
	}
	for _, what := range []string{`typeof window.pwned === "undefined"`, `document.querySelectorAll("script").length === 1`, `document.querySelectorAll("body img, h1 ~ h1").length === 0`} {
		if !see[bool](b, what) {
			t.Errorf("not so: %s", what)
		}
	}
	for _, width := range []int64{1280, 360} {
		b.wide(width)
		if over := see[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("at %d px it is %d px too wide", width, over)
		}
	}
	b.picture("hostile-360")
	b.quiet()
}

// TestThePagesPolicyHolds tries what a text that got through would try.
func TestThePagesPolicyHolds(t *testing.T) {
	t.Parallel()
	b := browse(t, newTold())
	b.await("it shows something", isShown)
	for what, try := range map[string]string{
		"HTML of a text": `(() => { try { document.body.innerHTML = "<img src=x onerror=window.pwned=1>"; return "done" } catch (e) { return e.name } })()`,
		"a script":       `(() => { try { const s = document.createElement("script"); s.textContent = "window.pwned=1"; document.body.append(s); return "done" } catch (e) { return e.name } })()`,
		"eval":           `(() => { try { setTimeout("window.pwned=1"); return "done" } catch (e) { return e.name } })()`,
		"another host":   `new Promise(done => fetch("http://192.0.2.1/").then(() => done("done"), e => done(e.name)))`,
	} {
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](try, chromedp.EvalAwaitPromise))
		if err != nil || got == "done" || see[bool](b, `typeof window.pwned !== "undefined"`) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

func TestThePageIsUsableWithTheKeyboardAndByItsRoles(t *testing.T) {
	t.Parallel()
	b := browse(t, newTold())
	b.await("it shows something", isShown)
	for _, what := range []string{
		`document.documentElement.lang === "en"`,
		`[...document.querySelectorAll("th")].every(e => e.scope)`,
		`[...document.querySelectorAll("input")].every(e => e.labels.length === 1)`,
		`[...document.querySelectorAll(".badge")].every(e => e.innerText.trim() !== "")`, // a colour is not the only sign
		`[...document.querySelectorAll("svg")].every(e => e.getAttribute("aria-hidden") === "true")`,
		`[...document.querySelectorAll("#processes tr")].every(e => e.getAttribute("role") === "row")`,
	} {
		if !see[bool](b, what) {
			t.Errorf("not so: %s", what)
		}
	}
	focus := func() string {
		return see[string](b, `document.activeElement.id || document.activeElement.tagName + " " + document.activeElement.innerText.split("\n")[0]`)
	}
	b.do(chromedp.KeyEvent(kb.Tab))
	if got := focus(); got != "filter" {
		t.Errorf("the first stop is %q", got)
	}
	b.do(chromedp.KeyEvent("MAIL-R"))
	b.await("the filter works", names+`.join() === "mail-relay" && document.querySelector("#shown").innerText === "1 of 10 shown"`)
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab))
	if got := focus(); got != "BUTTON mail-relay" {
		t.Errorf("the third stop is %q", got)
	}
	b.do(chromedp.KeyEvent(kb.Tab))
	if got := focus(); !strings.HasPrefix(got, "SUMMARY") {
		t.Errorf("the fourth stop is %q", got)
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.await("the recovery is open", `document.activeElement.parentElement.open && document.activeElement.parentElement.innerText.includes("Connection refused")`)
	b.click("#processes button")
	b.await("the name as a filter", `document.querySelector("#filter").value === "mail-relay"`)
	see[bool](b, `(document.querySelector("#filter").value = "nobody", document.querySelector("#filters").dispatchEvent(new Event("input")))`)
	b.await("it says that nothing matches", `document.querySelector("#none").innerText === "No process matches."`)
	see[bool](b, `(document.querySelector("#filter").value = "", document.querySelector("#only").click(), true)`)
	b.await("what needs attention alone", names+`.length === 4`)
	b.quiet()
}

func TestThePageSaysWhatIsWrongWithTheWhole(t *testing.T) {
	t.Parallel()
	d := newTold()
	b := browse(t, d)
	b.await("it shows something", isShown)
	d.tell(func(d *told) {
		d.status.Database.Reachable, d.status.Database.DownSince = false, time.Now().Add(-3*time.Minute)
		d.status.Database.Error = "cannot read the alarms: dial unix /var/lib/mysql/mysql.sock: connect: no such file or directory"
		d.status.Pause = &control.Pause{By: "ana", Since: time.Now().Add(-time.Hour), Why: "the move to the new rack"}
		d.status.DryRun = true
	})
	b.await("the database is down", `document.querySelector("#verdict").innerText === "Alarms cannot be read"`)
	page := b.text("main")
	for _, part := range []string{"The database cannot be read", "mysql.sock", "All processes are paused by ana", "the move to the new rack", "Dry run"} {
		if !strings.Contains(page, part) {
			t.Errorf("no %q in\n%s", part, page)
		}
	}
	b.picture("down-light-1280")
	d.tell(func(d *told) {
		d.status.Database.DownSince, d.status.Pause, d.status.DryRun, d.status.ReadOnly = time.Time{}, nil, false, false
		d.status.Processes, d.status.Summary, d.recoveries = []control.Process{}, control.Summary{}, []history.Recovery{}
	})
	b.await("nothing is left", `document.querySelector("#verdict").innerText === "Nothing is in alarm"`)
	b.await("and it says so", `document.querySelector("#none").innerText.startsWith("No process is configured") && document.querySelector("#no-history").innerText === "No recovery is remembered."`)
	b.picture("empty-light-1280")
	b.quiet()
}

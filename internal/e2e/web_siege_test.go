//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"monitor_service/internal/testenv/host"
)

const (
	webAddress = "127.0.0.1:9187"
	webURL     = "http://" + webAddress
	// nobody is the user who besieges the listener.
	nobody = 65534

	// webHash is of webPassword, and cheap to compare with.
	webPassword = "open sesame"
	webHash     = "$2a$04$lShR3EV8fiZADjohy6S.Ie1zdOTZL4FFN2FnJw7GepUrteKHx.Sz6"
)

// webConfig is baseConfig with the listener, and more keys of its section.
func webConfig(keys string) string {
	return strings.Replace(baseConfig, "[monitor]", "[http]\nlisten = "+webAddress+"\n"+keys+"[monitor]", 1)
}

// toListener connects to the listener as a user of the host who is nobody.
func (b *bed) toListener() (net.Conn, error) { return b.Dial(webAddress, nobody) }

func TestMalformedAndOversizedRequestsToTheListenerAreRefused(t *testing.T) {
	b := newBed(t)
	b.start(t, webConfig("")+"[process.p]\n")
	b.awaitCurl(t, webURL+"/healthz", "ok\n 200")
	pid := b.Property(t, daemonUnit, "MainPID")
	get := func(path, headers string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: " + webAddress + "\r\n" + headers + "\r\n"
	}
	const pause = `{"process":"p"}`
	wantRefused(t, b.toListener, []request{
		{"no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", "400"},
		{"no path", "GET\r\n\r\n", "400"},
		{"no host", "GET /api/v1/status HTTP/1.1\r\n\r\n", "400"},
		{"two hosts", get("/healthz", "Host: localhost\r\n"), "400"},
		{"another protocol's version", "GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n", "505"},
		{"the next protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "405"},
		{"a header of 1 MB", get("/healthz", "X: "+strings.Repeat("x", 1<<20)+"\r\n"), "431"},
		{"100,000 headers", get("/healthz", strings.Repeat("X: y\r\n", 100_000)), "431"},
		{"a path of 1 MB", get("/"+strings.Repeat("x", 1<<20), ""), "431"},
		{"a name that is no header's", get("/healthz", "X Y: z\r\n"), "400"},
		{"a body", get("/api/v1/status", "Content-Length: 2\r\n") + "{}", "413"},
		{"a body of 1 GB", get("/api/v1/status", "Content-Length: 1000000000\r\n"), "413"},
		{"a body without an end", get("/", "Transfer-Encoding: chunked\r\n") + strings.Repeat("ffff\r\n"+strings.Repeat(" ", 0xffff)+"\r\n", 50), "413"},
		{"two lengths", get("/", "Content-Length: 0\r\nContent-Length: 3\r\n"), "400"},
		{"two ways to tell the length", get("/", "Content-Length: 3\r\nTransfer-Encoding: chunked, identity\r\n"), "400 501"},
		{"a negative length", get("/", "Content-Length: -1\r\n"), "400"},
		{"another page's name", "GET /api/v1/status HTTP/1.1\r\nHost: evil.example.com\r\n\r\n", "403"},
		{"another page's name as a proxy is asked", "GET http://evil.example.com/api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", "403"},
		{"a path to a file", get("/../../etc/passwd", ""), "307 404"},
		{"a path of the control socket", get("/v1/status", ""), "404"},
		{"a change", fmt.Sprintf("POST /v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(pause), pause), "405"},
		{"a change where there is a page", fmt.Sprintf("PUT /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(pause), pause), "405"},
		{"a tunnel", "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"},
		{"an unknown method", "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"},
	})
	if p := b.status(t, "p"); p.Pause != nil {
		t.Errorf("one of them has paused the process: %+v", p.Pause)
	}
	if got := b.Property(t, daemonUnit, "MainPID"); got != pid {
		t.Errorf("the daemon was process %s and is %s", pid, got)
	}
	b.awaitCurl(t, webURL+"/healthz", "ok\n 200")
}

// TestAListenerUnderSiegeHoldsUpNeitherRecoveriesNorOthersForLong occupies more
// places than the listener has with requests that never end, again and again,
// while alarms are raised, others ask, and the daemon is restarted.
func TestAListenerUnderSiegeHoldsUpNeitherRecoveriesNorOthersForLong(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.install(t, webConfig("")+"[process."+worker+"]\nmax_attempts = 1\n")
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/watchdog.conf", "[Service]\nWatchdogSec=3\n", 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "start", daemonUnit)
	first := b.Property(t, daemonUnit, "MainPID")

	ctx, end := context.WithCancel(t.Context())
	slow := besiege(ctx, 150, b.toListener, slowly)
	silent := besiege(ctx, 150, b.toListener, silently)
	b.raiseAlarm(t, 1, worker)
	b.awaitCleared(t, 1)
	b.wantCommand(t, 0, []string{"status"}, "monitor_service up")
	b.awaitCurl(t, webURL+"/healthz", "ok\n 200")
	if pid := b.Property(t, daemonUnit, "MainPID"); pid != first {
		t.Errorf("the daemon was process %s and is %s", first, pid)
	}
	// While it restarts, who asks is answered or finds nobody there; an
	// answer is a right one.
	asked := make(chan error, 1)
	go func() {
		_, err := b.Run(t, "sh", "-c", "systemctl restart "+daemonUnit+" && systemctl restart "+daemonUnit)
		asked <- err
	}()
	told := map[string]int{}
	for restarting := true; restarting; {
		select {
		case err := <-asked:
			if err != nil {
				t.Error(err)
			}
			restarting = false
		default:
			told[b.curl(t, webURL+"/healthz")]++
		}
	}
	end()
	slow()
	silent()
	for answer, times := range told {
		t.Logf("while it restarts, %d times: %s", times, answer)
		if answer != "ok\n 200" && answer != "000" && !strings.HasSuffix(answer, "stopping\n 503") {
			t.Errorf("the answer is %q", answer)
		}
	}
	b.awaitCurl(t, webURL+"/healthz", "ok\n 200")
	b.wantCommand(t, 0, []string{"status"}, "Status page and metrics at "+webURL)
}

// load asks the listener without an end, each time on a connection of its own.
type load struct {
	asked atomic.Int64
	// wrong is the first answer that was not the one to expect.
	wrong atomic.Pointer[string]
}

func (l *load) run(ctx context.Context, b *bed, password string, want int) {
	client := &http.Client{Timeout: host.Limit, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return b.toListener() },
	}}
	for ctx.Err() == nil {
		if said := ask(client, password); ctx.Err() == nil && said != fmt.Sprint(want) {
			l.wrong.CompareAndSwap(nil, &said)
			return
		}
		l.asked.Add(1)
	}
}

// ask is the status of an answer, or why there is none.
func ask(client *http.Client, password string) string {
	r, err := http.NewRequest(http.MethodGet, webURL+"/api/v1/status", http.NoBody)
	if err != nil {
		return err.Error()
	}
	if password != "" {
		r.SetBasicAuth("ops", password)
	}
	res, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err.Error()
	}
	return fmt.Sprint(res.StatusCode)
}

// TestAReloadOfTheWebConfigUnderLoadTurnsNobodyAwayAndLetsNobodyIn changes the
// web configuration again and again, also to one that cannot be used, while
// users with a password and others without one ask.
func TestAReloadOfTheWebConfigUnderLoadTurnsNobodyAwayAndLetsNobodyIn(t *testing.T) {
	b := newBed(t)
	const dir = "/etc/monitor_service/"
	b.Put(t, dir+"one.yml", "basic_auth_users:\n  ops: "+webHash+"\n", 0o600)
	b.Put(t, dir+"two.yml", "basic_auth_users:\n  ops: "+webHash+"\n  ann: "+webHash+"\n", 0o600)
	b.Put(t, dir+"bad.yml", "basic_auth_users: nobody\n", 0o600)
	config := func(name string) string { return webConfig("web_config = " + dir + name + ".yml\n") }
	b.start(t, config("one"))
	const ann = "-u 'ann:" + webPassword + "' -o /dev/null " + webURL + "/healthz"
	b.awaitCurl(t, ann, "401")

	ctx, end := context.WithCancel(t.Context())
	var all sync.WaitGroup
	loads := map[string]*load{}
	for password, want := range map[string]int{webPassword: 200, "": 401, "open barley": 401} {
		l := &load{}
		loads[password] = l
		all.Go(func() { l.run(ctx, b, password, want) })
	}
	stop := func() { end(); all.Wait() }
	defer stop()
	reload := func(name string) {
		b.configure(t, config(name))
		b.Must(t, "systemctl", "reload", daemonUnit)
	}
	for i := range 3 {
		reload("two")
		b.awaitCurl(t, ann, "200")
		reload("bad")
		b.Eventually(t, "a web_config that cannot be used is refused", host.Limit, func() bool {
			return strings.Count(b.Get(t, logPath), "the old one stays") == i+1
		})
		reload("one")
		b.awaitCurl(t, ann, "401")
	}
	// Each has asked since the last reload.
	for password, l := range loads {
		asked := l.asked.Load()
		b.Eventually(t, fmt.Sprintf("who has the password %q goes on asking", password), host.Limit, func() bool {
			return l.asked.Load() > asked || l.wrong.Load() != nil
		})
	}
	stop()
	for password, l := range loads {
		t.Logf("asked %d times with the password %q", l.asked.Load(), password)
		if wrong := l.wrong.Load(); wrong != nil {
			t.Errorf("with the password %q: %s", password, *wrong)
		}
	}
}

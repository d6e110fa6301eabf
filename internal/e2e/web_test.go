//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
	"monitor_service/internal/testenv/pki"
)

// curl asks the daemon's listener from the host itself, and returns what it
// answers with its status at the end.
func (b *bed) curl(t *testing.T, args string) string {
	t.Helper()
	return strings.TrimSpace(b.Shell(t, `curl -sk -m 20 -w ' %{http_code}' `+args+` || true`))
}

func (b *bed) awaitCurl(t *testing.T, args, want string) {
	t.Helper()
	b.EventuallyIs(t, "the answer to curl "+args, host.Limit, want, func() string { return b.curl(t, args) })
}

func TestThePageAndTheHealthEndpointsOfTheService(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	const url = webURL
	b.start(t, webConfig(""))
	b.awaitCurl(t, url+"/healthz", "ok\n 200")
	b.awaitCurl(t, url+"/readyz", "ok\n 200")
	if got := b.curl(t, url+"/"); !strings.HasSuffix(got, " 200") || !strings.Contains(got, "<title>monitor_service") {
		t.Errorf("the page is %s", got)
	}
	b.raiseAlarm(t, 1, worker)
	b.awaitCleared(t, 1)
	b.Eventually(t, "the page's source shows the recovery", host.Limit, func() bool {
		got := b.curl(t, url+"/api/v1/history")
		return strings.Contains(got, `"process":"`+worker+`"`) && strings.Contains(got, `"outcome":"succeeded"`)
	})
	metrics := b.curl(t, url+"/metrics")
	for _, line := range []string{
		`monitor_service_recoveries_total{outcome="succeeded",process="` + worker + `",strategy="service"} 1`,
		"monitor_service_database_up 1", "monitor_service_bus_up 1", `monitor_service_process_running{process="` + worker + `"} 1`,
	} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("no %q in\n%s", line, metrics)
		}
	}
	if got := b.curl(t, "-X POST "+url+"/api/v1/status"); !strings.HasSuffix(got, " 405") {
		t.Error(got)
	}
	if got := b.curl(t, "-H 'Host: evil.example.com' "+url+"/api/v1/status"); !strings.HasSuffix(got, " 403") {
		t.Error(got)
	}
	b.wantCommand(t, 0, []string{"status"}, "Status page and metrics at http://127.0.0.1:9187/")

	b.Must(t, "systemctl", "stop", "mariadb")
	b.Eventually(t, "it is not ready", host.Limit, func() bool {
		got := b.curl(t, url+"/readyz")
		return strings.HasSuffix(got, " 503") && strings.Contains(got, "cannot be read since")
	})
	b.awaitCurl(t, url+"/healthz", "ok\n 200")
	b.Must(t, "systemctl", "start", "mariadb")
	b.awaitCurl(t, url+"/readyz", "ok\n 200")

	// An address that somebody else has stops no recovery.
	b.Must(t, "systemctl", "stop", daemonUnit)
	b.unit(t, "taker.service", "[Service]\nExecStart=/bin/sleep infinity\n")
	b.unit(t, "taker.socket", "[Socket]\nListenStream=127.0.0.1:9187\n")
	b.Must(t, "systemctl", "start", "taker.socket")
	b.Must(t, "systemctl", "start", daemonUnit)
	b.raiseAlarm(t, 1, worker)
	b.awaitCleared(t, 1)
	b.wantCommand(t, 0, []string{"status"}, "No status page and no metrics since", "address already in use")
	b.Must(t, "systemctl", "stop", "taker.socket")
	b.awaitCurl(t, url+"/healthz", "ok\n 200")
}

// webUsers lets in "ops" with the password "open sesame".
const webUsers = "basic_auth_users:\n  ops: $2a$04$lShR3EV8fiZADjohy6S.Ie1zdOTZL4FFN2FnJw7GepUrteKHx.Sz6\n"

// The files are read by the daemon within its sandbox, and again at each
// connection: a new certificate needs no reload.
func TestThePageOfTheServiceWithUsersAndTLS(t *testing.T) {
	b := newBed(t)
	const url, dir = "https://127.0.0.1:9187", "/etc/monitor_service"
	certificate := func() {
		pair := pki.New(t)
		b.Put(t, dir+"/web.crt", string(pair.Certificate), 0o644)
		b.Put(t, dir+"/web.key", string(pair.Key), 0o600)
	}
	certificate()
	b.Put(t, dir+"/web.yml", webUsers+"tls_server_config:\n  cert_file: web.crt\n  key_file: web.key\n", 0o600)
	b.start(t, baseConfig+"[http]\nlisten = 0.0.0.0:9187\nweb_config = "+dir+"/web.yml\n")
	// Unlike curl -k, it looks at the certificate.
	trusting := "--no-insecure --cacert " + dir + "/web.crt "
	const login = "-u 'ops:open sesame' "
	b.awaitCurl(t, trusting+login+url+"/healthz", "ok\n 200")
	for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/history"} {
		if got := b.curl(t, trusting+login+url+path); !strings.HasSuffix(got, " 200") {
			t.Errorf("%s: %s", path, got)
		}
		for _, stranger := range []string{"", "-u 'ops:wrong' "} {
			if got := b.curl(t, trusting+stranger+url+path); !strings.HasSuffix(got, " 401") {
				t.Errorf("%s as a stranger %s: %s", path, stranger, got)
			}
		}
	}
	if got := b.curl(t, login+"http://127.0.0.1:9187/"); !strings.HasSuffix(got, " 400") {
		t.Errorf("in the clear: %s", got)
	}
	b.wantCommand(t, 0, []string{"status"}, "Status page and metrics at https://localhost:9187/")

	certificate()
	b.awaitCurl(t, trusting+login+url+"/healthz", "ok\n 200")

	// What cannot be read lets nobody in, and a reload refuses it.
	b.Put(t, dir+"/web.yml", "basic_auth_users: [", 0o600)
	if got := b.curl(t, trusting+login+url+"/"); strings.HasSuffix(got, " 200") {
		t.Errorf("with users that cannot be read: %s", got)
	}
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.Eventually(t, "the reload is refused", host.Limit, func() bool { return strings.Contains(b.Get(t, logPath), "Configuration not reloaded") })
	b.wantCommand(t, 78, []string{"check-config"}, dir+"/web.yml")
}

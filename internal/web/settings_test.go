package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/config"
)

// users has a user "ops" whose password is "open sesame".
const users = "basic_auth_users:\n  ops: $2a$04$lShR3EV8fiZADjohy6S.Ie1zdOTZL4FFN2FnJw7GepUrteKHx.Sz6\n"

// written puts a web configuration into a directory that has a certificate.
func written(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	certificate(t, dir)
	path := filepath.Join(dir, "web.yml")
	write(t, path, text)
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificate writes a certificate for 127.0.0.1 and its key.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
}

const withTLS = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"

func configured(listen, path string) *config.Config {
	return &config.Config{HTTP: config.HTTP{Listen: listen, WebConfig: path}}
}

func checkAt(listen, path string) (Settings, error) {
	s, _, err := Check(configured(listen, path))
	return s, err
}

func TestAWebConfigurationIsRead(t *testing.T) {
	for _, c := range []*config.Config{configured("", "/nowhere"), configured(":9187", "")} {
		if s, warnings, err := Check(c); err != nil || s != (Settings{}) || len(warnings) > 0 {
			t.Errorf("none: %+v, %v, %v", s, warnings, err)
		}
	}
	for text, want := range map[string]struct {
		settings Settings
		warnings []string
	}{
		"":              {Settings{}, []string{"everybody who reaches the listener"}},
		users:           {Settings{Users: true}, []string{"in the clear"}},
		withTLS:         {Settings{TLS: true}, []string{"everybody who reaches the listener"}},
		withTLS + users: {Settings{TLS: true, Users: true}, nil},
		withTLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: cert.pem\n": {Settings{TLS: true, Certificates: true}, nil},
		withTLS + "  client_auth_type: RequestClientCert\n":                                      {Settings{TLS: true}, []string{"everybody"}},
	} {
		path := written(t, text)
		got, warnings, err := Check(configured(":9187", path))
		want.settings.path = path
		if err != nil || got != want.settings {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if !slices.EqualFunc(warnings, want.warnings, func(w config.Warning, part string) bool {
			return w.Section == "http" && w.Key == "web_config" && strings.Contains(w.Text, strconv.Quote(path)) && strings.Contains(w.String(), part)
		}) {
			t.Errorf("%q: warnings %v", text, warnings)
		}
		if _, warnings, _ := Check(configured("127.0.0.1:9187", path)); len(warnings) > 0 {
			t.Errorf("%q, for this host alone: %v", text, warnings)
		}
	}
}

func TestAWrongWebConfigurationIsRefusedByName(t *testing.T) {
	for text, says := range map[string]string{
		"basic_auth_user:\n  ops: x\n":                                        "field basic_auth_user not found",
		"basic_auth_users:\n  ops: x\n":                                       "hashedSecret too short",
		"tls_server_config:\n  cert_file: cert.pem\n":                         "missing one of key or key_file",
		"tls_server_config:\n  cert_file: none.pem\n  key_file: key.pem\n":    "none.pem",
		"tls_server_config:\n  cert_file: key.pem\n  key_file: cert.pem\n":    "X509KeyPair",
		withTLS + "  min_version: SSL3\n":                                     "unknown TLS version",
		withTLS + "  client_auth_type: Perhaps\n":                             "Perhaps",
		"http_server_config:\n  headers:\n    Access-Control-Allow-Origin: x": "can not be configured",
		"tls_server_config: [\n":                                              "yaml",
		strings.Repeat("# too long\n", maxSettings/10):                        "it has more than 1024 KB",
	} {
		path := written(t, text)
		if _, err := checkAt(":9187", path); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.60q: %v, want %q", text, err, says)
		}
	}
	for path, says := range map[string]string{"/nowhere/web.yml": "no such file or directory", "/dev/zero": "not a regular file"} {
		if _, err := checkAt(":9187", path); err == nil || !strings.Contains(err.Error(), says) || strings.Count(err.Error(), path) != 1 {
			t.Error(err)
		}
	}
}

func TestUsersAndTLSAreAskedFor(t *testing.T) {
	d := &shown{}
	path := written(t, withTLS+users)
	s := place(t, d, path, noReport(t))
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
	ask := func(user, password, path string) int {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, "https://"+s.address()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.ProtoMajor != 1 {
			t.Errorf("%s, in which one connection asks many things at once", answer.Proto)
		}
		return answer.StatusCode
	}
	for _, path := range everyPath() {
		for _, c := range [][2]string{{"", ""}, {"ops", "wrong"}, {"root", "open sesame"}, {"ops", ""}} {
			if code := ask(c[0], c[1], path); code != http.StatusUnauthorized {
				t.Errorf("%q gets %d at %s", c, code, path)
			}
		}
	}
	if n := d.asked.Load(); n != 0 {
		t.Errorf("the daemon was asked %d times", n)
	}
	if code := ask("ops", "open sesame", "/api/v1/status"); code != http.StatusOK {
		t.Errorf("a user gets %d", code)
	}
	if code, body := fetch(t, "http://"+s.address()+"/api/v1/status"); code != http.StatusBadRequest {
		t.Errorf("without TLS: %d %s", code, body)
	}
	// A renewed certificate is in use without a word to anybody.
	serial := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", s.address(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	certificate(t, filepath.Dir(path))
	if serial() == before {
		t.Error("the old certificate is still in use")
	}
}

func TestAWebConfigurationThatIsLostLetsNobodyIn(t *testing.T) {
	path := written(t, users)
	reports := make(chan error, 10)
	s := place(t, &shown{}, path, func(err error) { reports <- err })
	url := "http://ops:open%20sesame@" + s.address() + "/api/v1/status"
	if code, _ := fetch(t, url); code != http.StatusOK {
		t.Fatalf("at first: %d", code)
	}
	for range 2 {
		write(t, path, "basic_auth_users: [")
		for range 3 {
			if code, _ := fetch(t, url); code != http.StatusInternalServerError {
				t.Errorf("with a broken file: %d", code)
			}
		}
		if len(reports) != 1 {
			t.Fatalf("%d reports", len(reports))
		}
		if err := <-reports; !strings.Contains(err.Error(), "nobody is let in: web_config") || !strings.Contains(err.Error(), "yaml") {
			t.Error(err)
		}
		write(t, path, users)
		if code, _ := fetch(t, url); code != http.StatusOK {
			t.Errorf("with the file mended: %d", code)
		}
	}
}

func TestWarnsWhereOthersCanLetThemselvesIn(t *testing.T) {
	path := written(t, users)
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o644: false, 0o622: true, 0o602: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for _, listen := range []string{"127.0.0.1:9187", ":9187"} {
			_, warnings, err := Check(configured(listen, path))
			if err != nil {
				t.Fatal(err)
			}
			warned := slices.ContainsFunc(warnings, func(w config.Warning) bool { return strings.Contains(w.Text, "chmod go-w") })
			if warned != want {
				t.Errorf("%o at %s: %v", mode, listen, warnings)
			}
		}
	}
}

//go:build integration

package alarmdb

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/testenv/mariadb"
)

// authority is a CA that lives for one test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	ca := &authority{t: t, dir: t.TempDir()}
	ca.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca.key = ca.issue("ca", ca.cert)
	return ca
}

// file is the path of a certificate ("ca.pem") or of its key ("ca.key").
func (ca *authority) file(name string) string { return filepath.Join(ca.dir, name) }

func (ca *authority) issue(name string, template *x509.Certificate) *ecdsa.PrivateKey {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatal(err)
	}
	parent := ca.key
	if parent == nil {
		parent = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &key.PublicKey, parent)
	if err != nil {
		ca.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		ca.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der},
		name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(ca.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			ca.t.Fatal(err)
		}
	}
	return key
}

func leaf(name string, usage x509.ExtKeyUsage) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
}

func TestTLS(t *testing.T) {
	ca, stranger := newAuthority(t, "our CA"), newAuthority(t, "another CA")
	ca.issue("server", leaf("db.example.com", x509.ExtKeyUsageServerAuth))
	ca.issue("client", leaf("monitor", x509.ExtKeyUsageClientAuth))
	secure := mariadb.Start(t, mariadb.Args(
		"--ssl-ca="+ca.file("ca.pem"), "--ssl-cert="+ca.file("server.pem"), "--ssl-key="+ca.file("server.key"),
	))
	plain := mariadb.Start(t)
	// This one and the expired one refuse a client without TLS; at the first one
	// falling back to none would be a success.
	strict := mariadb.Start(t, mariadb.Args(
		"--require-secure-transport=ON",
		"--ssl-ca="+ca.file("ca.pem"), "--ssl-cert="+ca.file("server.pem"), "--ssl-key="+ca.file("server.key"),
	))
	old := leaf("db.example.com", x509.ExtKeyUsageServerAuth)
	old.NotBefore, old.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	ca.issue("expired", old)
	expired := mariadb.Start(t, mariadb.Args(
		"--require-secure-transport=ON",
		"--ssl-ca="+ca.file("ca.pem"), "--ssl-cert="+ca.file("expired.pem"), "--ssl-key="+ca.file("expired.key"),
	))
	secure.Account("certified", "pw", "ALL ON *.*")
	secure.Exec("ALTER USER certified@'%' REQUIRE X509")

	for name, c := range map[string]struct {
		srv       *mariadb.Server
		change    func(*config.Database)
		encrypted bool
		says      string // where it must fail
	}{
		"off":       {secure, func(*config.Database) {}, false, ""},
		"preferred": {secure, func(c *config.Database) { c.TLS = config.TLSPreferred }, true, ""},
		"preferred, our CA": {secure, func(c *config.Database) {
			c.TLS, c.TLSCA = config.TLSPreferred, ca.file("ca.pem")
		}, true, ""},
		"preferred, another CA": {secure, func(c *config.Database) {
			c.TLS, c.TLSCA = config.TLSPreferred, stranger.file("ca.pem")
		}, false, "tls_ca must be the CA"},
		"preferred, not offered": {plain, func(c *config.Database) { c.TLS = config.TLSPreferred }, false, ""},
		"on, not offered":        {plain, func(c *config.Database) { c.TLS = config.TLSOn }, false, "switch TLS on"},
		"on, our CA": {strict, func(c *config.Database) {
			c.TLS, c.TLSCA = config.TLSOn, ca.file("ca.pem")
		}, true, ""},
		"on, another CA": {strict, func(c *config.Database) {
			c.TLS, c.TLSCA = config.TLSOn, stranger.file("ca.pem")
		}, false, "tls_ca must be the CA"},
		"on, the system's CAs": {strict, func(c *config.Database) { c.TLS = config.TLSOn }, false, "tls_ca must be the CA"},
		"on, another name": {strict, func(c *config.Database) {
			c.TLS, c.TLSCA, c.Host = config.TLSOn, ca.file("ca.pem"), "localhost"
		}, false, "names in the server's certificate"},
		"on, an expired certificate": {expired, func(c *config.Database) {
			c.TLS, c.TLSCA = config.TLSOn, ca.file("ca.pem")
		}, false, "has to be renewed"},
		"preferred, an expired certificate": {expired, func(c *config.Database) {
			c.TLS, c.TLSCA = config.TLSPreferred, ca.file("ca.pem")
		}, false, "has to be renewed"},
		"preferred, required": {strict, func(c *config.Database) { c.TLS = config.TLSPreferred }, true, ""},
		"off, required":       {strict, func(*config.Database) {}, false, "set tls to on if the server"},
		"client certificate": {secure, func(c *config.Database) {
			c.User, c.Password = "certified", config.NewSecret("pw")
			c.TLS, c.TLSCA, c.TLSCert, c.TLSKey = config.TLSOn, ca.file("ca.pem"), ca.file("client.pem"), ca.file("client.key")
		}, true, ""},
		"no client certificate": {secure, func(c *config.Database) {
			c.User, c.Password = "certified", config.NewSecret("pw")
			c.TLS, c.TLSCA = config.TLSOn, ca.file("ca.pem")
		}, false, "Access denied"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := c.srv.Config()
			cfg.Host = "127.0.0.1"
			c.change(&cfg)
			db := site{t: t, cfg: cfg}.open()
			var variable, cipher string
			err := db.sql.QueryRowContext(t.Context(), "SHOW STATUS LIKE 'Ssl_cipher'").Scan(&variable, &cipher)
			if c.says != "" {
				_, err := db.Poll(t.Context())
				if err == nil || !strings.Contains(err.Error(), c.says) || Classify(err) == Transient || Classify(err) == Unknown {
					t.Errorf("%s error %v, want one that says %q", Classify(err), err, c.says)
				}
				return
			}
			if err != nil || (cipher != "") != c.encrypted {
				t.Errorf("cipher %q (%v), want encryption: %t", cipher, err, c.encrypted)
			}
		})
	}
}

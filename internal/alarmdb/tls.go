package alarmdb

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/go-sql-driver/mysql"

	"monitor_service/internal/config"
)

// setTLS makes the driver encrypt as the settings want it. The server must
// prove to be the configured host, except where TLS is preferred and no CA is
// given: whoever is content with no encryption at all has nothing to prove
// against.
func setTLS(c *mysql.Config, cfg config.Database) error {
	switch cfg.TLS {
	case config.TLSOff:
		return nil
	case config.TLSPreferred:
		c.AllowFallbackToPlaintext = true
	case config.TLSOn:
	case config.TLSUnknown:
		return fmt.Errorf("no tls mode")
	default:
		return fmt.Errorf("unknown tls mode %d", cfg.TLS)
	}
	c.TLS = &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: cfg.Host,
		//nolint:gosec // What "preferred" means, and said in the documentation.
		InsecureSkipVerify: cfg.TLS == config.TLSPreferred && cfg.TLSCA == "",
	}
	if cfg.TLSCA != "" {
		pem, err := os.ReadFile(cfg.TLSCA)
		if err != nil {
			return fmt.Errorf("tls_ca: %w", err)
		}
		c.TLS.RootCAs = x509.NewCertPool()
		if !c.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("tls_ca: %q has no certificate in PEM format", cfg.TLSCA)
		}
	}
	if cfg.TLSCert == "" && cfg.TLSKey == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
	if err != nil {
		return fmt.Errorf("tls_cert %q and tls_key %q: %w", cfg.TLSCert, cfg.TLSKey, err)
	}
	c.TLS.Certificates = []tls.Certificate{pair}
	return nil
}

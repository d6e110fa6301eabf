package alarmdb

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
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
	var caErr, pairErr error
	if c.TLS.RootCAs, caErr = trusted(cfg); caErr != nil {
		caErr = fmt.Errorf("tls_ca: %w", caErr)
	}
	if c.TLS.Certificates, pairErr = certificates(cfg); pairErr != nil {
		pairErr = fmt.Errorf("tls_cert %q and tls_key %q: %w", cfg.TLSCert, cfg.TLSKey, pairErr)
	}
	return errors.Join(caErr, pairErr)
}

// Check looks into the files that section [database] names. What is wrong with
// them makes Open fail.
func Check(cfg config.Database) []config.Fault {
	if cfg.Driver != config.DriverMySQL || cfg.TLS != config.TLSOn && cfg.TLS != config.TLSPreferred {
		return nil
	}
	var faults []config.Fault
	if _, err := trusted(cfg); err != nil {
		faults = append(faults, config.Fault{Section: "database", Key: "tls_ca", Err: err})
	}
	if _, err := certificates(cfg); cfg.TLSCert != "" && cfg.TLSKey != "" && err != nil {
		faults = append(faults, config.Fault{Section: "database", Key: "tls_cert", Err: fmt.Errorf("with tls_key %q: %w", cfg.TLSKey, err)})
	}
	return faults
}

// trusted reads the CA's certificates; nil are the system's.
func trusted(cfg config.Database) (*x509.CertPool, error) {
	if cfg.TLSCA == "" {
		return nil, nil //nolint:nilnil // see above
	}
	pem, err := os.ReadFile(cfg.TLSCA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%q has no certificate in PEM format", cfg.TLSCA)
	}
	return pool, nil
}

// certificates reads what this daemon shows to the server, where that is
// anything.
func certificates(cfg config.Database) ([]tls.Certificate, error) {
	if cfg.TLSCert == "" && cfg.TLSKey == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
	if err != nil {
		return nil, err
	}
	return []tls.Certificate{pair}, nil
}

package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	"monitor_service/internal/config"
)

// maxCA bounds a file of certificates, in bytes: the system's own bundle has a
// quarter of it.
const maxCA = 1 << 20

// trust is how servers are verified: by the CA of the file or, where there is
// none, by the system's.
func trust(caFile string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return cfg, nil
	}
	f, err := os.Open(caFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the CA's certificates: %w", err)
	}
	defer func() { _ = f.Close() }()
	pem, err := io.ReadAll(io.LimitReader(f, maxCA+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the CA's certificates: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if len(pem) > maxCA {
		return nil, fmt.Errorf("%q is larger than %d bytes", caFile, maxCA)
	}
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate in " + fmt.Sprintf("%q", caFile))
	}
	return cfg, nil
}

// Check looks into the files that section [notify] names. What is wrong with
// them makes Prepare fail.
func Check(cfg config.Notify) []config.Fault {
	var faults []config.Fault
	look := func(used bool, key, file string) {
		if !used {
			return
		}
		if _, err := trust(file); err != nil {
			faults = append(faults, config.Fault{Section: "notify", Key: key, Err: err})
		}
	}
	look(len(cfg.Email.To) > 0, "smtp_ca", cfg.Email.CA)
	look(cfg.Webhook.URL.IsSet(), "webhook_ca", cfg.Webhook.CA)
	return faults
}

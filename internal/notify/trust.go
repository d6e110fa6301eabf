package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
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

package web

import (
	"errors"
	"fmt"
	"os"
	"strings"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
)

// maxSettings bounds a web configuration, in bytes.
const maxSettings = 1 << 20

// Settings are what a web configuration switches on.
type Settings struct {
	// TLS says that the listener speaks HTTPS.
	TLS bool
	// Users says that a name and a password are asked for, Certificates
	// that a client has to have a certificate which the CA vouches for.
	Users, Certificates bool
}

// Check reads a web configuration, its certificates included. An empty path is
// no web configuration. The error names the file.
func Check(path string) (Settings, error) {
	if path == "" {
		return Settings{}, nil
	}
	s, err := check(path)
	if err != nil {
		return Settings{}, fmt.Errorf("cannot use the web_config %q: %w", path, err)
	}
	return s, nil
}

func check(path string) (Settings, error) {
	switch info, err := os.Stat(path); {
	case err != nil:
		return Settings{}, errors.Unwrap(err) // without the path
	case !info.Mode().IsRegular():
		return Settings{}, errors.New("it is not a regular file")
	case info.Size() > maxSettings:
		return Settings{}, fmt.Errorf("it has more than %d KB", maxSettings>>10)
	}
	if err := toolkit.Validate(path); err != nil {
		return Settings{}, err
	}
	// The toolkit does not say what it has read.
	content, err := os.ReadFile(path)
	if err != nil {
		return Settings{}, err
	}
	var c toolkit.Config
	if err := yaml.UnmarshalStrict(content, &c); err != nil {
		return Settings{}, err
	}
	return Settings{
		TLS: c.TLSConfig.IsEnabled(), Users: len(c.Users) > 0,
		Certificates: c.TLSConfig.ClientAuth == "RequireAndVerifyClientCert",
	}, nil
}

// Warnings say what is wrong with these settings for a listener that others
// than this host reach.
func (s Settings) Warnings() []string {
	var list []string
	if !s.Users && !s.Certificates {
		list = append(list, "web_config has no users (basic_auth_users) and asks for no client certificates: everybody who reaches the listener can read the status and the metrics")
	}
	if s.Users && !s.TLS {
		list = append(list, "web_config has users and no TLS (tls_server_config): their passwords cross the network in the clear")
	}
	return list
}

// String says it in a few words.
func (s Settings) String() string {
	var list []string
	for _, part := range []struct {
		on   bool
		text string
	}{{s.TLS, "TLS"}, {s.Users, "users"}, {s.Certificates, "client certificates"}} {
		if part.on {
			list = append(list, part.text)
		}
	}
	if len(list) == 0 {
		return "no TLS, no users"
	}
	return strings.Join(list, ", ")
}

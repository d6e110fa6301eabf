package web

import (
	"errors"
	"fmt"
	"os"
	"strings"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"

	"monitor_service/internal/config"
	"monitor_service/internal/ownpath"
)

// maxSettings bounds a web configuration, in bytes.
const maxSettings = 1 << 20

// Settings are what a web configuration switches on.
type Settings struct {
	// path is empty where there is no web configuration.
	path string
	// others says that others than root can write the file, by its mode.
	others bool
	// TLS says that the listener speaks HTTPS.
	TLS bool
	// Users says that a name and a password are asked for, Certificates
	// that a client has to have a certificate which the CA vouches for.
	Users, Certificates bool
}

// Check reads the web configuration of a section [http], the certificates
// included, and says what is unwise about it. The error names the file.
func Check(c *config.Config) (Settings, []config.Warning, error) {
	path := c.HTTP.WebConfig
	if c.HTTP.Listen == "" || path == "" {
		return Settings{}, nil, nil
	}
	s, err := check(path)
	if err != nil {
		return Settings{}, nil, fmt.Errorf("cannot use the web_config %q of section [http]: %w", path, err)
	}
	var warnings []config.Warning
	from := c.Origin("http", "web_config")
	for _, text := range s.unwise(c.HTTP.Loopback()) {
		warnings = append(warnings, config.Warning{File: from.File, Line: from.Line, Section: "http", Key: "web_config", Text: text})
	}
	return s, warnings, nil
}

func check(path string) (Settings, error) {
	info, err := os.Stat(path)
	switch {
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
		path: path, others: ownpath.WritableByOthers(info), TLS: c.TLSConfig.IsEnabled(), Users: len(c.Users) > 0,
		Certificates: c.TLSConfig.ClientAuth == "RequireAndVerifyClientCert",
	}, nil
}

// unwise lists what is wrong with these settings, for a listener that others
// than this host reach unless it is on the loopback.
func (s Settings) unwise(loopback bool) []string {
	var list []string
	if s.others {
		list = append(list, fmt.Sprintf("others can write %q, and so let themselves in: run chmod go-w %q", s.path, s.path))
	}
	if loopback {
		return list
	}
	if !s.Users && !s.Certificates {
		list = append(list, fmt.Sprintf("%q has no users (basic_auth_users) and asks for no client certificates: everybody who reaches the listener can read the status and the metrics", s.path))
	}
	if s.Users && !s.TLS {
		list = append(list, fmt.Sprintf("%q has users and no TLS (tls_server_config): their passwords cross the network in the clear", s.path))
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

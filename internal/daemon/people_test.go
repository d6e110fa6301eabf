package daemon

import (
	"errors"
	"strings"
	"testing"
)

// systemd starts the daemon for ever that ends with another status than that of
// a wrong configuration.
func TestAWrongCertificateOfNotificationsIsAWrongConfiguration(t *testing.T) {
	for key, channel := range map[string]string{
		"smtp_ca":    "email_to = ops@example.com\nsmtp_host = mx\n",
		"webhook_ca": "webhook_url = https://hooks.example.com/\n",
	} {
		s := newSite(t)
		s.configure("", "[notify]\n"+channel+key+" = "+s.path("nothing")+"\n")
		_, err := New(Options{ConfigPath: s.path("config.ini"), Environ: s.environ()})
		if !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), s.path("nothing")) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

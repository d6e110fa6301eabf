package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// HTTP is the section [http]: the listener for browsers and Prometheus, which
// is off by default.
type HTTP struct {
	// Listen is an IP address with a port, ":PORT" for every address of the
	// host, or empty for no listener. It is never a name, so that nobody
	// has to be asked for its address.
	Listen string
	// WebConfig is the path of a file with users and TLS, in the form of
	// Prometheus' exporters; empty for neither.
	WebConfig string
}

// Loopback says whether nobody outside this host reaches the listener.
func (h HTTP) Loopback() bool {
	a, err := netip.ParseAddrPort(h.Listen)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// Port is the listener's port, 0 where there is no listener.
func (h HTTP) Port() int {
	_, text, _ := cutPort(h.Listen)
	port, _ := strconv.Atoi(text) // a rule has read it
	return port
}

func httpKeys() []Key {
	const s = sectionHTTP
	return []Key{
		newKey(s, "listen", "", listenAddress(), func(d *draft) *string { return &d.HTTP.Listen },
			"the TCP address of the status page, the metrics and the health endpoints; without it there is none").shows(none).ofAddress(),
		newKey(s, "web_config", "", absolute(maxPath), func(d *draft) *string { return &d.HTTP.WebConfig },
			"a file with the listener's users and TLS certificate, as Prometheus' exporters read it (their --web.config.file)"),
	}
}

// listenAddress reads the address of a TCP listener. The name localhost becomes
// an address here; another name may lead anywhere, and is refused.
func listenAddress() rule[string] {
	return orNone(rule[string]{read: func(text string) (string, error) {
		host, port, err := cutPort(text)
		if err != nil {
			return "", err
		}
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 || !wholeNumber.MatchString(port) {
			return "", fmt.Errorf("has %s for a port, which is not 1 to 65535", shown(withoutUserinfo(port)))
		}
		switch {
		case host == "":
			return ":" + strconv.Itoa(n), nil
		case strings.EqualFold(host, "localhost"):
			host = "127.0.0.1"
		}
		address, err := netip.ParseAddr(host)
		if err != nil {
			return "", fmt.Errorf("has %s for an address, which is not an IP address", shown(withoutUserinfo(host)))
		}
		return netip.AddrPortFrom(address, uint16(n)).String(), nil
	}}, "an IP address and a port such as 127.0.0.1:9187 or [::1]:9187, :9187 for all addresses of this host, or none")
}

// cutPort takes an address and its port apart, and says what is wrong with one
// that is nearly right.
func cutPort(text string) (host, port string, err error) {
	if u, err := url.Parse(text); err == nil && u.Scheme != "" && u.Host != "" {
		return "", "", errors.New("is a URL: leave only the address and the port")
	}
	end := strings.LastIndexByte(text, ':')
	switch {
	case wholeNumber.MatchString(text):
		return "", "", errors.New("is a port without an address: write 127.0.0.1:" + text + ", or :" + text + " for all addresses")
	case strings.HasPrefix(text, "["):
		inside, rest, ok := strings.Cut(text[1:], "]")
		if !ok || !strings.HasPrefix(rest, ":") || !strings.Contains(inside, ":") {
			return "", "", errors.New("is not an IPv6 address in brackets with a port behind it")
		}
		return inside, rest[1:], nil
	case strings.Count(text, ":") > 1:
		return "", "", errors.New("is not clear: write an IPv6 address in brackets, such as [::1]:9187")
	case end < 0:
		return "", "", errors.New("has no port")
	}
	return text[:end], text[end+1:], nil
}

// checkHTTP warns of a listener that is open to others, and of users for none.
func (b *build) checkHTTP() {
	const s = sectionHTTP
	switch h := b.HTTP; {
	case b.refused[originKey(s, "listen")]:
	case h.Listen == "":
		if b.given(s, "web_config") {
			b.warnAt(s, "web_config", "has no effect: listen is not set")
		}
	case !h.Loopback() && h.WebConfig == "" && !b.refused[originKey(s, "web_config")]:
		b.warnAt(s, "listen", "everybody who reaches this address can read the status and the metrics: set web_config with users and TLS, "+
			"or listen at 127.0.0.1:"+strconv.Itoa(h.Port()))
	}
}

package app_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
)

// tlsEnviron turns TLS on, with a certificate that is written into a folder.
func tlsEnviron(t *testing.T, a *certs.Authority, folder string) []string {
	t.Helper()
	cert, key := a.Server(t).Write(t, folder)
	return []string{
		"WSPROXY_SSL_ENABLED=true", "WSPROXY_SSL_BIND_INTERFACE=127.0.0.1", "WSPROXY_SSL_PORT=0",
		"WSPROXY_SSL_CERT_FILE=" + cert, "WSPROXY_SSL_KEY_FILE=" + key,
	}
}

// trusting returns an HTTP client that trusts a CA.
func trusting(a *certs.Authority) *http.Client {
	return &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: a.Pool(), MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		Timeout:   patience,
	}
}

// status returns the status of a GET request, 0 where there is no answer.
func status(t *testing.T, client *http.Client, url string) (status, major int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode, answer.ProtoMajor
}

func TestListeners(t *testing.T) {
	authority := certs.NewAuthority(t)
	for _, test := range []struct {
		name                      string
		settings                  []string
		plain, secure, management bool // management: whether it has TLS
	}{
		{"plain alone", []string{"WSPROXY_SSL_ENABLED=false", "WSPROXY_SSL_CERT_FILE=", "WSPROXY_SSL_KEY_FILE="}, true, false, false},
		{"both", nil, true, true, true},
		{"both, management plain", []string{"WSPROXY_ADMIN_SSL_ENABLED=false"}, true, true, false},
		{"TLS alone", []string{"WSPROXY_SSL_ONLY=true"}, false, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			settings := append(tlsEnviron(t, authority, t.TempDir()), test.settings...)
			a := start(t, app.Options{Config: configure(t, "127.0.0.1:1", settings...)})
			client := trusting(authority)
			check := func(what, url string, want bool) {
				t.Helper()
				got, major := status(t, client, url)
				if want != (got == http.StatusOK) || want && major != 1 {
					t.Errorf("%s: %s answers %d in HTTP/%d", what, url, got, major)
				}
			}
			if (a.TLSAddr() != "") != test.secure || (a.Addr() == a.TLSAddr()) == test.plain {
				t.Errorf("the addresses are %s and %s", a.Addr(), a.TLSAddr())
			}
			check("plain", "http://"+a.Addr()+"/healthcheck", test.plain)
			check("TLS", "https://"+a.TLSAddr()+"/healthcheck", test.secure)
			check("management", "http://"+a.AdminAddr()+"/livez", !test.management)
			check("management with TLS", "https://"+a.AdminAddr()+"/livez", test.management)
			main, management := a.Schemes()
			check("main", main+"://"+a.Addr()+"/healthcheck", true)
			check("management by its scheme", management+"://"+a.AdminAddr()+"/livez", true)
		})
	}
}

// TestCertificatesAreReplacedUnderOpenSockets checks that an open socket keeps working while new ones
// get the new certificate, and that the metrics show it.
func TestCertificatesAreReplacedUnderOpenSockets(t *testing.T) {
	authority, folder, registry := certs.NewAuthority(t), t.TempDir(), prometheus.NewRegistry()
	settings := tlsEnviron(t, authority, folder)
	a := start(t, app.Options{Config: configure(t, newBroker(t).ListenAddrs()[0], settings...), Registry: registry})
	if err := a.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, _, err := websocket.Dial(t.Context(), "wss://"+a.TLSAddr()+"/socket/in?clientId=c&topic=t", //nolint:bodyclose // the library closes it
		&websocket.DialOptions{HTTPClient: trusting(authority)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	ask := func() {
		t.Helper()
		if err := c.Write(t.Context(), websocket.MessageText, []byte(`{"value":{"value":"x"}}`)); err != nil {
			t.Fatal(err)
		}
		if _, answer, err := c.Read(t.Context()); err != nil || !bytes.Contains(answer, []byte(`"offset"`)) {
			t.Fatalf("got %s, %v", answer, err)
		}
	}
	ask()
	before, beforeAdmin := shownSerial(t, authority, a.TLSAddr()), shownSerial(t, authority, a.AdminAddr())
	authority.Server(t).Write(t, folder)
	began := time.Now()
	for shownSerial(t, authority, a.TLSAddr()) == before || shownSerial(t, authority, a.AdminAddr()) == beforeAdmin {
		if time.Since(began) > patience {
			t.Fatal("the old certificate is still shown")
		}
		ask()
	}
	ask()
	for _, listener := range []string{"main", "management"} {
		if left := gauge(t, registry, "wsproxy_certificate_expiry_seconds", listener); left < 1 || left > 3600 {
			t.Errorf("the certificate of %s is valid for %v s", listener, left)
		}
	}
}

// shownSerial returns the serial number of the certificate that a listener presents.
func shownSerial(t *testing.T, a *certs.Authority, address string) string {
	t.Helper()
	raw, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	c := tls.Client(raw, &tls.Config{RootCAs: a.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12})
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func gauge(t *testing.T, registry *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, series := range family.GetMetric() {
			if family.GetName() == name && series.GetLabel()[0].GetValue() == label {
				return series.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func TestFaultyCertificates(t *testing.T) {
	authority, folder := certs.NewAuthority(t), t.TempDir()
	settings := tlsEnviron(t, authority, folder)
	for setting, value := range map[string]string{
		"WSPROXY_SSL_CERT_FILE":      certs.Write(t, folder, "x", []byte("x")),
		"WSPROXY_SSL_CLIENT_CA_FILE": folder,
	} {
		listened := false
		_, err := app.Start(app.Options{
			Config: configure(t, "127.0.0.1:1", append(settings, setting+"="+value)...),
			Listen: func(string, string) (net.Listener, error) {
				listened = true
				return nil, net.ErrClosed
			},
		})
		var faults *app.ConfigError
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), setting) || listened {
			t.Errorf("%s: got %v, listened: %t", setting, err, listened)
		}
	}
}

// TestUnauthenticatedClientsHaveLittleTime opens connections that send nothing: without TLS, within its
// handshake, and after it.
func TestUnauthenticatedClientsHaveLittleTime(t *testing.T) {
	authority := certs.NewAuthority(t)
	settings := append(tlsEnviron(t, authority, t.TempDir()), "WSPROXY_HANDSHAKE_TIMEOUT=300ms")
	a := start(t, app.Options{Config: configure(t, "127.0.0.1:1", settings...)})
	secure := tls.Dialer{Config: &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12}}
	for name, dial := range map[string]func() (net.Conn, error){
		"plain":              func() (net.Conn, error) { return net.Dial("tcp", a.Addr()) },
		"within TLS":         func() (net.Conn, error) { return net.Dial("tcp", a.TLSAddr()) },
		"after TLS":          func() (net.Conn, error) { return secure.DialContext(t.Context(), "tcp", a.TLSAddr()) },
		"on the management":  func() (net.Conn, error) { return net.Dial("tcp", a.AdminAddr()) },
		"within the headers": func() (net.Conn, error) { return begun(t, a.Addr(), "GET / HTTP/1.1\r\nX: ") },
		"garbage for TLS":    func() (net.Conn, error) { return begun(t, a.TLSAddr(), "\x16\x03\x01\xff\xff\x01") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetReadDeadline(time.Now().Add(patience))
			for err == nil {
				_, err = c.Read(make([]byte, 1<<10))
			}
			if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
				t.Error("it is open still")
			}
		})
	}
}

func begun(t *testing.T, address, text string) (net.Conn, error) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err == nil {
		_, err = fmt.Fprint(c, text)
	}
	return c, err
}

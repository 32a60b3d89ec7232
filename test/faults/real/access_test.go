//go:build unix

package real

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/provider"
)

const (
	// tokenLife is for how long credentials are valid at most: all connections end with theirs, again and again.
	tokenLife = 40 * time.Second
	// subject is the name that most clients have, and guest that of the others.
	subject, guest = "steady", "guest"
	adminUser      = "root"
	adminPassword  = "sesame"
)

// access is how clients are let in: with tokens, or certificates over TLS, of which a policy allows something.
type access struct {
	t        testing.TB
	folder   string
	provider *provider.Provider

	mu        sync.Mutex // guards what follows
	authority *certs.Authority
	trusted   *x509.CertPool
	life      time.Duration // of what is issued now
}

func newAccess(t testing.TB) *access {
	t.Helper()
	a := &access{t: t, folder: t.TempDir(), provider: provider.New(t), trusted: x509.NewCertPool(), life: tokenLife}
	a.renew(time.Now().Add(time.Hour))
	a.writePolicy(subject, guest)
	return a
}

// renew writes a certificate of a new authority, which is that of the clients too. Clients trust the former one as well.
func (a *access) renew(end time.Time) {
	a.t.Helper()
	fresh := certs.NewAuthority(a.t)
	a.mu.Lock()
	defer a.mu.Unlock()
	trusted := a.trusted.Clone()
	trusted.AppendCertsFromPEM(fresh.PEM())
	a.authority, a.trusted = fresh, trusted
	fresh.ServerUntil(a.t, end).Write(a.t, a.folder)
	certs.Write(a.t, a.folder, "ca.crt", fresh.PEM())
}

func (a *access) path(name string) string { return filepath.Join(a.folder, name) }

// writePolicy allows subjects everything, and nobody else anything.
func (a *access) writePolicy(subjects ...string) {
	a.t.Helper()
	policy := "rules:\n"
	for _, s := range append([]string{operator}, subjects...) {
		policy += fmt.Sprintf("  - subjects: [%q]\n    produce: [\"*\"]\n    consume: [\"*\"]\n", s)
	}
	fresh := certs.Write(a.t, a.folder, "policy.new", []byte(policy))
	must(a.t, os.Rename(fresh, a.path("policy.yaml")))
}

// settings are those of the proxies.
func (a *access) settings() []string {
	return append(a.provider.Settings(),
		"WSPROXY_OPENID_REVALIDATION_INTERVAL=2s",
		"WSPROXY_SSL_ENABLED=true", "WSPROXY_SSL_BIND_INTERFACE=127.0.0.1", "WSPROXY_SSL_PORT=0", "WSPROXY_ADMIN_SSL_ENABLED=false",
		"WSPROXY_SSL_CERT_FILE="+a.path("tls.crt"), "WSPROXY_SSL_KEY_FILE="+a.path("tls.key"), "WSPROXY_SSL_CLIENT_CA_FILE="+a.path("ca.crt"),
		"WSPROXY_AUTHZ_POLICY_FILE="+a.path("policy.yaml"), "WSPROXY_ADMIN_ENDPOINT_ENABLED=true", "WSPROXY_DYNAMIC_CONFIG_HANDLER_ENABLED=true",
		"WSPROXY_ADMIN_BASIC_AUTH_USERNAME="+adminUser, "WSPROXY_ADMIN_BASIC_AUTH_PASSWORD="+adminPassword,
	)
}

// dial connects a client in one of three ways: with a token, with a token over TLS, or with a certificate, as a guest.
func (a *access) dial(all *wires, plain, secured string, how int) (workload.Wire, error) {
	address := plain
	if how > 0 {
		address = secured
	}
	below, err := all.dial(address, nil)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	authority, trusted, end := a.authority, a.trusted, time.Now().Add(a.life)
	a.mu.Unlock()
	if how == 0 {
		return &named{Wire: below, token: a.provider.Until(subject, end)}, nil
	}
	config := &tls.Config{RootCAs: trusted, ServerName: "localhost", MinVersion: tls.VersionTLS12}
	s := &secure{below: below}
	if how == 1 {
		s.token = a.provider.Until(subject, end)
	} else {
		config.Certificates = []tls.Certificate{authority.ClientUntil(a.t, guest, end).TLS(a.t)}
	}
	s.Conn = tls.Client(below, config)
	_ = below.SetDeadline(time.Now().Add(dialTimeout))
	if err := s.Handshake(); err != nil {
		_ = below.Close()
		return nil, fmt.Errorf("the handshake of TLS: %w", err)
	}
	return s, nil
}

// named is a connection of a client with a token.
type named struct {
	workload.Wire
	token string
}

// Headers implements workload.Identified.
func (n *named) Headers() []string { return bearer(n.token) }

func bearer(token string) []string {
	if token == "" {
		return nil
	}
	return []string{"Authorization: Bearer " + token}
}

// secure is a connection with TLS. It ends as the one below does.
type secure struct {
	*tls.Conn
	below *wire
	token string
}

// Headers implements workload.Identified.
func (s *secure) Headers() []string { return bearer(s.token) }

// Close implements net.Conn.
func (s *secure) Close() error { return s.below.Close() }

// CloseWrite implements workload.Wire.
func (s *secure) CloseWrite() error { return s.below.CloseWrite() }

// Reset implements workload.Wire.
func (s *secure) Reset() { s.below.Reset() }

// Freeze implements workload.Wire.
func (s *secure) Freeze() { s.below.Freeze() }

var errNoCertificate = errors.New("no certificate")

// certificateOf is the certificate that a replica shows.
func certificateOf(address string) ([]byte, error) {
	c, err := tls.DialWithDialer(dialer(nil), "tcp", address, &tls.Config{InsecureSkipVerify: true}) // what it shows is compared
	if err != nil {
		return nil, fmt.Errorf("asking for the certificate: %w", err)
	}
	defer c.Close()
	for _, one := range c.ConnectionState().PeerCertificates {
		return one.Raw, nil
	}
	return nil, errNoCertificate
}

// written is the certificate that replicas are to show.
func (a *access) written() ([]byte, error) {
	text, err := os.ReadFile(a.path("tls.crt"))
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errNoCertificate
	}
	return block.Bytes, nil
}

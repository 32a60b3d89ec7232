package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
)

// revocationLimit is how long a socket may outlive the credentials that it was opened with.
const revocationLimit = 20 * time.Second

// endsInTime waits for a socket to be closed with a code.
func endsInTime(c *client, began time.Time, code websocket.StatusCode) {
	c.t.Helper()
	c.ended(code)
	if took := time.Since(began); took > revocationLimit {
		c.t.Errorf("it took %v", took)
	}
}

// dialTLS opens a socket with a client certificate.
func (p *proxy) dialTLS(t *testing.T, authority *certs.Authority, pair certs.Pair, path string) *client {
	t.Helper()
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{pair.TLS(t)}, MinVersion: tls.VersionTLS12},
	}
	return dialURL(t, "wss://"+p.app.TLSAddr(), path, &websocket.DialOptions{HTTPClient: &http.Client{Transport: checked{transport}}})
}

// TestSocketsEndWithTheirUser removes a user, or changes its password: its sockets of both kinds end, and
// others stay.
func TestSocketsEndWithTheirUser(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 8)
		carol := htpasswd(t, "carol", "c")
		users := newFile(t, htpasswd(t, "alice", "a")+htpasswd(t, "bob", "b")+carol)
		p := k.start(t, "BASIC_AUTH_ENABLED=true", "BASIC_AUTH_HTPASSWD_FILE="+users.path, "BASIC_AUTH_USERNAME=one", "BASIC_AUTH_PASSWORD=p")
		open := func(user, password string) (both []*client) {
			for _, socket := range []string{"/socket/in", "/socket/out"} {
				both = append(both, p.dialAs(t, basic(user, password), k.path(socket, topic)))
			}
			return both
		}
		changed, removed, stay, one := open("alice", "a"), open("bob", "b"), open("carol", "c"), open("one", "p")
		users.write(htpasswd(t, "alice", "new") + carol)
		began := time.Now()
		for _, c := range append(changed, removed...) {
			endsInTime(c, began, 4401)
		}
		for _, c := range []*client{stay[0], one[0]} {
			c.send(`{"value":{"value":"v"}}`)
			c.ack()
		}
		for _, c := range []*client{stay[1], one[1]} {
			c.close()
		}
	})
}

// TestSocketsEndWithTheirCertificate checks that sockets end when their certificate expires, and when its
// CA is withdrawn.
func TestSocketsEndWithTheirCertificate(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		authority, kept, withdrawn := certs.NewAuthority(t), certs.NewAuthority(t), certs.NewAuthority(t)
		folder, topic := t.TempDir(), k.topic(t, 8)
		cert, key := authority.Server(t).Write(t, folder)
		clients := newFile(t, string(kept.PEM())+string(withdrawn.PEM()))
		p := k.start(t, "SSL_ENABLED=true", "SSL_BIND_INTERFACE=127.0.0.1", "SSL_PORT=0", "SSL_CERT_FILE="+cert, "SSL_KEY_FILE="+key,
			"SSL_CLIENT_CA_FILE="+clients.path, "ADMIN_SSL_ENABLED=false")
		for _, socket := range []string{"/socket/in", "/socket/out"} {
			t.Run(socket, func(t *testing.T) {
				stays := p.dialTLS(t, authority, kept.Client(t, "carol"), k.path("/socket/in", topic))
				end := time.Now().Add(5 * time.Second).Truncate(time.Second)
				short := p.dialTLS(t, authority, kept.ClientUntil(t, "alice", end), k.path(socket, topic))
				endsInTime(short, end, 4401)
				if time.Now().Before(end) {
					t.Error("it has ended too early")
				}
				lost := p.dialTLS(t, authority, withdrawn.Client(t, "bob"), k.path(socket, topic))
				clients.write(string(kept.PEM()))
				endsInTime(lost, time.Now(), 4401)
				stays.send(`{"value":{"value":"v"}}`)
				stays.ack()
				clients.write(fmt.Sprintf("%s%s", kept.PEM(), withdrawn.PEM()))
				eventually(t, "the CA is back", func() bool { return p.takes(authority, withdrawn.Client(t, "bob")) })
			})
		}
	})
}

// takes tells whether TLS accepts a client's certificate.
func (p *proxy) takes(authority *certs.Authority, pair certs.Pair) bool {
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}}
	res, err := client.Get("https://" + p.app.TLSAddr() + "/healthcheck")
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

//go:build linux

package leaks

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// The settings under which connections end soon, and clients of Kafka too.
const (
	maxMessage     = 64 << 10
	maxConnections = 1000
	maxProducers   = 64
	pongTimeout    = 700 * time.Millisecond
)

// proxy is the running program.
type proxy struct {
	*process.Process
	main, tls, management string // addresses
	trust                 *tls.Config
	provider              *provider
}

// The administrator who may ask the management listener for what others may not.
const admin, adminPassword = "admin", "planted-password-of-the-admin"

func (p *proxy) settings(t *testing.T, broker string, authority *certs.Authority) []string {
	t.Helper()
	certificate, key := authority.Server(t).Write(t, t.TempDir())
	return append(process.ServeSettings(broker),
		"WSPROXY_SSL_ENABLED=true", "WSPROXY_SSL_BIND_INTERFACE=127.0.0.1", "WSPROXY_SSL_PORT=0", "WSPROXY_ADMIN_SSL_ENABLED=false",
		"WSPROXY_SSL_CERT_FILE="+certificate, "WSPROXY_SSL_KEY_FILE="+key,
		"WSPROXY_OPENID_ENABLED=true", "WSPROXY_OPENID_AUDIENCE="+audience, "WSPROXY_OPENID_WELLKNOWN="+p.provider.discovery(),
		"WSPROXY_ADMIN_BASIC_AUTH_USERNAME="+admin, "WSPROXY_ADMIN_BASIC_AUTH_PASSWORD="+adminPassword,
		"WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED=true",
		"WSPROXY_PPROF_ENABLED=true",
		"WSPROXY_PING_INTERVAL=700ms", "WSPROXY_PONG_TIMEOUT="+pongTimeout.String(), "WSPROXY_WRITE_TIMEOUT=2s", "WSPROXY_HANDSHAKE_TIMEOUT=3s",
		"WSPROXY_MAX_MESSAGE_BYTES=64KiB", "WSPROXY_MAX_CONNECTIONS=1000", "WSPROXY_MAX_HANDSHAKES=1000",
		"WSPROXY_KAFKA_MAX_PRODUCER_CLIENTS=64", "WSPROXY_KAFKA_CLIENT_IDLE_TIMEOUT=2s", "WSPROXY_CONSUMER_COMMIT_INTERVAL=100ms",
		"WSPROXY_ALLOWED_TOPICS="+strings.Join([]string{topicIn, topicEmpty, topicFull, topicBig, topicMissing}, ","),
	)
}

// serve starts the program and returns when it is ready. It ends with the test.
func serve(t *testing.T, broker string) *proxy {
	t.Helper()
	authority := certs.NewAuthority(t)
	p := &proxy{trust: &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}, provider: newProvider(t)}
	p.Process = process.Serve(t, p.settings(t, broker, authority))
	p.main, p.management, _ = p.Addresses()
	p.tls, p.management = p.TLSAddress(), admin+":"+adminPassword+"@"+p.management
	return p
}

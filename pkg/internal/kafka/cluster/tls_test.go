package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// authority is a CA that a test creates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

func (a authority) text() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// issue returns a certificate for name, and its key, in PEM.
func (a authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

// tlsPeer simulates a broker's TLS: it sends each client the name in the client's certificate.
type tlsPeer struct {
	address string
	// certificate is the server certificate for the next connections.
	certificate chan tls.Certificate
}

func newTLSPeer(t *testing.T, clients authority, certificate tls.Certificate) *tlsPeer {
	t.Helper()
	current := make(chan tls.Certificate, 1)
	current <- certificate
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		ClientAuth: tls.RequireAnyClientCert, ClientCAs: clients.pool(), MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			now := <-current
			current <- now
			return &now, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveName(conn)
		}
	}()
	return &tlsPeer{listener.Addr().String(), current}
}

// serveName answers each byte with the name of the client, until the client disconnects.
func serveName(conn net.Conn) {
	defer conn.Close()
	encrypted, ok := conn.(*tls.Conn)
	if !ok {
		return
	}
	one := make([]byte, 1)
	for {
		if _, err := conn.Read(one); err != nil {
			return
		}
		name := encrypted.ConnectionState().PeerCertificates[0].Subject.CommonName
		if _, err := io.WriteString(conn, name+"\n"); err != nil {
			return
		}
	}
}

func (p *tlsPeer) use(certificate tls.Certificate) {
	<-p.certificate
	p.certificate <- certificate
}

// nameTold returns the client name that the peer sees on a connection.
func nameTold(conn net.Conn) (string, error) {
	if _, err := conn.Write([]byte{0}); err != nil {
		return "", err
	}
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	return strings.TrimSpace(string(answer[:n])), err
}

func pair(t *testing.T, cert, key string) tls.Certificate {
	t.Helper()
	certificate, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func replaceFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestPEMFilesAreReread rotates the client's certificate, then the CA of the brokers, and then replaces
// both files with invalid ones.
func TestPEMFilesAreReread(t *testing.T) {
	t.Parallel()
	first, second := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	write := func(name string) {
		certText, keyText := first.issue(t, name)
		replaceFile(t, cert, certText)
		replaceFile(t, key, keyText)
	}
	replaceFile(t, ca, first.text())
	write("old")
	brokerCert, brokerKey := first.issue(t, "broker")
	peer := newTLSPeer(t, first, pair(t, brokerCert, brokerKey))

	registry := prometheus.NewRegistry()
	s, err := newSecurity(&config.Kafka{
		SecurityProtocol: "SSL", SSLCAFile: ca, SSLCertFile: cert, SSLKeyFile: key, SSLServerName: "broker",
	}, Environment{Log: kafkatest.QuietLog(), Metrics: metrics.New(registry, metrics.Build{})})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	dial := func() (net.Conn, string, error) {
		conn, err := s.dial(kafkatest.Deadline(t), "tcp", peer.address)
		if err != nil {
			return nil, "", err
		}
		t.Cleanup(func() { conn.Close() })
		name, err := nameTold(conn)
		return conn, name, err
	}
	open, name, err := dial()
	if err != nil || name != "old" {
		t.Fatalf("known as %q, %v", name, err)
	}

	write("new")
	kafkatest.Await(t, "the new certificate", func() bool { _, name, err := dial(); return err == nil && name == "new" })
	if name, err := nameTold(open); err != nil || name != "old" {
		t.Errorf("the open connection is known as %q, %v", name, err)
	}

	brokerCert, brokerKey = second.issue(t, "broker")
	peer.use(pair(t, brokerCert, brokerKey))
	if _, _, err := dial(); err == nil {
		t.Error("a broker of another CA is trusted")
	}
	replaceFile(t, ca, first.text()+second.text())
	kafkatest.Await(t, "the new CA", func() bool { _, _, err := dial(); return err == nil })

	replaceFile(t, ca, "broken")
	replaceFile(t, key, "broken")
	kafkatest.Await(t, "both faults", func() bool { return seriesOf(t, registry, "wsproxy_reload_errors_total") == 2 })
	if _, name, err := dial(); err != nil || name != "new" {
		t.Errorf("with broken files: known as %q, %v", name, err)
	}
}

func seriesOf(t *testing.T, registry *prometheus.Registry, name string) int {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return len(family.GetMetric())
		}
	}
	return 0
}

func TestUnusableFilesAreToldTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca")
	replaceFile(t, ca, "no certificate")
	_, err := Connect(&config.Kafka{
		BootstrapHosts: []string{"127.0.0.1:1"}, SecurityProtocol: "SSL",
		SSLCAFile: ca, SSLCertFile: filepath.Join(dir, "missing"), SSLKeyFile: ca,
	}, Environment{Log: kafkatest.QuietLog(), Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{})})
	if _, ok := errors.AsType[*FileError](err); !ok {
		t.Fatalf("got %v", err)
	}
	for _, setting := range []string{"WSPROXY_KAFKA_SSL_CA_FILE", "WSPROXY_KAFKA_SSL_CERT_FILE"} {
		if !strings.Contains(err.Error(), setting) {
			t.Errorf("%s is not named: %v", setting, err)
		}
	}
}

func TestTLSHandshakeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	b := new(brokerTLS)
	conn, err := net.Dial("tcp", silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := b.encrypt(ctx, conn, silent.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := conn.Write([]byte{0}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection is open: %v", err)
	}
}

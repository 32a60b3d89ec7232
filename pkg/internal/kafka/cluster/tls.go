package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/reread"
)

// FileError means that a file that a setting names cannot be used.
type FileError struct {
	Setting string // its full name
	Err     error
}

// Error implements error.
func (e *FileError) Error() string { return e.Setting + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *FileError) Unwrap() error { return e.Err }

// brokerTLS encrypts connections to brokers. A changed file is used for later connections.
type brokerTLS struct {
	serverName  string // if empty, the broker's own name is used
	roots       atomic.Pointer[x509.CertPool]
	certificate atomic.Pointer[tls.Certificate]
	files       []*reread.Files
}

// readBrokerTLS reads the files that the settings name. The error contains a *FileError for each file
// that cannot be used.
func readBrokerTLS(settings *config.Kafka, env Environment) (*brokerTLS, error) {
	b := &brokerTLS{serverName: settings.SSLServerName}
	var errs []error
	if settings.SSLCAFile != "" {
		errs = append(errs, b.keep("KAFKA_SSL_CA_FILE", env, b.useRoots, settings.SSLCAFile))
	}
	if settings.SSLCertFile != "" {
		errs = append(errs, b.keep("KAFKA_SSL_CERT_FILE", env, b.useCertificate, settings.SSLCertFile, settings.SSLKeyFile))
	}
	return b, errors.Join(errs...)
}

// keep passes the contents of files to use, now and whenever they change while watch runs.
func (b *brokerTLS) keep(setting string, env Environment, use func([][]byte) error, paths ...string) error {
	variable := config.Prefix + setting
	files, err := reread.Open(reread.Options{
		Paths: paths, Use: use, Failed: func() { env.Metrics.ReloadErrors(variable).Inc() }, Log: env.Log,
	})
	if err != nil {
		return &FileError{variable, err}
	}
	b.files = append(b.files, files)
	return nil
}

func (b *brokerTLS) useRoots(contents [][]byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(contents[0]) {
		return errors.New("holds no certificate in PEM")
	}
	b.roots.Store(roots)
	return nil
}

func (b *brokerTLS) useCertificate(contents [][]byte) error {
	certificate, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return fmt.Errorf("reading the certificate and its key: %w", err)
	}
	b.certificate.Store(&certificate)
	return nil
}

// watch keeps the files up to date until ctx ends.
func (b *brokerTLS) watch(ctx context.Context) {
	if b == nil {
		return
	}
	var watching sync.WaitGroup
	for _, files := range b.files {
		watching.Go(func() { files.Watch(ctx) })
	}
	watching.Wait()
}

// encrypt does the TLS handshake with the broker at address. It closes conn if the handshake fails.
func (b *brokerTLS) encrypt(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	name := b.serverName
	if name == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("finding the broker's name: %w", err), conn.Close())
		}
		name = host
	}
	encrypted := tls.Client(conn, b.settings(name))
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // err is the error to return
		return nil, fmt.Errorf("the TLS handshake with broker %s: %w", address, err)
	}
	return encrypted, nil
}

// settings returns the TLS settings of one handshake. No session is resumed: the broker would otherwise
// keep using the client certificate of the first session.
func (b *brokerTLS) settings(name string) *tls.Config {
	settings := &tls.Config{ServerName: name, RootCAs: b.roots.Load(), MinVersion: tls.VersionTLS12}
	if certificate := b.certificate.Load(); certificate != nil {
		settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	return settings
}

package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/reread"
)

// CertificateOptions say where the certificates of the TLS listeners are.
type CertificateOptions struct {
	CertFile, KeyFile string // PEM
	ClientCAFile      string // PEM; clients are not asked for certificates where empty
	// Failed is called for changed files that cannot be used, with the setting that names them.
	Failed func(setting string)
	Log    *slog.Logger
}

// Certificates are the server certificate of the TLS listeners and the CAs that verify client
// certificates. They are reloaded from their files while Watch runs. This does not affect open
// connections.
type Certificates struct {
	log     *slog.Logger
	files   []*reread.Files
	current atomic.Pointer[tls.Config]
	ends    atomic.Pointer[time.Time]

	mu      sync.Mutex // guards what follows, from which current is made
	pair    tls.Certificate
	clients *x509.CertPool // nil where clients are not asked
	changed func()         // called after clients was replaced; may be nil
}

// OpenCertificates reads the files. The error names the setting whose file cannot be used.
func OpenCertificates(o CertificateOptions) (*Certificates, error) {
	c := &Certificates{log: o.Log}
	if err := c.open(&o, config.Prefix+"SSL_CERT_FILE", c.usePair, o.CertFile, o.KeyFile); err != nil {
		return nil, err
	}
	if o.ClientCAFile == "" {
		return c, nil
	}
	if err := c.open(&o, config.Prefix+"SSL_CLIENT_CA_FILE", c.useClients, o.ClientCAFile); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Certificates) open(o *CertificateOptions, setting string, use func([][]byte) error, paths ...string) error {
	files, err := reread.Open(reread.Options{
		Paths: paths, Use: use, Failed: func() { o.Failed(setting) }, Log: o.Log,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", setting, err)
	}
	c.files = append(c.files, files)
	return nil
}

// Watch follows the files until ctx ends.
func (c *Certificates) Watch(ctx context.Context) {
	var all sync.WaitGroup
	for _, files := range c.files {
		all.Go(func() { files.Watch(ctx) })
	}
	all.Wait()
}

// End returns when the server certificate expires.
func (c *Certificates) End() time.Time { return *c.ends.Load() }

// TLS configures a listener. WebSockets need HTTP/1.1, so nothing else is offered.
func (c *Certificates) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current.Load(), nil },
	}
}

func (c *Certificates) usePair(contents [][]byte) error {
	pair, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return err
	}
	if end := pair.Leaf.NotAfter; time.Now().After(end) {
		c.log.Warn("the certificate has expired", "end", end)
	}
	c.ends.Store(&pair.Leaf.NotAfter)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pair = pair
	c.apply()
	return nil
}

func (c *Certificates) useClients(contents [][]byte) error {
	pool, err := parseCAs(contents[0])
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.clients = pool
	c.apply()
	changed := c.changed
	c.mu.Unlock()
	if changed != nil {
		changed()
	}
	return nil
}

// ClientCAs returns the CAs that verify client certificates now.
func (c *Certificates) ClientCAs() *x509.CertPool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clients
}

// OnClientCAs sets the function that is called whenever the client CAs were replaced.
func (c *Certificates) OnClientCAs(changed func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed = changed
}

// apply makes new connections use the current certificates. c.mu is held.
//
// TLS accepts a client without a certificate: the client may authenticate in another way, probes have
// none, and HTTP tells it what is missing. A certificate that is given must be valid.
func (c *Certificates) apply() {
	fresh := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
		Certificates: []tls.Certificate{c.pair},
	}
	if c.clients != nil {
		fresh.ClientAuth = tls.VerifyClientCertIfGiven
		fresh.ClientCAs = c.clients
		// A resumed TLS session would carry a certificate that is not verified again.
		fresh.SessionTicketsDisabled = true
	}
	c.current.Store(fresh)
}

var errNoCA = errors.New("the file holds no certificate")

// parseCAs reads certificates, and refuses all of them if one cannot be parsed: a pool would ignore that
// one.
func parseCAs(text []byte) (*x509.CertPool, error) {
	pool, found := x509.NewCertPool(), false
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		ca, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading a certificate: %w", err)
		}
		pool.AddCert(ca)
		found = true
	}
	if !found {
		return nil, errNoCA
	}
	return pool, nil
}

package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
)

// certificateRig follows files of a folder.
type certificateRig struct {
	*testing.T
	folder string
	faults []string // settings whose files could not be used
	log    bytes.Buffer
	*Certificates
}

// openCertificates opens a pair, and the CA of clients where there is one.
func openCertificates(t *testing.T, pair certs.Pair, clients *certs.Authority) *certificateRig {
	t.Helper()
	r := &certificateRig{T: t, folder: t.TempDir()}
	o := CertificateOptions{
		Failed: func(setting string) { r.faults = append(r.faults, setting) },
		Log:    slog.New(slog.NewTextHandler(&r.log, nil)),
	}
	o.CertFile, o.KeyFile = pair.Write(t, r.folder)
	if clients != nil {
		o.ClientCAFile = certs.Write(t, r.folder, "ca.crt", clients.PEM())
	}
	var err error
	if r.Certificates, err = OpenCertificates(o); err != nil {
		t.Fatal(err)
	}
	return r
}

// follow watches the files while test runs; settle lets changes be noticed.
func (r *certificateRig) follow(test func(settle func())) {
	ctx, stop := context.WithCancel(r.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Watch(ctx)
	}()
	test(func() {
		time.Sleep(10*time.Second - time.Nanosecond) // what the setting promises
		synctest.Wait()
	})
	stop()
	<-done
}

// shake does a TLS handshake, and returns what each side knows of the other. The error is the server's,
// or the client's.
func (r *certificateRig) shake(client *tls.Config) (seen, shown tls.ConnectionState, err error) {
	r.Helper()
	near, far := net.Pipe()
	server, other := tls.Server(near, r.TLS()), tls.Client(far, client)
	failed := make(chan error, 1)
	go func() {
		err := other.HandshakeContext(r.Context())
		if err == nil { // TLS 1.3 tells a client of a bad certificate only now
			_, err = other.Read(make([]byte, 1))
		}
		failed <- err
		_ = far.Close()
	}()
	err = server.HandshakeContext(r.Context())
	if err == nil {
		_, err = server.Write([]byte("x"))
	}
	_ = near.Close()
	return server.ConnectionState(), other.ConnectionState(), errors.Join(err, <-failed)
}

func trusting(a *certs.Authority) *tls.Config {
	return &tls.Config{RootCAs: a.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS10, NextProtos: []string{"h2", "http/1.1"}}
}

func TestTLSVersionsAndProtocols(t *testing.T) {
	a := certs.NewAuthority(t)
	r := openCertificates(t, a.Server(t), nil)
	for _, test := range []struct {
		name   string
		change func(*tls.Config)
		ok     bool
	}{
		{"TLS 1.3", func(*tls.Config) {}, true},
		{"TLS 1.2", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		{"TLS 1.1", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }, false},
		{"no protocols offered", func(c *tls.Config) { c.NextProtos = nil }, true},
		{"HTTP/2 alone", func(c *tls.Config) { c.NextProtos = []string{"h2"} }, false},
		{"a suite without forward secrecy", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}, false},
		{"a suite with CBC", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := trusting(a)
			test.change(config)
			_, shown, err := r.shake(config)
			if (err == nil) != test.ok {
				t.Fatal(err)
			}
			if test.ok && len(config.NextProtos) > 0 && shown.NegotiatedProtocol != "http/1.1" {
				t.Errorf("negotiated %q", shown.NegotiatedProtocol)
			}
		})
	}
}

// TestCertificatesFollowTheirFiles replaces the certificate, also by invalid ones: new connections get
// the newest valid one.
func TestCertificatesFollowTheirFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := certs.NewAuthority(t)
		r := openCertificates(t, a.Server(t), nil)
		first := r.End()
		shown := func() string {
			_, state, err := r.shake(trusting(a))
			if err != nil {
				t.Fatal(err)
			}
			return state.PeerCertificates[0].SerialNumber.String()
		}
		r.follow(func(settle func()) {
			before := shown()
			settle()
			next := a.Server(t)
			next.Write(t, r.folder)
			settle()
			after := shown()
			if after == before || !r.End().After(first) {
				t.Errorf("after a change, shown is %s that ends at %v", after, r.End())
			}
			for name, pair := range map[string]certs.Pair{
				"another's key":          {Certificate: next.Certificate, Key: a.Server(t).Key},
				"no certificate":         {Certificate: []byte("x"), Key: next.Key},
				"empty":                  {},
				"a certificate, cut off": {Certificate: next.Certificate[:len(next.Certificate)/2], Key: next.Key},
			} {
				r.faults = nil
				pair.Write(t, r.folder)
				settle()
				if got := shown(); got != after || len(r.faults) != 1 || r.faults[0] != "WSPROXY_SSL_CERT_FILE" {
					t.Errorf("%s: shown is %s, faults are %v", name, got, r.faults)
				}
			}
			if strings.Contains(r.log.String(), "PRIVATE KEY") || !strings.Contains(r.log.String(), "stays in force") {
				t.Errorf("the log says %s", r.log.String())
			}
			a.Server(t).Write(t, r.folder)
			settle()
			if got := shown(); got == after {
				t.Error("after the faults a good one is not shown")
			}
		})
	})
}

func TestClientCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, clients, others := certs.NewAuthority(t), certs.NewAuthority(t), certs.NewAuthority(t)
		r := openCertificates(t, a.Server(t), clients)
		with := func(pair certs.Pair) *tls.Config {
			config := trusting(a)
			certificate := pair.TLS(t)
			// The client sends it whatever CAs the server names.
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
			config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			return config
		}
		alice, mallory := with(clients.Client(t, "alice")), with(others.Client(t, "alice"))
		check := func(when string, config *tls.Config, want string) {
			t.Helper()
			seen, _, err := r.shake(config)
			got := "refused"
			if err == nil {
				got = "anonymous"
			}
			if len(seen.VerifiedChains) > 0 {
				got = seen.VerifiedChains[0][0].Subject.CommonName
			}
			if got != want {
				t.Errorf("%s: got %s, %v, want %s", when, got, err, want)
			}
		}
		check("a good one", alice, "alice")
		check("none", trusting(a), "anonymous") // HTTP tells what it lacks
		check("of another CA", mallory, "refused")
		check("a server's", with(clients.Server(t)), "refused")
		r.follow(func(settle func()) {
			certs.Write(t, r.folder, "ca.crt", []byte("no CA"))
			settle()
			check("after a faulty change", alice, "alice")
			if len(r.faults) != 1 || r.faults[0] != "WSPROXY_SSL_CLIENT_CA_FILE" {
				t.Errorf("faults are %v", r.faults)
			}
			certs.Write(t, r.folder, "ca.crt", others.PEM())
			settle()
			check("of the new CA", mallory, "alice")
			check("of the old CA, though known from before", alice, "refused")
			certs.Write(t, r.folder, "ca.crt", append(others.PEM(), clients.PEM()...))
			settle()
			check("of the first of two CAs", mallory, "alice")
			check("of the second", alice, "alice")
		})
	})
}

func TestFaultyCertificatesAreNotOpened(t *testing.T) {
	a := certs.NewAuthority(t)
	good := a.Server(t)
	folder := t.TempDir()
	cert, key := good.Write(t, folder)
	broken := certs.Write(t, folder, "broken", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	for _, test := range []struct {
		name          string
		cert, key, ca string
		says          string
	}{
		{"missing", folder + "/none", key, "", "WSPROXY_SSL_CERT_FILE"},
		{"not a certificate", key, key, "", "WSPROXY_SSL_CERT_FILE"},
		{"no CA", cert, key, key, ""},
		{"a broken CA", cert, key, broken, "WSPROXY_SSL_CLIENT_CA_FILE"},
		{"a folder as CA", cert, key, folder, "WSPROXY_SSL_CLIENT_CA_FILE"},
	} {
		_, err := OpenCertificates(CertificateOptions{
			CertFile: test.cert, KeyFile: test.key, ClientCAFile: test.ca, Log: slog.New(slog.DiscardHandler),
		})
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
}

func TestAnExpiredCertificateIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pair := certs.NewAuthority(t).Server(t)
		time.Sleep(2 * time.Hour)
		r := openCertificates(t, pair, nil)
		if !strings.Contains(r.log.String(), "expired") {
			t.Errorf("the log says %q", r.log.String())
		}
		if left := time.Until(r.End()); left != -time.Hour {
			t.Errorf("the certificate is valid for %v", left)
		}
	})
}

// Package certs makes certificates for tests.
package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a CA. Its certificates are valid for an hour from when they are made, by the clock of
// whoever makes them, which may be virtual.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes a CA.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	template := valid("Test CA")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	a := &Authority{certificate: template, key: newKey(t)}
	der := a.sign(t, template, a.key)
	var err error
	a.certificate, err = x509.ParseCertificate(der)
	must(t, err)
	return a
}

// Pool holds the CA.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// PEM is the CA's certificate.
func (a *Authority) PEM() []byte { return encode("CERTIFICATE", a.certificate.Raw) }

// Pair is a certificate and its key, in PEM.
type Pair struct{ Certificate, Key []byte }

// Server makes a certificate for servers on this machine.
func (a *Authority) Server(t testing.TB) Pair {
	t.Helper()
	return a.ServerUntil(t, time.Now().Add(time.Hour))
}

// ServerUntil makes a certificate for servers on this machine that ends at a time.
func (a *Authority) ServerUntil(t testing.TB, end time.Time) Pair {
	t.Helper()
	template := valid("localhost")
	template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	template.ExtKeyUsage, template.NotAfter = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, end
	return a.issue(t, template)
}

// Client makes a certificate for a client of some name.
func (a *Authority) Client(t testing.TB, name string) Pair {
	t.Helper()
	template := valid(name)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(t, template)
}

// ClientUntil makes a certificate for a client of some name that ends at a time.
func (a *Authority) ClientUntil(t testing.TB, name string, end time.Time) Pair {
	t.Helper()
	template := valid(name)
	template.ExtKeyUsage, template.NotAfter = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, end
	return a.issue(t, template)
}

// TLS is the pair for crypto/tls.
func (p Pair) TLS(t testing.TB) tls.Certificate {
	t.Helper()
	c, err := tls.X509KeyPair(p.Certificate, p.Key)
	must(t, err)
	return c
}

// Write writes the pair into the files tls.crt and tls.key of a folder, and returns their paths.
func (p Pair) Write(t testing.TB, folder string) (certificate, key string) {
	t.Helper()
	return Write(t, folder, "tls.crt", p.Certificate), Write(t, folder, "tls.key", p.Key)
}

// Write writes a file and returns its path.
func Write(t testing.TB, folder, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

// valid is what all certificates have in common.
func valid(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func (a *Authority) issue(t testing.TB, template *x509.Certificate) Pair {
	t.Helper()
	key := newKey(t)
	text, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return Pair{encode("CERTIFICATE", a.sign(t, template, key)), encode("PRIVATE KEY", text)}
}

func (a *Authority) sign(t testing.TB, template *x509.Certificate, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	must(t, err)
	return der
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

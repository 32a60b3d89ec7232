package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certificate is that of the proxy, made for one run.
type certificate struct {
	certFile, keyFile string
	client            *tls.Config // of who trusts it
}

// newCertificate makes a certificate for this machine that is valid for a day, in a folder.
func newCertificate(folder string) (certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, fmt.Errorf("making a key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Minute), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificate{}, fmt.Errorf("making a certificate: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return certificate{}, fmt.Errorf("encoding a key: %w", err)
	}
	c := certificate{certFile: filepath.Join(folder, "tls.crt"), keyFile: filepath.Join(folder, "tls.key")}
	if err := writePEM(c.certFile, "CERTIFICATE", signed); err != nil {
		return certificate{}, err
	}
	if err := writePEM(c.keyFile, "PRIVATE KEY", encoded); err != nil {
		return certificate{}, err
	}
	parsed, err := x509.ParseCertificate(signed)
	if err != nil {
		return certificate{}, fmt.Errorf("reading the certificate: %w", err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(parsed)
	c.client = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS13}
	return c, nil
}

func writePEM(path, kind string, content []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600)
}

package kafka

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	caFile     = "ca.pem"
	serverFile = "server.pem"
	jwksFile   = "jwks.json"

	certificateLife = 24 * time.Hour
	// clockSkew is how much earlier than now certificates and tokens are valid.
	clockSkew = time.Hour
)

// security is what a secure broker knows its clients by.
type security struct {
	dir       string
	authority *authority
	tokenKey  *rsa.PrivateKey

	// The ports besides that of SASL_SSL, which is the broker's client port.
	plaintextPort, certificatePort, internalPort int
}

// newSecurity makes the keys and certificates, as files in dir.
func newSecurity(dir string) (*security, error) {
	s := &security{dir: filepath.Join(dir, "security")}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of certificates: %w", err)
	}
	var err error
	if s.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	if err := s.writeCertificates(); err != nil {
		return nil, fmt.Errorf("writing certificates: %w", err)
	}
	if err := s.writeTokenKey(); err != nil {
		return nil, fmt.Errorf("writing the key of tokens: %w", err)
	}
	return s, nil
}

func (s *security) path(name string) string { return filepath.Join(s.dir, name) }

// writeCertificates writes the CA, the broker's certificate as Kafka wants it (key, certificate
// and CA in one file) and those of the users.
func (s *security) writeCertificates() error {
	if err := writeFile(s.path(caFile), s.authority.text()); err != nil {
		return err
	}
	cert, key, err := s.authority.issue("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"})
	if err != nil {
		return err
	}
	if err := writeFile(s.path(serverFile), key+cert+s.authority.text()); err != nil {
		return err
	}
	for _, user := range users() {
		if err := s.writeUser(user); err != nil {
			return err
		}
	}
	return nil
}

func (s *security) writeUser(user string) error {
	cert, key, err := s.authority.issue(user, nil, nil)
	if err != nil {
		return err
	}
	if err := writeFile(s.path(user+".crt"), cert); err != nil {
		return err
	}
	return writeFile(s.path(user+".key"), key)
}

// clientTLS is how clients without a certificate connect.
func (s *security) clientTLS() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(s.authority.certificate)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// authority is a CA.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func newAuthority() (*authority, error) {
	template := certificateFor("Test CA")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a CA: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making a CA: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("making a CA: %w", err)
	}
	return &authority{certificate, key}, nil
}

// text is the CA's certificate in PEM.
func (a *authority) text() string { return pemText("CERTIFICATE", a.certificate.Raw) }

// issue returns a certificate and its unencrypted PKCS#8 key in PEM, for a server where it is
// given addresses or names, else for a client.
func (a *authority) issue(name string, addresses []net.IP, names []string) (cert, key string, err error) {
	template := certificateFor(name)
	template.IPAddresses, template.DNSNames = addresses, names
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		return "", "", fmt.Errorf("making a certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", fmt.Errorf("writing a key: %w", err)
	}
	return pemText("CERTIFICATE", der), pemText("PRIVATE KEY", pkcs8), nil
}

func certificateFor(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(certificateLife),
	}
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

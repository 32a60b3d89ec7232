package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

// clientCertificate is the value of the header Client-Cert for a client of a name.
func clientCertificate(t *testing.T, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return ":" + base64.StdEncoding.EncodeToString(der) + ":"
}

// TestForwardedCertificatesOfUntrustedAddresses mean nothing, whatever they say of who has sent them.
func TestForwardedCertificatesOfUntrustedAddresses(t *testing.T) {
	cert := clientCertificate(t, "alice")
	hops := strings.Repeat("10.0.0.1, ", 9_999) + "10.0.0.1"
	for name, test := range map[string]struct {
		setting, peer, hops string
		status              int
	}{
		"a trusted proxy":                       {auth.ForwardedClientCert, "10.1.2.3:4", "", 200},
		"for a client behind it":                {auth.ForwardedClientCert, "10.1.2.3:4", "192.0.2.7", 200},
		"somebody":                              {auth.ForwardedClientCert, "192.0.2.7:4", "", 401},
		"somebody who says to be a proxy":       {auth.ForwardedClientCert, "192.0.2.7:4", "10.0.0.1", 401},
		"somebody with 10,000 hops":             {auth.ForwardedClientCert, "192.0.2.7:4", hops, 401},
		"a trusted proxy with 10,000 hops":      {auth.ForwardedClientCert, "10.1.2.3:4", hops, 200},
		"a proxy on another network":            {auth.ForwardedClientCert, "11.1.2.3:4", "", 401},
		"no address":                            {auth.ForwardedClientCert, "@", "", 401},
		"a trusted proxy, with the other name":  {auth.ForwardedXFCC, "10.1.2.3:4", "", 401},
		"a trusted proxy, where nobody asks it": {"", "10.1.2.3:4", "", 401},
	} {
		s := newServer(t, &config.Config{Server: config.Server{
			SecureHealthcheck: true, TrustedProxies: []string{"10.0.0.0/8"}, ForwardedClientCert: test.setting,
		}})
		s.Auth.Certificates, s.Auth.Forwarded = true, test.setting
		r := httptest.NewRequest(http.MethodGet, "/healthcheck", nil)
		r.RemoteAddr = test.peer
		r.Header.Set("Client-Cert", cert)
		if test.hops != "" {
			r.Header.Set("X-Forwarded-For", test.hops)
		}
		w := httptest.NewRecorder()
		s.Main().ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
	}
}

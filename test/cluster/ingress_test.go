//go:build cluster

package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const (
	ingressHost   = "proxy.example.test"
	ingressSecret = "ingress-certificate"
)

// testIngress has producers and consumers come in by TLS through the cluster's ingress controller.
func testIngress(t *testing.T, s *site) {
	need(t, "CLUSTER_INGRESS_CLASS", "CLUSTER_INGRESS_ADDRESS")
	client := secret(t, ingressSecret, ingressHost)
	s.upgrade(t, append([]string{"--reuse-values"}, set(map[string]string{
		"ingress.enabled": "true", "ingress.className": os.Getenv("CLUSTER_INGRESS_CLASS"), "ingress.hosts[0]": ingressHost,
		"ingress.tls.enabled": "true", "ingress.tls.secretName": ingressSecret,
	})...)...)
	t.Log("\n" + kubectl(t, "get", "ingress", "--output", "wide"))
	await(t, "ingress that routes", 2*time.Minute, func() bool { return healthy(t, client) })
	s.ingress = client
	l := begin(t, s, door{url: "wss://" + ingressHost, client: client}, "ingress", 5)
	l.more(t, 500)
	l.end(t)
	if len(l.closes) > 0 {
		t.Errorf("connections ended: %v", l.closes)
	}
}

func healthy(t *testing.T, client *http.Client) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+ingressHost+"/healthcheck", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

// secret gives the ingress a certificate of a host, and returns a client that trusts nobody else and
// connects to the controller whatever the name.
func secret(t *testing.T, name, host string) *http.Client {
	t.Helper()
	certificate, key := certificate(t, host)
	folder := t.TempDir()
	certificateFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	for file, text := range map[string][]byte{certificateFile: certificate, keyFile: key} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kubectl(t, "create", "secret", "tls", name, "--cert", certificateFile, "--key", keyFile)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(certificate)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, os.Getenv("CLUSTER_INGRESS_ADDRESS"))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// certificate returns one that signs itself, and its key, as PEM.
func certificate(t *testing.T, host string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

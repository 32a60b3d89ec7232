package auth

import (
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

// TestAProviderWithACAOfItsOwn is asked by the CAs of the file, as it is at the moment.
func TestAProviderWithACAOfItsOwn(t *testing.T) {
	var server oidctest.Server
	signing := ecSigner()
	server.PublicKeys = []oidctest.PublicKey{{PublicKey: signing.private.Public(), KeyID: signing.id, Algorithm: signing.alg}}
	provider := httptest.NewTLSServer(&server)
	defer provider.Close()
	server.SetIssuer(provider.URL)
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: provider.Certificate().Raw})
	other := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: newCA(t, "other").certificate.Raw})
	transport := NewTransport()
	p := NewProvider(ProviderOptions{
		WellKnown: provider.URL + "/.well-known/openid-configuration", Interval: time.Minute, ErrorsLimit: -1,
		Transport: transport, Log: slog.New(slog.DiscardHandler),
	})
	for _, step := range []struct {
		name    string
		file    []byte // none where nil
		taken   bool
		answers bool
	}{
		{"the system's CAs", nil, true, false},
		{"another CA", other, true, false},
		{"its own CA", own, true, true},
		{"a file with a fault", []byte("nothing"), false, true},
		{"another CA again", other, true, false},
	} {
		if step.file != nil {
			if err := transport.Use([][]byte{step.file}); (err == nil) != step.taken {
				t.Errorf("%s: %v", step.name, err)
			}
		}
		if err := p.refresh(t.Context(), 0); (err == nil) != step.answers {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	if _, e := (&Bearer{p}).check(t.Context(), signing.token(map[string]any{"iss": provider.URL})); e != nil {
		t.Error(e)
	}
}

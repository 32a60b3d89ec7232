package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The client of the foreign provider.
const (
	serviceName   = "svc-reader"
	serviceSecret = "planted-secret-of-the-service"
	tokenSeconds  = "12"
)

// foreignProvider is a third-party OpenID provider, in a process of its own.
type foreignProvider struct {
	t      *testing.T
	issuer string
	stdin  io.Writer
	lines  *bufio.Scanner
}

// installedProvider returns the folder with the provider. If it cannot be installed the test is skipped,
// or fails if REQUIRE_ALL=1.
func installedProvider(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../clients/install", "provider")
	var reason strings.Builder
	cmd.Stderr = &reason
	folder, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skipf("needs an OpenID provider: %s", reason.String())
	}
	if err != nil {
		t.Fatalf("installing an OpenID provider: %v\n%s", err, reason.String())
	}
	return strings.TrimSpace(string(folder))
}

func startProvider(t *testing.T) *foreignProvider {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "node", "testdata/provider.mjs", serviceName, serviceSecret, tokenSeconds)
	cmd.Env = append(os.Environ(), "NODE_PATH="+installedProvider(t))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	p := &foreignProvider{t: t, stdin: stdin, lines: bufio.NewScanner(stdout)}
	p.issuer = p.line()
	return p
}

// line reads the next line that the script prints, among those of its library.
func (f *foreignProvider) line() string {
	f.t.Helper()
	for f.lines.Scan() {
		if line, ok := strings.CutPrefix(f.lines.Text(), "script: "); ok {
			return line
		}
	}
	f.t.Fatalf("the provider has ended: %v", f.lines.Err())
	return ""
}

// rotate makes the provider sign with a new key, and remove the previous one.
func (f *foreignProvider) rotate() {
	f.t.Helper()
	if _, err := io.WriteString(f.stdin, "\n"); err != nil {
		f.t.Fatal(err)
	}
	if got := f.line(); got != "rotated" {
		f.t.Fatalf("the provider says %q", got)
	}
}

// token gets a token as a service does.
func (f *foreignProvider) token() string {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.issuer+"/token",
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}.Encode()))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(serviceName, serviceSecret)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil || body.Token == "" {
		f.t.Fatalf("the provider answers %d %v", res.StatusCode, err)
	}
	return body.Token
}

// TestAForeignProvider authenticates a service by the tokens of a third-party provider, which expire, are
// renewed, and have their key replaced meanwhile.
func TestAForeignProvider(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		f := startProvider(t)
		mine, others := k.topic(t, 2), k.topic(t, 1)
		policy := newFile(t, `rules: [{subjects: ["svc-*"], claims: {groups: [ops]}, produce: [`+mine+`], consume: [`+mine+`]}]`)
		p := k.start(t, "OPENID_ENABLED=true", "OPENID_AUDIENCE=wsproxy", "OPENID_WELLKNOWN="+f.issuer+"/.well-known/openid-configuration",
			"OPENID_REVALIDATION_INTERVAL=1s", "AUTHZ_POLICY_FILE="+policy.path)
		token := f.token()
		began := time.Now()
		expires := p.dialAs(t, "Bearer "+token, k.path("/socket/in", mine))
		renewed := p.dialAs(t, "Bearer "+token, k.path("/socket/out", mine))
		if got := p.upgrade(t, k.path("/socket/in", others), "Authorization", "Bearer "+token); got.status != 403 {
			t.Errorf("another topic: got %d %s", got.status, got.body)
		}
		expires.send(`{"value":{"value":"v"}}`)
		expires.ack()
		renewed.delivery()
		eventually(t, "a token that lasts longer", func() bool { return time.Since(began) > 2*time.Second })
		renewed.send(renewal(f.token()))
		renewed.read()
		expires.ended(4401)
		p.dialAs(t, "Bearer "+f.token(), k.path("/socket/in", mine)).close()

		f.rotate()
		renewed.ended(4401)
		eventually(t, "the new key is known", func() bool {
			return p.get(t, "/healthcheck", "Authorization", "Bearer "+f.token()).status == 200
		})
		eventually(t, "the first token is refused by keys that are newer than the request", func() bool {
			got := p.get(t, "/healthcheck", "Authorization", "Bearer "+token)
			if got.status != 401 && got.status != 503 {
				t.Errorf("the first token: got %d %s", got.status, got.body)
			}
			return got.status == 401
		})
	})
}

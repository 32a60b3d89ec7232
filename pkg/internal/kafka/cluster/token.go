package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

const (
	// tokenTimeout bounds one request to the token endpoint.
	tokenTimeout = 5 * time.Second
	// tokenRetry is how long a failure of the token endpoint is returned before the next request: each
	// connection to a broker needs a token.
	tokenRetry = time.Second
	// tokenLife is how long a token is used if the endpoint does not return its expiry.
	tokenLife = time.Minute
	// maxTokenBytes is the longest token that a file may contain.
	maxTokenBytes = 1 << 20
)

// tokenSource provides the proxy's own token for OAUTHBEARER.
type tokenSource interface {
	token(ctx context.Context) (string, error)
	// wait waits for requests under way, once the source's life has ended.
	wait()
}

var errExpired = errors.New("the token has expired already")

// newTokenSource returns nil if the settings name no source.
func newTokenSource(life context.Context, settings *config.Kafka, transport http.RoundTripper) tokenSource {
	switch {
	case settings.SASLOAuthTokenFile != "":
		return tokenFile(settings.SASLOAuthTokenFile)
	case settings.SASLOAuthTokenURL != "":
		return newTokenEndpoint(life, settings, transport)
	default:
		return nil
	}
}

// tokenFile is a file with the token, read for each connection: its writer replaces it before the token
// expires.
type tokenFile string

func (f tokenFile) wait() {}

func (f tokenFile) token(context.Context) (string, error) {
	file, err := os.Open(string(f))
	if err != nil {
		return "", fmt.Errorf("reading the token for Kafka: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxTokenBytes))
	if err != nil {
		return "", fmt.Errorf("reading the token for Kafka: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("reading the token for Kafka from %s: %w", string(f), err)
	}
	return token, nil
}

// tokenEndpoint requests tokens with client credentials (RFC 6749, section 4.4). After four fifths of a
// token's lifetime it requests a new one, and uses the old one until the new one has arrived.
type tokenEndpoint struct {
	life  context.Context //nolint:containedctx // of the cluster
	http  *http.Client
	fetch func(context.Context) (*oauth2.Token, error)
	calls Calls

	mu      sync.Mutex // guards what follows
	latest  string
	renew   time.Time
	expires time.Time
	failure error
	retry   time.Time
	flight  chan struct{} // closed when the request under way has its answer; nil without a request
}

func newTokenEndpoint(life context.Context, settings *config.Kafka, transport http.RoundTripper) *tokenEndpoint {
	credentials := clientcredentials.Config{
		ClientID: settings.SASLOAuthClientID, ClientSecret: string(settings.SASLOAuthClientSecret),
		TokenURL: settings.SASLOAuthTokenURL, Scopes: strings.Fields(settings.SASLOAuthScope),
		EndpointParams: parameters(settings.SASLOAuthParameters),
	}
	client := &http.Client{Timeout: tokenTimeout, Transport: transport}
	return &tokenEndpoint{life: life, http: client, fetch: func(ctx context.Context) (*oauth2.Token, error) {
		return credentials.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	}}
}

// parameters parses a list of name=value.
func parameters(list []string) url.Values {
	values := make(url.Values)
	for _, item := range list {
		name, value, _ := strings.Cut(item, "=")
		values.Add(name, value)
	}
	return values
}

func (e *tokenEndpoint) wait() {
	e.calls.Refuse()
	e.calls.Wait()
	e.http.CloseIdleConnections()
}

// token returns a valid token, a cached one if there is one.
func (e *tokenEndpoint) token(ctx context.Context) (string, error) {
	for {
		e.mu.Lock()
		now := time.Now()
		token, failure, flight := e.latest, e.failure, e.flight
		valid, failed := now.Before(e.expires), now.Before(e.retry)
		if flight == nil && !failed && !now.Before(e.renew) {
			flight = e.depart()
		}
		e.mu.Unlock()
		switch {
		case valid:
			return token, nil
		case failed:
			return "", failure
		}
		select {
		case <-flight:
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for a token for Kafka: %w", ctx.Err())
		}
	}
}

// depart starts a request to the endpoint. e.mu is held.
func (e *tokenEndpoint) depart() chan struct{} {
	flight := make(chan struct{})
	e.flight = flight
	err := e.calls.Run(func() {
		defer close(flight)
		asked := time.Now()
		token, err := e.fetch(e.life)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.land(asked, token, err)
	})
	if err != nil {
		e.land(time.Now(), nil, err)
		close(flight)
	}
	return flight
}

// land stores the endpoint's answer to a request. e.mu is held.
func (e *tokenEndpoint) land(asked time.Time, token *oauth2.Token, err error) {
	e.flight = nil
	if err == nil {
		err = checkFresh(token)
	}
	if err != nil {
		e.failure, e.retry = endpointError(err), time.Now().Add(tokenRetry)
		return
	}
	e.latest, e.expires = token.AccessToken, asked.Add(tokenLife)
	if !token.Expiry.IsZero() {
		e.expires = token.Expiry
	}
	e.renew = asked.Add(e.expires.Sub(asked) * 4 / 5)
	e.failure, e.retry = nil, time.Time{}
}

func checkFresh(token *oauth2.Token) error {
	if !token.Expiry.IsZero() && !token.Expiry.After(time.Now()) {
		return errExpired
	}
	return checkToken(token.AccessToken)
}

// endpointError returns an error without the endpoint's answer, which may repeat secrets.
func endpointError(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.Response != nil {
		return fmt.Errorf("the token endpoint answers %s, error %q", answer.Response.Status, answer.ErrorCode)
	}
	return fmt.Errorf("asking the token endpoint: %w", err)
}

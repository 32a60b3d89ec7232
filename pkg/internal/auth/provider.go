package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// minRefresh is the shortest interval between two requests for the provider's keys that are caused by
	// tokens with an unknown key.
	minRefresh = 10 * time.Second
	// refreshTimeout bounds a request to the provider. A handshake may wait for it.
	refreshTimeout = 4 * time.Second
	// maxKeyAge is the greatest age at which keys are read again: a socket must end within 20 s after the
	// key of its token was withdrawn, the time of the provider's answer included.
	maxKeyAge = 15 * time.Second
	// firstRetry is the first wait after the provider could not be reached at start. It doubles up to
	// minRefresh.
	firstRetry = time.Second
	// maxDocument is the longest answer of the provider that is read, in bytes.
	maxDocument = 1 << 20
	// maxRedirects is how often the provider may redirect a request.
	maxRedirects = 3
	// leeway is how far the provider's clock and this one may differ.
	leeway = 30 * time.Second
)

// ProviderOptions say who issues tokens, and how often its keys are read.
type ProviderOptions struct {
	WellKnown string // URL of the discovery document
	Issuer    string // of tokens, where it differs from that in the document
	Audience  string // that tokens must be for, empty for any
	// SubjectClaim and AudienceClaim are the claims to use instead of sub and aud; empty for these.
	SubjectClaim, AudienceClaim string
	// Interval is how often the keys are read again, so that a key that the provider has withdrawn is no
	// longer accepted. They are read more often where it is longer than maxKeyAge.
	Interval time.Duration
	// ErrorsLimit is for how many intervals in a row this may fail before the cached keys are dropped; -1
	// for any number.
	ErrorsLimit int
	// Transport makes the requests; nil for NewTransport.
	Transport http.RoundTripper
	Log       *slog.Logger
}

// Provider caches the issuer and the keys of an OpenID provider.
type Provider struct {
	options ProviderOptions
	client  *http.Client
	now     atomic.Pointer[oidc.IDTokenVerifier] // nil before the provider was reached, or after too many failures

	mu      sync.Mutex    // guards what follows
	asked   time.Time     // when the provider was last asked because of a client
	begun   int           // requests to the provider so far
	answer  int           // the number of the request whose answer is in force
	asking  chan struct{} // closed when the answer has arrived; nil without a request in progress
	failure error         // of the last request
}

// NewProvider returns a Provider without keys. Run requests them.
func NewProvider(o ProviderOptions) *Provider {
	if o.Transport == nil {
		o.Transport = NewTransport()
	}
	return &Provider{options: o, client: &http.Client{
		Transport: o.Transport, Timeout: refreshTimeout, CheckRedirect: checkRedirect,
	}}
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("too many redirects")
	}
	if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return errors.New("a redirect leads from https to " + r.URL.Scheme)
	}
	return nil
}

// Run reads the provider's keys, at once and then repeatedly, until ctx ends. It calls checked after each
// attempt, successful or not.
func (p *Provider) Run(ctx context.Context, checked func()) {
	reached, wait := time.Now(), time.Duration(0)
	for {
		err := p.refresh(ctx, 0)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			reached = time.Now()
		} else {
			p.failed(err, time.Since(reached))
		}
		checked()
		if p.now.Load() != nil {
			wait = min(p.options.Interval, maxKeyAge)
		} else {
			wait = min(max(2*wait, firstRetry), minRefresh, p.options.Interval)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// failed logs for how long the provider has not been reached, and drops its keys after too long.
func (p *Provider) failed(err error, away time.Duration) {
	log := p.options.Log.With("provider", p.options.WellKnown, "seconds", away.Seconds(), "err", err)
	switch limit := p.options.ErrorsLimit; {
	case p.now.Load() == nil:
		log.Warn("the identity provider cannot be asked for its keys: no token is accepted")
	case limit >= 0 && int(away/p.options.Interval) > limit:
		p.now.Store(nil)
		log.Error("the identity provider could not be asked for its keys for too long: no token is accepted anymore")
	default:
		log.Warn("the identity provider cannot be asked for its keys: the cached keys are used")
	}
}

// refresh requests the provider's keys, unless a client has caused a request within the given time. 0 is
// for callers that do not act for a client: they always request. Callers that come while a request is in
// progress wait for its answer. The error is that of the last request.
func (p *Provider) refresh(ctx context.Context, within time.Duration) error {
	p.mu.Lock()
	if p.asking != nil {
		asking := p.asking
		p.mu.Unlock()
		return p.await(ctx, asking)
	}
	if within > 0 && !p.asked.IsZero() && time.Since(p.asked) < within {
		defer p.mu.Unlock()
		return p.failure
	}
	p.asking = make(chan struct{})
	if within > 0 {
		p.asked = time.Now()
	}
	p.begun++
	number := p.begun
	p.mu.Unlock()

	if within > 0 { // a client that disconnects must not make the request fail for the others
		ctx = context.WithoutCancel(ctx)
	}
	verifier, err := p.ask(ctx)
	if err == nil {
		p.now.Store(verifier)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.asking)
	p.asking, p.failure = nil, err
	if err == nil {
		p.answer = number
	}
	return err
}

func (p *Provider) await(ctx context.Context, asking <-chan struct{}) error {
	select {
	case <-asking:
	case <-ctx.Done():
		return fmt.Errorf("waiting for the identity provider: %w", ctx.Err())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failure
}

// ask reads the discovery document and the keys.
func (p *Provider) ask(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	text, err := p.get(ctx, p.options.WellKnown)
	if err != nil {
		return nil, fmt.Errorf("reading the discovery document: %w", err)
	}
	var document oidc.ProviderConfig
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("reading the discovery document: %w", err)
	}
	if document.IssuerURL == "" || !p.mayAsk(document.JWKSURL) {
		return nil, errors.New("the discovery document has no issuer, or its jwks_uri is missing, or less secure than its own URL")
	}
	if text, err = p.get(ctx, document.JWKSURL); err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	keys, err := parseKeys(text)
	if err != nil {
		return nil, err
	}
	return oidc.NewVerifier(cmp.Or(p.options.Issuer, document.IssuerURL), keys, p.verifierConfig()), nil
}

// requests returns the number of the last request to the provider, and of the one whose answer is in
// force. Keys are newer than a token if their request began after the last one that had begun when the
// token arrived.
func (p *Provider) requests() (last, answered int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun, p.answer
}

func (p *Provider) verifierConfig() *oidc.Config {
	return &oidc.Config{
		SkipClientIDCheck:    true, // checkAudience checks the configured claim
		SupportedSigningAlgs: algorithms(),
		Now:                  func() time.Time { return time.Now().Add(-leeway) },
	}
}

// mayAsk tells whether keys may be read from an address: not by http if the document came by https.
func (p *Provider) mayAsk(address string) bool {
	from, err := url.Parse(p.options.WellKnown)
	to, toErr := url.Parse(address)
	if err != nil || toErr != nil || to.Host == "" {
		return false
	}
	return to.Scheme == "https" || to.Scheme == "http" && from.Scheme == "http"
}

func (p *Provider) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	if err == nil && len(body) > maxDocument {
		err = fmt.Errorf("%s answers more than %d bytes", address, maxDocument)
	}
	return body, err
}

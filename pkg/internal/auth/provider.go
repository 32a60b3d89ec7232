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
	// minRefresh is how often the provider is asked for its keys at most for the sake of tokens
	// whose key is unknown.
	minRefresh = 10 * time.Second
	// refreshTimeout bounds asking the provider. A handshake may wait for it.
	refreshTimeout = 4 * time.Second
	// maxKeyAge is how old keys become before they are read again, at most: a socket whose token a
	// withdrawn key has signed shall end within 20 s, the time of an answer included.
	maxKeyAge = 15 * time.Second
	// firstRetry is the first wait after the provider could not be reached at start. It doubles up to
	// minRefresh.
	firstRetry = time.Second
	// maxDocument is the longest answer of the provider that is read.
	maxDocument = 1 << 20
	// maxRedirects is how often the provider may send a request elsewhere.
	maxRedirects = 3
	// leeway is how far the provider's clock and this one may differ.
	leeway = 30 * time.Second
)

// ProviderOptions say who issues tokens, and how often its keys are looked at.
type ProviderOptions struct {
	WellKnown string // URL of the discovery document
	Issuer    string // of tokens, where it is another than the document says
	Audience  string // that tokens must be for, empty for any
	// SubjectClaim and AudienceClaim are those that stand for sub and aud; empty for these.
	SubjectClaim, AudienceClaim string
	// Interval is how often the keys are read again, so that a key that the provider has withdrawn
	// is not taken any longer. They are read more often where it is longer than maxKeyAge.
	Interval time.Duration
	// ErrorsLimit is for how many intervals in a row that may fail before no key is taken anymore; -1
	// for any number.
	ErrorsLimit int
	// Transport makes the requests, one with bounds of its own where nil.
	Transport http.RoundTripper
	Log       *slog.Logger
}

// Provider keeps what an OpenID provider says of itself: its issuer and its keys.
type Provider struct {
	options ProviderOptions
	client  *http.Client
	now     atomic.Pointer[oidc.IDTokenVerifier] // nil before the provider was reached, or after too many failures

	mu      sync.Mutex    // guards what follows
	asked   time.Time     // when the provider was last asked for the sake of a client
	begun   int           // requests to the provider so far
	answer  int           // the number of the request whose answer is in force
	asking  chan struct{} // closed when the answer is there; nil while nobody asks
	failure error         // of the last time
}

// NewProvider returns a provider that has not been asked yet: Run does.
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

// Run reads the provider's keys, at once and then again and again, until ctx ends. checked is called
// each time after it, whether it went well or not.
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

// failed logs that the provider has not been reached for a time, and gives its keys up after too long.
func (p *Provider) failed(err error, away time.Duration) {
	log := p.options.Log.With("provider", p.options.WellKnown, "seconds", away.Seconds(), "err", err)
	switch limit := p.options.ErrorsLimit; {
	case p.now.Load() == nil:
		log.Warn("the identity provider cannot be asked for its keys: no token is taken")
	case limit >= 0 && int(away/p.options.Interval) > limit:
		p.now.Store(nil)
		log.Error("the identity provider could not be asked for its keys for too long: no token is taken anymore")
	default:
		log.Warn("the identity provider cannot be asked for its keys: those of before are used")
	}
}

// refresh asks the provider for its keys, unless a client had it asked within the time given; 0 is for
// who asks on no client's behalf, and does at any rate. Who comes while somebody asks waits for the same
// answer. The error is that of the last time.
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

	if within > 0 { // it is for a client, which must not make it fail for the others by going away
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
		return nil, errors.New("the discovery document has no issuer, or no jwks_uri that is as safe as its own address")
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
// force. Keys are newer than a token if their request came after the last one when the token came.
func (p *Provider) requests() (last, answered int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun, p.answer
}

func (p *Provider) verifierConfig() *oidc.Config {
	return &oidc.Config{
		SkipClientIDCheck:    true, // checkAudience looks at whatever claim has it
		SupportedSigningAlgs: algorithms(),
		Now:                  func() time.Time { return time.Now().Add(-leeway) },
	}
}

// mayAsk tells whether keys may come from an address: not by http where the document came by https.
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

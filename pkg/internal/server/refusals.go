package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// refusalsInFull is how many refusals of one client in an interval have a line of their own in the
	// log. All unauthenticated clients count as one.
	refusalsInFull = 100
	// maxRefusalsInFull is the same limit for all clients together.
	maxRefusalsInFull = 1000
	// refusalInterval is how often the refusals beyond these limits are summed up.
	refusalInterval = 10 * time.Second
	// maxLogged is how many bytes of each value that a client sent a line repeats.
	maxLogged = 256
)

// Refusals logs refused clients: a limited number of refusals in full, and of those beyond the limit,
// which are an attack or an outage, the number of each kind. A flood of unauthenticated clients hides no
// authenticated client.
type Refusals struct {
	log     *slog.Logger
	claimed func(*http.Request) string

	mu      sync.Mutex // guards what follows
	total   int        // of those in full since the last sum
	inFull  map[string]int
	further map[proxy.Kind]int
}

// NewRefusals returns a Refusals that has logged none. claimed returns the name that a request claims.
// Run must run: it resets the limits after each interval.
func NewRefusals(log *slog.Logger, claimed func(*http.Request) string) *Refusals {
	return &Refusals{log: log, claimed: claimed, inFull: make(map[string]int), further: make(map[proxy.Kind]int)}
}

// Run sums up every refusalInterval until ctx ends.
func (f *Refusals) Run(ctx context.Context) {
	tick := time.NewTicker(refusalInterval)
	defer tick.Stop()
	defer f.sumUp()
	for {
		select {
		case <-tick.C:
			f.sumUp()
		case <-ctx.Done():
			return
		}
	}
}

// sumUp logs how many refusals had no line of their own, and resets the counts.
func (f *Refusals) sumUp() {
	f.mu.Lock()
	further := f.further
	f.total, f.inFull, f.further = 0, make(map[string]int), make(map[proxy.Kind]int)
	f.mu.Unlock()
	total, byCode := 0, make([]any, 0, 2*len(further))
	for kind, n := range further {
		total += n
		byCode = append(byCode, kind.String(), n)
	}
	if total > 0 {
		f.log.Warn("further requests were refused without a line for each", "refusals", total, slog.Group("codes", byCode...))
	}
}

// tell logs a refusal with what the client claims about itself, which may be false or malicious.
//
// who is the principal of an authenticated client, and anonymous otherwise.
func (f *Refusals) tell(what string, r *http.Request, e *proxy.Error, who proxy.Principal) {
	subject := who.String()
	if !f.admit(subject, e.Kind) {
		return
	}
	query := parseQuery(r.URL.RawQuery)
	line := []any{"path", plain(r.URL.Path, maxLogged), "remote", r.RemoteAddr, "subject", plain(subject, maxLogged)}
	for _, part := range []struct{ name, value string }{
		{"forwarded", r.Header.Get("X-Forwarded-For")},
		{"userAgent", r.UserAgent()},
		{"clientId", query.values.Get("clientId")},
		{"instanceId", query.values.Get("instanceId")},
		{"groupId", query.values.Get("groupId")},
		{"topic", query.values.Get("topic")},
		{"claimedSubject", f.claimed(r)},
	} {
		if part.value != "" {
			line = append(line, part.name, plain(part.value, maxLogged))
		}
	}
	f.log.Info(what, append(line, "code", e.Kind.String(), "err", plain(e.Error(), 2*maxLogged))...)
}

// admit tells whether a refusal has a line of its own, and counts it if not.
func (f *Refusals) admit(subject string, kind proxy.Kind) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.total < maxRefusalsInFull && f.inFull[subject] < refusalsInFull {
		f.total++
		f.inFull[subject]++
		return true
	}
	f.further[kind]++
	return false
}

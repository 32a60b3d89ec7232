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
	// log. All who have not proven who they are count as one.
	refusalsInFull = 100
	// maxRefusalsInFull is the same of all clients together.
	maxRefusalsInFull = 1000
	// refusalInterval is how often those beyond are summed up.
	refusalInterval = 10 * time.Second
	// maxLogged is how many bytes a line has of each thing that a client sent.
	maxLogged = 256
)

// Refusals tells the log of clients that were refused: of so many in full, and of more, which are an
// attack or an outage, how many there were of each kind. A flood of unauthenticated clients hides no client whose
// name is known.
type Refusals struct {
	log     *slog.Logger
	claimed func(*http.Request) string

	mu      sync.Mutex // guards what follows
	total   int        // of those in full since the last sum
	inFull  map[string]int
	further map[proxy.Kind]int
}

// NewRefusals returns a Refusals that has seen none. claimed returns the name that a request says it is of.
// Run has to run for it to go on after the first interval.
func NewRefusals(log *slog.Logger, claimed func(*http.Request) string) *Refusals {
	return &Refusals{log: log, claimed: claimed, inFull: make(map[string]int), further: make(map[proxy.Kind]int)}
}

// Run sums up until ctx ends.
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

// sumUp tells of what had no line of its own, and begins anew.
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
		f.log.Warn("more were refused, without a line for each", "refusals", total, slog.Group("codes", byCode...))
	}
}

// tell tells of one that was refused, by what it says of itself: nothing of it may be true, and it is
// not known to be harmless.
//
// who is the client where it has proven that, and anonymous otherwise.
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

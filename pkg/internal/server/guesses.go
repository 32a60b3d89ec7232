package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// mostGuesses is how many wrong passwords an address may send in a row.
	mostGuesses = 30
	// guessEvery is the interval after which the address may send another one.
	guessEvery = time.Second
	// rightLife is how long a password that was right is still checked for its address, however many
	// wrong ones other clients of that address send.
	rightLife = time.Hour
)

// Guesses limits the rate of wrong passwords from an address: those of clients, of administrators, and of
// Kafka users. Tokens and certificates cannot be guessed, and are not counted.
type Guesses struct {
	secret [sha256.Size]byte // the key of the digests, which are useless outside of this process
	wrong  *fair.Budget
	right  *fair.Recent[guess]
}

// guess is a digest of an address and of the passwords that it sent.
type guess [sha256.Size]byte

// NewGuesses returns a Guesses that has counted none.
func NewGuesses() *Guesses {
	g := &Guesses{wrong: fair.NewBudget(mostGuesses, guessEvery), right: fair.NewRecent[guess](rightLife)}
	_, _ = rand.Read(g.secret[:]) // it never fails
	return g
}

// judge calls check, unless the request carries a password and its address has sent too many wrong ones.
// A password that was right from the same address before is checked all the same: it is no guess.
func (g *Guesses) judge(r *http.Request, check func() *proxy.Error) *proxy.Error {
	brought := passwordsIn(r.Header)
	if len(brought) == 0 {
		return check()
	}
	from := fair.Address(r.RemoteAddr)
	mine := g.digest(from, brought)
	if g.wrong.Exhausted(from) && !g.right.Has(mine) {
		return proxy.Errorf(proxy.KindLimitReached, "Too many wrong passwords came from your address: try again later.")
	}
	e := check()
	switch {
	case e == nil:
		g.right.Add(mine)
	case e.Kind == proxy.KindNotAuthenticated:
		g.right.Remove(mine)
		g.wrong.Fail(from)
	}
	return e
}

// passwordsIn returns the headers, and the subprotocols that stand for them, that carry passwords.
func passwordsIn(h http.Header) (found []string) {
	for _, value := range h.Values("Authorization") {
		if scheme, _, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "Basic") {
			found = append(found, value)
		}
	}
	found = append(found, h.Values("X-Kafka-Auth")...)
	for _, value := range h.Values("Sec-WebSocket-Protocol") {
		if strings.Contains(value, "wsproxy.basic.") || strings.Contains(value, "wsproxy.kafka.") {
			found = append(found, value)
		}
	}
	return found
}

func (g *Guesses) digest(from string, brought []string) guess {
	h := hmac.New(sha256.New, g.secret[:])
	for _, part := range append([]string{from}, brought...) {
		sum := sha256.Sum256([]byte(part))
		_, _ = h.Write(sum[:])
	}
	return guess(h.Sum(nil))
}

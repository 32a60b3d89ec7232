package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// leastPause and mostPause bound the pause between two connections, which doubles each time and is spread by half of it.
	leastPause, mostPause = 100 * time.Millisecond, 30 * time.Second
	// steady is how long a connection must have lasted for the pauses to begin anew.
	steady = 5 * time.Second
	// spread is within which time clients come back whom a replica that ends has sent away.
	spread = time.Second
)

// endpoint is what a connection is for.
type endpoint struct {
	name  string
	query func() url.Values // of the next connection
	// use uses a connection until it ends, and returns why. nil and errLeft end all.
	use func(ctx context.Context, c *conn) error
	// grace is how long use may go on with the connection when ctx has ended.
	grace time.Duration
}

// keep uses one connection after another until one is the last, or another would be in vain.
func (c *Client) keep(ctx context.Context, e endpoint) error {
	var r retries
	for {
		err := c.once(ctx, e, &r)
		if err == nil || errors.Is(err, errLeft) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		pause, again := r.next(err, &c.options)
		if !again {
			return err
		}
		if c.options.Notify != nil {
			c.options.Notify(err, pause)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (c *Client) once(ctx context.Context, e endpoint, r *retries) error {
	conn, err := c.dial(ctx, e.name, e.query())
	if err != nil {
		return err
	}
	defer conn.cut()
	stop := context.AfterFunc(ctx, func() {
		if e.grace == 0 {
			conn.end(context.Cause(ctx))
			return
		}
		timer := time.AfterFunc(e.grace, func() { conn.end(context.Cause(ctx)) })
		context.AfterFunc(conn.ctx, func() { timer.Stop() })
	})
	defer stop()
	r.connected()
	return e.use(ctx, conn)
}

// retries decides whether and when to connect again.
type retries struct {
	failed    int       // connections in a row that did not last
	since     time.Time // when the first of them failed, the zero time where none has
	at        time.Time // when the last handshake succeeded
	newTokens int       // tokens in a row that did not help
}

func (r *retries) connected() { r.at, r.since = time.Now(), time.Time{} }

// next returns the pause before the next connection. again is false where there is to be none.
func (r *retries) next(err error, o *Options) (pause time.Duration, again bool) {
	now := time.Now()
	if !r.at.IsZero() && now.Sub(r.at) >= steady {
		r.failed, r.newTokens = 0, 0
	}
	r.at = time.Time{}
	switch {
	case isTokenRefused(err) && o.Token != nil && r.newTokens == 0: // the last one may have expired
		r.newTokens++
		return jitter(leastPause), true
	case isInVain(err), o.Patience < 0:
		return 0, false
	}
	if r.since.IsZero() {
		r.since = now
	}
	if o.Patience > 0 && now.Sub(r.since) >= o.Patience {
		return 0, false
	}
	r.failed++
	if hasCloseCode(err, proxy.CloseServiceRestart) && r.failed == 1 {
		return time.Duration(rand.Float64() * float64(spread)), true //nolint:gosec // spreading needs no secrets
	}
	pause = jitter(min(leastPause<<min(r.failed-1, 20), mostPause))
	var e *Error
	if errors.As(err, &e) && e.after > 0 {
		pause = max(pause, e.after+jitter(e.after/4))
	}
	return pause, true
}

// jitter returns a duration between half of d and one and a half of it.
func jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Float64()*float64(d)) //nolint:gosec // spreading needs no secrets
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting to connect again: %w", context.Cause(ctx))
	}
}

package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// crowd is links that do nothing but answer pings.
type crowd struct {
	links   []*link
	readers sync.WaitGroup
	failed  chan error    // the first failure
	over    chan struct{} // closed when links may end
}

func newCrowd() *crowd {
	return &crowd{failed: make(chan error, 1), over: make(chan struct{})}
}

// add takes a link in. From now on it is the crowd's.
func (c *crowd) add(l *link) {
	c.links = append(c.links, l)
	c.readers.Go(func() {
		if err := idleAlong(l); err != nil {
			c.fail(err)
		}
	})
}

// idleAlong answers pings until the link fails. Messages are not expected.
func idleAlong(l *link) error {
	message, err := l.next()
	if err == nil {
		err = fmt.Errorf("the proxy sent %.200s to an idle connection", message)
	}
	return err
}

func (c *crowd) fail(err error) {
	select {
	case <-c.over:
		return
	default:
	}
	select {
	case c.failed <- err:
	default: // another one has failed already
	}
}

// hold waits, and fails as soon as a link does.
func (c *crowd) hold(ctx context.Context, d time.Duration) error {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case err := <-c.failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end cuts all links.
func (c *crowd) end() {
	close(c.over)
	cutAll(c.links)
	c.readers.Wait()
}

//go:build cluster

package cluster

import (
	"os"
	"testing"
	"time"
)

// testOlder upgrades from an older image, and goes back to it: both versions serve beside each other, and clients lose nothing.
func testOlder(t *testing.T, s *site) {
	need(t, "CLUSTER_OLDER_IMAGE")
	before := pods(t, "default")
	s.upgrade(t, append([]string{"--reuse-values"}, set(image(t, os.Getenv("CLUSTER_OLDER_IMAGE")))...)...)
	await(t, "end of the newer pods", longest, func() bool { return gone(t, before) })
	l := begin(t, s, s.plain(t, deployment), "older", crowd)
	l.more(t, 2000)
	s.note(t, "upgrade took %s", s.replaced(t, func() {
		s.upgrade(t, append([]string{"--reuse-values"}, set(image(t, os.Getenv("IMAGE")))...)...)
	}))
	l.more(t, 2000)
	s.note(t, "rollback took %s", s.replaced(t, func() { command(t, "helm", "rollback", release, "--wait", "--timeout", "4m") }))
	l.more(t, 2000)
	l.end(t)
	l.wantCloses(t, "1012")
	s.upgrade(t, append([]string{"--reuse-values"}, set(image(t, os.Getenv("IMAGE")))...)...)
}

// replaced does what replaces all pods, waits for the end of those that were there, and returns how long that took.
func (s *site) replaced(t *testing.T, replace func()) time.Duration {
	t.Helper()
	before, began := pods(t, "default"), time.Now()
	replace()
	await(t, "end of the old pods", longest, func() bool { return gone(t, before) })
	return time.Since(began).Round(100 * time.Millisecond)
}

//go:build cluster

package cluster

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// pooled are two pools of a pod each, whose sockets end by age once there is another pod of the pool.
const pooled = `config: {ALLOWED_GROUPS: ["*-group"], MAX_CONNECTION_AGE: 10s}
pools:
  reports: {groups: ["reports-*"], replicaCount: 1, resources: {requests: {cpu: 50m}}}
  audit: {groups: ["audit-*"], replicaCount: 1, resources: {requests: {cpu: 50m}}}
`

// testPools has two groups read by a pool each: one that gets a second pod shares its sockets out, and the other notices nothing.
func testPools(t *testing.T, s *site) {
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(pooled), 0o600); err != nil {
		t.Fatal(err)
	}
	s.upgrade(t, "--reuse-values", "--values", file)
	reports, audit := s.pool(t, "reports"), s.pool(t, "audit")
	s.wantRefused(t, s.pool(t, "default"), "reports")
	s.wantRefused(t, reports, "audit")
	s.wantRefused(t, audit, "reports")
	one, other := begin(t, s, reports, "reports", poolCrowd), begin(t, s, audit, "audit", poolCrowd)
	began := time.Now()
	one.more(t, 500)
	other.more(t, 500)
	await(t, "sockets that are older than the age with its spread", longest, func() bool { return time.Since(began) > 15*time.Second })
	if n := one.ended() + other.ended(); n > 0 {
		t.Errorf("%d connections of pools of one pod ended: there is no other pod for them", n)
	}
	s.upgrade(t, "--reuse-values", "--set", "pools.reports.replicaCount=2")
	await(t, "connections of both pods of the pool", longest, func() bool {
		return !slices.ContainsFunc(pods(t, "reports"), func(pod string) bool { return connections(t, pod) < poolCrowd/2 })
	})
	s.note(t, "reports: pods with %v connections, audit: %v", each(t, "reports"), each(t, "audit"))
	one.more(t, 500)
	other.more(t, 500)
	other.end(t)
	if n := other.ended(); n > 0 {
		t.Errorf("%d connections of the pool that was left alone ended", n)
	}
	s.note(t, "no close in audit, which had %d acknowledged", s.last().report.Answered)
	one.end(t)
	one.wantCloses(t, "1012")
	s.upgrade(t, "--reuse-values", "--set", "config.ALLOWED_GROUPS=*,config.MAX_CONNECTION_AGE=0s")
}

// poolCrowd is how many producers, and how many consumers, a pool has.
const poolCrowd = 10

// pool is the way in to a pool: by its path at the host that all pools share, where there is an ingress, or else by its service.
func (s *site) pool(t *testing.T, name string) door {
	t.Helper()
	service, path := deployment, ""
	if name != "default" {
		service, path = deployment+"-"+name, "/"+name
	}
	if s.ingress != nil {
		return door{url: "wss://" + ingressHost + path, client: s.ingress}
	}
	at := s.plain(t, service)
	at.url += path
	return at
}

// each lists the connections of a pool's pods.
func each(t *testing.T, pool string) (counts []int) {
	t.Helper()
	for _, pod := range pods(t, pool) {
		counts = append(counts, connections(t, pod))
	}
	return counts
}

// wantRefused fails unless pods refuse a group of another pool.
func (s *site) wantRefused(t *testing.T, at door, name string) {
	t.Helper()
	path := "/socket/out?clientId=other-pool&groupId=" + s.topic(name) + "&topic=" + s.topic(name)
	status := 0
	await(t, "answer of "+at.url, 2*time.Minute, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, answer, err := websocket.Dial(ctx, at.url+path, &websocket.DialOptions{HTTPClient: at.client}) //nolint:bodyclose // the library closes it
		if err == nil {
			_ = conn.CloseNow()
			t.Errorf("%s serves group %s", at.url, name)
			return true
		}
		if answer != nil {
			status = answer.StatusCode
		}
		return status != 0 && status != http.StatusNotFound && status < http.StatusInternalServerError // the ingress may not know the path yet
	})
	if status != http.StatusForbidden {
		t.Errorf("%s answers %d for group %s, want 403", at.url, status, name)
	}
}

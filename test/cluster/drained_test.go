//go:build cluster

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// testRollback puts back the values that were before: it replaces every pod, and clients lose nothing.
func testRollback(t *testing.T, s *site) {
	before := pods(t, "default")
	l := begin(t, s, s.plain(t, deployment), "rollback", crowd)
	l.more(t, 2000)
	began := time.Now()
	command(t, "helm", "rollback", release, "--wait", "--timeout", "4m")
	await(t, "end of the old pods", longest, func() bool { return gone(t, before) })
	s.note(t, "took %s", time.Since(began).Round(100*time.Millisecond))
	l.more(t, 2000)
	l.end(t)
	l.wantCloses(t, "1012")
}

// testDrained evicts all pods, as the drain of their node does. The disruption budget has one go at a time, so that the others serve.
// The node itself stays open, since the cluster may have no other.
func testDrained(t *testing.T, s *site) {
	before := pods(t, "default")
	l := begin(t, s, s.plain(t, deployment), "drained", crowd)
	l.more(t, 2000)
	fewest := watchServing(t)
	began, refused := time.Now(), 0
	left := slices.Clone(before)
	await(t, "evictions of all pods", longest, func() bool {
		left = slices.DeleteFunc(left, func(pod string) bool {
			if evict(t, pod) {
				return true
			}
			refused++
			return false
		})
		return len(left) == 0
	})
	kubectl(t, "rollout", "status", "deployment/"+deployment, "--timeout", "4m")
	await(t, "end of the old pods", longest, func() bool { return gone(t, before) })
	n := fewest()
	s.note(t, "%d pods went in %s, never fewer than %d in service; %d evictions refused by the budget",
		len(before), time.Since(began).Round(100*time.Millisecond), n, refused)
	if n < len(before)-1 || refused == 0 {
		t.Errorf("the budget left %d pods of %d in service, and refused %d evictions", n, len(before), refused)
	}
	l.more(t, 2000)
	l.end(t)
	l.wantCloses(t, "1012")
}

// watchServing looks all the time at the pods that have been ready and are not told to end, until its function is called, which returns
// how many there were at least. One that is not ready for a moment counts: Kafka may be slow, which no budget can help.
func watchServing(t *testing.T) (fewest func() int) {
	t.Helper()
	served := map[string]bool{}
	return watchLeast(t, []string{
		"get", "pods", "--selector", "wsproxy/pool=default", "--output",
		`go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{$name := .metadata.name}}{{range .status.conditions}}` +
			`{{if eq .type "Ready"}}{{$name}}={{.status}} {{end}}{{end}}{{end}}{{end}}`,
	}, func(printed string) int {
		serving := 0
		for pod := range strings.FieldsSeq(printed) {
			name, ready, _ := strings.Cut(pod, "=")
			served[name] = served[name] || ready == "True"
			if served[name] {
				serving++
			}
		}
		return serving
	})
}

// evict asks for a pod's eviction, and tells whether the disruption budget allows it.
func evict(t *testing.T, pod string) bool {
	t.Helper()
	file := filepath.Join(t.TempDir(), "eviction.json")
	text := fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":%q}}`, pod, namespace)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	line := append(words("KUBECTL", "kubectl"), "create", "--raw", "/api/v1/namespaces/"+namespace+"/pods/"+pod+"/eviction", "--filename", file)
	_, all, err := execute(t.Context(), line...)
	if err != nil && !strings.Contains(all, "disruption budget") {
		t.Fatalf("evicting %s: %v\n%s", pod, err, all)
	}
	return err == nil
}

//go:build cluster

package cluster

import (
	"net"
	"testing"
	"time"
)

// testFamilies gives the services addresses of both families, and has clients come in by each.
func testFamilies(t *testing.T, s *site) {
	addresses := nodeAddresses(t)
	if len(addresses) != 2 {
		t.Skipf("the node has not an address of each family: %v", addresses)
	}
	s.upgrade(t, "--reuse-values", "--set", "service.ipFamilyPolicy=RequireDualStack")
	s.note(t, "the service has %s, and a pod %s",
		kubectl(t, "get", "service", deployment, "--output", `jsonpath={.spec.clusterIPs}`),
		kubectl(t, "get", "pod", pods(t, "default")[0], "--output", `jsonpath={.status.podIPs[*].ip}`))
	port := kubectl(t, "get", "service", deployment, "--output", `jsonpath={.spec.ports[?(@.name=="http")].nodePort}`)
	for i, topic := range []string{"first-family", "second-family"} {
		at := net.JoinHostPort(addresses[i], port)
		await(t, "way in by "+at, 2*time.Minute, func() bool {
			conn, err := net.DialTimeout("tcp", at, time.Second)
			return err == nil && conn.Close() == nil
		})
		l := begin(t, s, door{url: "ws://" + at}, topic, 5)
		l.more(t, 500)
		l.end(t)
		if len(l.closes) > 0 {
			t.Errorf("connections by %s ended: %v", at, l.closes)
		}
		s.note(t, "%d acknowledged by %s", s.last().report.Answered, addresses[i])
	}
}

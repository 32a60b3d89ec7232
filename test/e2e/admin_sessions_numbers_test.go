package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// told is what the admin API tells of a session in numbers.
type told struct {
	Kind         string
	Records, Lag *int64
}

// String shows a number that is not told as -.
func (n told) String() string {
	show := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	return n.Kind + " " + show(n.Records) + " " + show(n.Lag)
}

// TestAdminSessionsTellRecordsAndLag of the connections of the replica that is asked, and not of those of others.
func TestAdminSessionsTellRecordsAndLag(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		a, b := k.twoReplicas(t, "KAFKA_PRODUCER_SESSIONS_ENABLED=true")
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, &kgo.Record{Value: []byte("1")}, &kgo.Record{Value: []byte("2")}, &kgo.Record{Value: []byte("3")})
		lists := func(p *proxy, what string, want ...string) {
			t.Helper()
			eventually(t, what, func() bool {
				got := make(map[string]bool)
				for _, s := range parse[[]told](t, p.admin(t, http.MethodGet, "/admin/sessions?topic="+topic, "").body) {
					got[s.String()] = true
				}
				for _, one := range want {
					if !got[one] {
						return false
					}
				}
				return len(got) == len(want)
			})
		}

		reader := a.out(t, topic, "clientId=reader", "groupId="+group, "autoCommit=false")
		last := reader.deliveries(3)[2]
		lists(a, "a reader that has committed nothing", "consumer 3 3")
		lists(b, "a reader of another replica", "consumer - -")
		reader.send(commitOf(last))
		lists(a, "a reader that has committed all", "consumer 3 0")

		writer := b.in(t, topic, "clientId=writer", "instanceId=1")
		writer.send(`{"value":{"value":"4"}}`, `{"value":{"value":"4","format":"int"}}`)
		writer.read()
		writer.read()
		lists(b, "a writer of two messages, one of them bad", "consumer - -", "producer 1 -")
	})
}

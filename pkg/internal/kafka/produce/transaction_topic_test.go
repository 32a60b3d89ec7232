package produce

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestTransactionsOfATopicThatWasMadeAgain checks that transactions end with the topic instance,
// whenever that is noticed.
func TestTransactionsOfATopicThatWasMadeAgain(t *testing.T) {
	for name, test := range map[string]struct {
		before  bool // a transaction is committed before
		noticed bool
	}{
		"noticed":                              {before: true, noticed: true},
		"noticed before the first transaction": {noticed: true},
		"not noticed yet":                      {before: true},
		"not noticed before the first":         {},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			topic := open(t, r.topics, "t")
			tx := transactions(t, r.pool, topic)
			if test.before {
				kafkatest.MustCommit(t, tx, "old")
			}
			r.remake(t)
			if test.noticed {
				awaitEnd(t, topic)
			}
			_, e := kafkatest.CommitValues(t, tx, "late")
			kafkatest.WantKind(t, e, proxy.KindTopicNotFound)
			if began := tx.pending != nil; began == test.noticed {
				t.Errorf("a transaction began: %v", began)
			}
			kafkatest.Settle(t, tx)
			tx.Close()
			kafkatest.MustCommit(t, transactions(t, r.pool, open(t, r.topics, "t")), "new")
			wantCommitted(t, r.broker, "new")
		})
	}
}

package produce

import (
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestTransactionsOfATopicThatWasMadeAgain checks that transactions end with the topic instance,
// whenever that is noticed. All records are told so that were not handed to Kafka, and of the others the one that Kafka
// has refused.
func TestTransactionsOfATopicThatWasMadeAgain(t *testing.T) {
	for name, test := range map[string]struct {
		before  bool // a transaction is committed before
		noticed bool
		second  proxy.Kind // of the second record's error
	}{
		"noticed":                              {before: true, noticed: true, second: proxy.KindTopicNotFound},
		"noticed before the first transaction": {noticed: true, second: proxy.KindTopicNotFound},
		"not noticed yet":                      {before: true, second: proxy.KindTransactionAborted},
		"not noticed before the first":         {second: proxy.KindTopicNotFound},
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
			outcomes := make([]proxy.Outcome, 2)
			if tx.Commit(time.Now().Add(kafkatest.Patience), []*proxy.Record{{Value: []byte("late")}, {Value: []byte("later")}}, outcomes) {
				t.Fatal("a transaction is committed to a topic that has ended")
			}
			kafkatest.WantKind(t, outcomes[0].Err, proxy.KindTopicNotFound)
			kafkatest.WantKind(t, outcomes[1].Err, test.second)
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

package produce

import (
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// A large record is one that the topic takes only compressed: what Kafka limits is the compressed batch.
// franz-go limits batches before it compresses them. Were it told to make larger ones, it would put ordinary
// records together that are too large for Kafka even compressed, and Kafka would refuse all of them. So
// large records go through a client of their own, which makes batches of any size and holds one record
// at a time: each is alone in its batch, as it was judged.
//
// A transaction has one client. Once a connection has had a large record, its client makes batches of any
// size, and is handed only as much at a time as the topic takes uncompressed, or one large record.

// isLarge tells whether a record that was not refused is large.
func (p *Pool) isLarge(topic *cluster.Topic, r *proxy.Record) bool {
	return p.compression != nil && cluster.BatchSize(r) > topic.MaxRecordBytes()
}

// enter waits until the client holds no other record, where that is one for large ones. Records are given
// up after a while.
func (p *pooled) enter() {
	if p.key.large {
		p.alone <- struct{}{}
	}
}

// leave lets the next large record enter.
func (p *pooled) leave() {
	if p.key.large {
		<-p.alone
	}
}

// hasLarge tells whether a record is large.
func (t *Transactions) hasLarge(records []*proxy.Record) bool {
	return slices.ContainsFunc(records, func(r *proxy.Record) bool { return t.pool.isLarge(t.topic, r) })
}

// batchBytes is what the client is to be told for its largest batch.
func (t *Transactions) batchBytes() int32 {
	if t.large {
		return cluster.LargestBatch
	}
	return t.topic.BatchBytes()
}

// atOnce is how many records may be handed over before Kafka has acknowledged them.
func (t *Transactions) atOnce(records []*proxy.Record) int {
	if !t.large {
		return len(records)
	}
	left := t.topic.MaxRecordBytes()
	for i, r := range records {
		if left -= cluster.BatchSize(r); left < 0 {
			return max(i, 1)
		}
	}
	return len(records)
}

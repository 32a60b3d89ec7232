package produce

import (
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// A large record is one that the topic accepts only compressed: Kafka limits the size of the compressed
// batch. franz-go limits batches before it compresses them. With a higher limit it would put ordinary
// records into batches that are too large for Kafka even compressed, and Kafka would refuse all of them.
// So large records use a separate client, which allows batches of any size and holds one record at a
// time: each is alone in its batch, as it was when its size was checked.
//
// A transaction has one client. Once a connection has had a large record, its client allows batches of
// any size, and gets only as many records at a time as the topic accepts uncompressed, or one large
// record.

// isLarge reports whether a record that was not refused is large.
func (p *Pool) isLarge(topic *cluster.Topic, r *proxy.Record) bool {
	return p.compression != nil && cluster.BatchSize(r) > topic.MaxRecordBytes()
}

// enter waits until the client holds no other record, if it is a client for large records. The wait is
// bounded, since records fail after a while.
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

// hasLarge reports whether any of the records is large.
func (t *Transactions) hasLarge(records []*proxy.Record) bool {
	return slices.ContainsFunc(records, func(r *proxy.Record) bool { return t.pool.isLarge(t.topic, r) })
}

// batchBytes returns the limit for the client's batches.
func (t *Transactions) batchBytes() int32 {
	if t.large {
		return cluster.LargestBatch
	}
	return t.topic.BatchBytes()
}

// atOnce returns how many records may be handed over before Kafka has acknowledged them.
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

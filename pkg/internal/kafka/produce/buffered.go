package produce

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// buffered is a record that franz-go holds. It is reused: the record and its promise would
// else be allocated each time.
type buffered struct {
	record   kgo.Record
	headers  []kgo.RecordHeader
	producer *Producer
	client   *pooled
	came     time.Time
	home     *recycled
	done     proxy.Completion
	promise  func(*kgo.Record, error)
}

// recycled keeps what is not in use, and what all of it has in common.
type recycled struct {
	pool   sync.Pool
	expiry *Expiry
}

func (h *recycled) get() *buffered {
	if b, ok := h.pool.Get().(*buffered); ok {
		return b
	}
	b := &buffered{home: h}
	b.promise = b.settled
	return b
}

// set fills b.
func (b *buffered) set(r *proxy.Record, producer *Producer, client *pooled, done proxy.Completion) {
	b.producer, b.client, b.done = producer, client, done
	b.came = time.Now()
	b.headers = appendHeaders(b.headers[:0], r)
	fillRecord(&b.record, r, producer.topic.Name, b.home.expiry.Of(b.came))
	b.record.Headers = b.headers
}

// fillRecord makes r a record of franz-go, without its headers. Without a timestamp franz-go sets
// the present time.
func fillRecord(record *kgo.Record, r *proxy.Record, topic string, contexts *Generation) {
	*record = kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Context: contexts.Free}
	if r.HasTimestamp {
		record.Timestamp = time.UnixMilli(r.Timestamp)
	}
	if r.Partition != proxy.AnyPartition {
		record.Partition = r.Partition
		record.Context = contexts.pinned
	}
}

func appendHeaders(headers []kgo.RecordHeader, r *proxy.Record) []kgo.RecordHeader {
	for _, h := range r.Headers {
		headers = append(headers, kgo.RecordHeader(h))
	}
	return headers
}

// settled is franz-go's promise: it learns the fate of the record.
func (b *buffered) settled(r *kgo.Record, err error) {
	ack := proxy.Ack{Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}
	done, client, producer := b.done, b.client, b.producer
	if err != nil {
		producer.pool.doubt(client)
		err = b.refused(err)
	}
	b.recycle()
	client.release()
	producer.release()
	done.Done(ack, err)
}

// recycle forgets what the record held.
func (b *buffered) recycle() {
	b.record = kgo.Record{}
	clear(b.headers)
	b.producer, b.client, b.done = nil, nil, nil
	b.home.pool.Put(b)
}

// refused turns an error of a record into one for the client.
func (b *buffered) refused(err error) error {
	name := b.producer.topic.Name
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge),
		errors.Is(err, kerr.InvalidTimestamp), errors.Is(err, kerr.InvalidRecord):
		return b.refusedBatch(err)
	case b.client.lost.since(b.came):
		return proxy.Wrap(err, proxy.KindTimeout, "Kafka's answer to the message was lost, and its second try refused: it may have been written.")
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		b.producer.topic.Refresh()
		return proxy.Wrap(err, proxy.KindTopicNotFound, "Topic %q does not exist anymore.", name)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		denied := proxy.Wrap(err, proxy.KindNotAuthorized, "Kafka does not authorise writing to topic %q.", name)
		b.producer.topic.Deny(denied)
		return denied
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrRecordRetries):
		return proxy.Wrap(err, proxy.KindTimeout, "Kafka did not acknowledge the message in time: it may have been written.")
	default:
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka did not take the message: send it again.")
	}
}

// refusedBatch answers a record of a batch that Kafka refused, although the topic's settings
// as they are known allowed each of its records: the settings have changed. The record is to
// blame only if it is refused by itself; the others are to be sent again.
func (b *buffered) refusedBatch(err error) error {
	b.producer.topic.Refresh()
	return proxy.Wrap(err, proxy.KindKafkaUnavailable,
		"Kafka refused a batch that this message was in, because of another one or of changed topic settings: send it again.")
}

package produce

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// keptHeaders is room for how many headers is kept with an unused buffered record.
const keptHeaders = 64

// buffered is a record whose result is not known yet. It is reused, since the record and its promise
// would otherwise be allocated each time.
type buffered struct {
	record   kgo.Record
	headers  []kgo.RecordHeader
	producer *Producer
	use      *topicUse
	came     time.Time
	home     *recycled
	done     proxy.Completion
	promise  func(*kgo.Record, error)
}

// recycled holds unused buffered records, and what all of them share.
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
func (b *buffered) set(r *proxy.Record, producer *Producer, use *topicUse, came time.Time, done proxy.Completion) {
	b.producer, b.use, b.came, b.done = producer, use, came, done
	b.headers = appendHeaders(b.headers[:0], r)
	fillRecord(&b.record, r, producer.topic.Name, b.home.expiry.Of(came))
	if !r.HasTimestamp {
		b.record.Timestamp = came
	}
	b.record.Headers = b.headers
}

// fillRecord makes r a record of franz-go, without its headers. Without a timestamp franz-go sets the
// current time.
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

// settled is franz-go's promise: it receives the result of a record that was handed over.
func (b *buffered) settled(r *kgo.Record, err error) {
	use := b.use
	if err == nil {
		b.finish(proxy.Ack{Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}, nil)
	} else {
		b.fail(err)
	}
	use.letGo()
}

// fail completes the record with the error that its client gets for err.
func (b *buffered) fail(err error) {
	why := causeOf(err)
	if why == topicEnded {
		b.use.distrust()
	} else {
		b.producer.pool.examine(b.use.client)
	}
	b.finish(proxy.Ack{}, b.refused(why, err))
}

// finish reports the record's result, and frees b for another record.
func (b *buffered) finish(ack proxy.Ack, err error) {
	done, use, producer := b.done, b.use, b.producer
	b.recycle()
	use.client.leave()
	use.release()
	producer.release()
	done.Done(ack, err)
}

// recycle clears the record and puts b back.
func (b *buffered) recycle() {
	b.record = kgo.Record{}
	clear(b.headers)
	if cap(b.headers) > keptHeaders {
		b.headers = nil
	}
	b.producer, b.use, b.done = nil, nil, nil
	b.home.pool.Put(b)
}

// refused converts an error of a record into one for the client.
func (b *buffered) refused(why cause, err error) error {
	ended := hasEnded(b.use.instance)
	if ended {
		why = topicEnded // whatever error franz-go returned when it was purged of the topic
	}
	if why != batchRefused && !ended && b.use.client.lost.since(b.came) {
		return proxy.Wrap(err, proxy.KindTimeout, "Kafka's answer to the message was lost, and its second try refused: it may have been written.")
	}
	if e := answerRefusal(b.producer.topic, why, err); e != nil {
		return e
	}
	switch why {
	case batchRefused:
		// The known settings of the topic allowed each record of the batch, so they have changed. A
		// record is the cause only if Kafka refuses it alone; the other records must be sent again.
		return proxy.Wrap(err, proxy.KindKafkaUnavailable,
			"Kafka refused a batch that this message was in, because of another one or of changed topic settings: send it again.")
	case outOfTime:
		return proxy.Wrap(err, proxy.KindTimeout, "Kafka did not acknowledge the message in time: it may have been written.")
	default:
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka did not take the message: send it again.")
	}
}

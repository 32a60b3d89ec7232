package produce

import (
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Producer is one connection's way to write records to its topic. Its methods are for one
// goroutine.
type Producer struct {
	pool    *Pool
	id      proxy.ClientID
	topic   *cluster.Topic
	current *pooled

	held    atomic.Int64  // records without a fate
	waiting atomic.Bool   // whether settle waits for none to be held
	settled chan struct{} // tells it that there may be none
}

// Open returns a producer of a topic for clientId, with the credentials that the topic was opened
// with. The Kafka client is made at the first
// record.
func (p *Pool) Open(id proxy.ClientID, topic *cluster.Topic) *Producer {
	return &Producer{pool: p, id: id, topic: topic, settled: make(chan struct{}, 1)}
}

// Check refuses a record that the topic's settings would refuse.
func (p *Producer) Check(r *proxy.Record) *proxy.Error {
	return p.topic.Check(r, time.Now())
}

// Produce hands a record over. done is called exactly once, maybe before Produce returns.
func (p *Producer) Produce(r *proxy.Record, done proxy.Completion) {
	c, err := p.client()
	if err != nil {
		done.Done(proxy.Ack{}, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka client could be made."))
		return
	}
	b := p.pool.records.get()
	b.set(r, p, c, done)
	c.client.Produce(b.record.Context, &b.record, b.promise)
}

// client returns the connection's client, with this record held in it.
func (p *Producer) client() (*pooled, error) {
	key := clientKey{p.id, p.topic.BatchBytes(), p.topic.Credentials()}
	if p.current != nil && (!p.current.fits(key) || p.current.stuck.Load()) {
		p.settle()
		p.current = nil
	}
	for p.current == nil || !p.current.hold() {
		c, err := p.pool.get(key)
		if err != nil {
			return nil, err
		}
		p.current = c
	}
	p.held.Add(1)
	return p.current, nil
}

// settle waits until no record is held, so that records keep their order when the connection
// goes over to another client. That is bounded: records are given up after a while.
func (p *Producer) settle() {
	p.waiting.Store(true)
	defer p.waiting.Store(false)
	for p.held.Load() > 0 {
		<-p.settled
	}
}

// release counts one record less.
func (p *Producer) release() {
	if p.held.Add(-1) > 0 || !p.waiting.Load() {
		return
	}
	select {
	case p.settled <- struct{}{}:
	default:
	}
}

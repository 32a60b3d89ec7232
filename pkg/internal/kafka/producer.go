package kafka

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Producer is one connection's way to write records to its topic. Its methods are for one
// goroutine.
type Producer struct {
	pool    *Producers
	id      proxy.ClientID
	topic   *Topic
	current *pooled
}

// Open returns a producer of a topic for clientId. The Kafka client is made at the first
// record.
func (p *Producers) Open(id proxy.ClientID, topic *Topic) *Producer {
	return &Producer{pool: p, id: id, topic: topic}
}

// Check refuses a record that the topic's settings would refuse.
func (p *Producer) Check(r *proxy.Record) *proxy.Error {
	return p.topic.entry.settings.Load().check(r, time.Now())
}

// Produce hands a record over. done is called exactly once, maybe before Produce returns.
func (p *Producer) Produce(r *proxy.Record, done proxy.Completion) {
	c, err := p.client()
	if err != nil {
		done.Done(proxy.Ack{}, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka client could be made."))
		return
	}
	b := p.pool.records.get()
	b.set(r, p.topic, c, done)
	c.client.Produce(b.record.Context, &b.record, b.promise)
}

// client returns the connection's client, with this record held in it.
func (p *Producer) client() (*pooled, error) {
	for p.current == nil || !p.current.hold() {
		c, err := p.pool.get(p.id)
		if err != nil {
			return nil, err
		}
		p.current = c
	}
	return p.current, nil
}

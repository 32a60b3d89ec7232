package produce

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Producer writes one connection's records to its topic instance. Its methods are for one goroutine.
type Producer struct {
	pool    *Pool
	id      proxy.ClientID
	topic   *cluster.Topic
	current *topicUse
	shares  bool // a client of the connection was evicted; it creates no further one in a full pool

	held    atomic.Int64  // records without a result
	waiting atomic.Bool   // whether settle waits until no record is held
	settled chan struct{} // tells settle that none may be held anymore
}

// Open returns a producer of a topic for clientId, with the credentials with which the topic was opened.
// The first record creates the Kafka client.
func (p *Pool) Open(id proxy.ClientID, topic *cluster.Topic) *Producer {
	return &Producer{pool: p, id: id, topic: topic, settled: make(chan struct{}, 1)}
}

// Check refuses a record that the topic's settings would refuse. It can take seconds if it asks Kafka.
func (p *Producer) Check(r *proxy.Record) *proxy.Error { return p.pool.check(p.topic, r) }

// Produce hands a record over that came at a time, from which its time limit counts. done is called exactly once, maybe before Produce returns.
func (p *Producer) Produce(r *proxy.Record, came time.Time, done proxy.Completion) {
	use, err := p.use(p.pool.isLarge(p.topic, r))
	if errors.Is(err, errEnded) {
		done.Done(proxy.Ack{}, answerRefusal(p.topic, topicEnded, err))
		return
	}
	if err != nil {
		done.Done(proxy.Ack{}, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka client could be made."))
		return
	}
	use.client.enter()
	b := p.pool.records.get()
	b.set(r, p, use, came, done)
	use.produce(b)
}

// use returns the connection's use of its topic instance, and holds this record in it.
func (p *Producer) use(large bool) (*topicUse, error) {
	n := p.need(large)
	if p.current != nil && (!p.current.client.fits(n.clientKey) || p.current.client.replaced.Load()) {
		p.settle()
		if large == p.current.client.key.large {
			n.leaves = p.current.client
		}
		p.current = nil
	}
	for p.current == nil || !p.hold() {
		n.shares = p.shares
		if err := p.find(n); err != nil {
			return nil, err
		}
	}
	p.held.Add(1)
	return p.current, nil
}

func (p *Producer) need(large bool) need {
	n := need{clientKey: clientKey{id: p.id, maxBatch: p.topic.BatchBytes(), large: large, credentials: p.topic.Credentials()}}
	if large {
		n.maxBatch = cluster.LargestBatch
	}
	return n
}

// hold holds a record in the current use and its client, unless one of them is over.
func (p *Producer) hold() bool {
	c := p.current.client
	if !c.hold() {
		p.shares = p.shares || c.evicted.Load()
		return false
	}
	if !p.current.hold() {
		c.release()
		return false
	}
	return true
}

// find gets a client and its use of the topic instance, unless the client is closed at that moment. All
// records held in the previous client have a result.
func (p *Producer) find(n need) error {
	c, err := p.pool.get(n)
	if err != nil {
		return err
	}
	p.current, err = c.useOf(p.topic.Instance, p.pool.work.Run)
	switch {
	case errors.Is(err, errWornOut):
		c.replace()
		return nil
	case errors.Is(err, errClientClosed):
		return nil // the next call of get returns another one
	}
	return err
}

// settle waits until no record is held, so that records keep their order when the connection switches to
// another client. The wait is bounded: records fail after a while.
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

package produce

import "github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"

// franz-go numbers the records of a producer id for each partition (idempotence), and begins anew with a
// topic that it was purged of. Kafka takes a number that it has seen lately for a repetition, and
// acknowledges the record without writing it. franz-go has no call that keeps the numbers, or asks for
// another epoch. So a client that has written to a topic instance and was purged of it never writes to that
// one again: it is worn out for it, and where it would have to, another client takes its place.

// maxWornOut is for how many instances a client is worn out, before another takes its place anyway.
const maxWornOut = 1000

// instanceKey tells topic instances apart.
type instanceKey struct {
	name string
	id   [16]byte
}

func keyOf(i *cluster.Instance) instanceKey { return instanceKey{i.Name, i.ID()} }

// wearOut notes that the client must not write to an instance anymore.
func (p *pooled) wearOut(i *cluster.Instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.worn[keyOf(i)] = struct{}{}
}

// isWornOut tells whether the client must not write to an instance anymore. p.mu is held.
func (p *pooled) isWornOut(i *cluster.Instance) bool {
	_, worn := p.worn[keyOf(i)]
	previous := p.topics[i.Name]
	return worn || previous != nil && previous.instance == i && previous.isOver() && previous.wrote.Load()
}

// replace takes a client out of the pool. Its connections go over to another one when they hold nothing in
// it anymore, and it is closed when it holds nothing, or all that it holds has been given up.
func (p *Pool) replace(c *pooled) {
	c.replaced.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients[c.key] != c {
		return // who took it out closes it
	}
	delete(p.clients, c.key)
	_ = p.work.Run(func() { // refuses nothing as long as the pool has clients
		p.drainInTime(c)
		c.close(p.cluster.Metrics)
	})
}

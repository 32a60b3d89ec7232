package produce

import "github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"

// franz-go numbers the records of a producer id for each partition (idempotence), and restarts the
// numbers for a topic of which it was purged. Kafka treats a number that it has seen lately as a
// repetition, and acknowledges the record without writing it. franz-go has no call that keeps the
// numbers, or requests another epoch. So a client that has written to a topic instance and was purged of
// it never writes to that instance again: it is worn out for it. If it would have to write, another
// client replaces it.

// maxWornOut is the number of instances for which a client may be worn out before it is replaced anyway.
const maxWornOut = 1000

// instanceKey identifies topic instances.
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

// isWornOut reports whether the client must not write to an instance anymore. p.mu is held.
func (p *pooled) isWornOut(i *cluster.Instance) bool {
	_, worn := p.worn[keyOf(i)]
	previous := p.topics[i.Name]
	return worn || previous != nil && previous.instance == i && previous.isOver() && previous.wrote.Load()
}

// replace removes a client from the pool. Each of its connections switches to another one when it holds
// no record in the client anymore. The client is closed when it holds no record, or the time of all its
// records is over.
func (p *Pool) replace(c *pooled) {
	c.replaced.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients[c.key] != c {
		return // the remover closes it
	}
	delete(p.clients, c.key)
	_ = p.work.Run(func() { // never refused while the pool has clients
		p.drainInTime(c)
		c.close(p.cluster.Metrics)
	})
}

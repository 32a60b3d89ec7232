package produce

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stuckCheck bounds the check whether a client is stuck.
const stuckCheck = 5 * time.Second

// IsStuck reports whether a client cannot produce anymore, whatever Kafka answers later: franz-go treats
// a broker's refusal of a producer id as final.
func IsStuck(ctx context.Context, client *kgo.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, stuckCheck)
	defer cancel()
	_, _, err := client.ProducerID(ctx)
	refused, ok := errors.AsType[*kerr.Error](err)
	return ok && !refused.Retriable
}

// examine checks whether a client that has failed a record is stuck. If so, its connections switch to
// another one, and it is closed when it holds no record anymore.
func (p *Pool) examine(c *pooled) {
	if !c.examined.CompareAndSwap(false, true) {
		return
	}
	_ = p.work.Run(func() { // after Close no client needs to be replaced
		if !IsStuck(p.life, c.client) {
			c.examined.Store(false)
			return
		}
		p.cluster.Log.Warn("Kafka refused a producer id, which is final for the client: the client is replaced", "kafkaClient", string(c.key.id))
		p.replace(c)
	})
}

// examineThoseThatHold finds records that franz-go has lost track of: no error reports them.
func (p *Pool) examineThoseThatHold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		if c.held.Load() > 0 {
			p.examine(c)
		}
	}
}

// drainInTime waits until a client holds no record, or all its records have exceeded their time:
// franz-go can lose track of a record that arrives at the moment at which it is refused a producer id.
func (p *Pool) drainInTime(c *pooled) {
	ctx, cancel := context.WithTimeout(p.life, p.cluster.Settings.ProducerDeliveryTimeout)
	defer cancel()
	c.drain(ctx)
}

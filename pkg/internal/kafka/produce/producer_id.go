package produce

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stuckCheck bounds the question whether a client is stuck.
const stuckCheck = 5 * time.Second

// IsStuck tells whether a client cannot produce anymore, whatever Kafka says later: franz-go
// takes it for final when a broker refuses it a producer id.
func IsStuck(ctx context.Context, client *kgo.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, stuckCheck)
	defer cancel()
	_, _, err := client.ProducerID(ctx)
	refused, ok := errors.AsType[*kerr.Error](err)
	return ok && !refused.Retriable
}

// examine looks whether a client that has failed a record is stuck. If so, those who use it go
// over to another one, and it is closed when it holds nothing anymore.
func (p *Pool) examine(c *pooled) {
	if !c.examined.CompareAndSwap(false, true) {
		return
	}
	_ = p.work.Run(func() { // after Close nothing needs to be replaced
		if !IsStuck(p.life, c.client) {
			c.examined.Store(false)
			return
		}
		p.cluster.Log.Warn("Kafka refused a producer id, which its client cannot get over: it is replaced", "kafkaClient", string(c.key.id))
		p.replace(c)
	})
}

// examineThoseThatHold looks after records that franz-go has lost sight of: no error tells of them.
func (p *Pool) examineThoseThatHold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		if c.held.Load() > 0 {
			p.examine(c)
		}
	}
}

// drainInTime waits until a client holds nothing, or all that it holds has been given up: franz-go can
// lose sight of a record that comes in the moment in which it is refused a producer id.
func (p *Pool) drainInTime(c *pooled) {
	ctx, cancel := context.WithTimeout(p.life, p.cluster.Settings.ProducerDeliveryTimeout)
	defer cancel()
	c.drain(ctx)
}

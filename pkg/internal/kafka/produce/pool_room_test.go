package produce

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// dialled counts connections to brokers, and can delay their closing.
type dialled struct {
	count  atomic.Int64
	closed atomic.Int64 // that are closing or closed
	block  atomic.Pointer[chan struct{}]
}

func (d *dialled) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.count.Add(1)
	return &dialledConn{conn, d}, nil
}

type dialledConn struct {
	net.Conn
	of *dialled
}

// Close implements net.Conn.
func (c *dialledConn) Close() error {
	c.of.closed.Add(1)
	if block := c.of.block.Load(); block != nil {
		<-*block
	}
	return c.Conn.Close()
}

// crowd opens producers of the given number of clientIds in a pool of the given size.
func crowd(t *testing.T, clients, places int) (*dialled, *Pool, []*Producer) {
	t.Helper()
	broker, d := kafkatest.Broker(t, "t"), new(dialled)
	c := clustertest.ConnectThrough(t, d.dial, broker.ListenAddrs()...)
	c.Settings.MaxProducerClients = places
	topic, pool := open(t, watch(t, c), "t"), newPool(t, c)
	producers := make([]*Producer, clients)
	for i := range producers {
		producers[i] = pool.Open(proxy.ClientID(fmt.Sprint("c", i)), topic)
	}
	return d, pool, producers
}

// age makes all clients of a pool look idle for the given time.
func (p *Pool) age(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.idle.observe(c.uses.Load(), time.Now())
		c.idle.since = c.idle.since.Add(-by)
	}
}

// TestMoreClientIDsThanPlaces has each of 40 clientIds send a message in turn. However long a turn
// takes, in the end it opens no connection to a broker.
func TestMoreClientIDsThanPlaces(t *testing.T) {
	for name, idle := range map[string]time.Duration{"in quick turns": 0, "in slow turns": evictAfter} {
		t.Run(name, func(t *testing.T) {
			d, pool, producers := crowd(t, 40, 20)
			turn := func() int64 {
				before := d.count.Load()
				for _, p := range producers {
					mustProduce(t, p, "x")
					pool.age(idle)
				}
				return d.count.Load() - before
			}
			turn()
			turn()
			if dials := turn(); dials > 0 {
				t.Errorf("the third turn made %d connections", dials)
			}
			if n := len(pool.ids()); n > 21 { // the shared client is additional
				t.Errorf("there are %d clients", n)
			}
		})
	}
}

// TestNobodyWaitsForClientsToClose delays the closing of a client that is evicted for another.
func TestNobodyWaitsForClientsToClose(t *testing.T) {
	for name, closing := range map[string]func(*Pool, *Producer) error{
		"to make room": func(p *Pool, next *Producer) error {
			p.age(evictAfter)
			_, err := p.get(need{clientKey: clientKey{id: next.id, maxBatch: next.topic.BatchBytes()}})
			return err
		},
		"after the idle timeout": func(p *Pool, _ *Producer) error {
			p.age(time.Hour)
			p.sweep(time.Now())
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, pool, producers := crowd(t, 3, 1)
			mustProduce(t, producers[0], "x")
			block := make(chan struct{})
			free := sync.OnceFunc(func() {
				d.block.Store(nil)
				close(block)
			})
			defer free()
			d.block.Store(&block)
			if err := closing(pool, producers[1]); err != nil {
				t.Fatal(err)
			}
			kafkatest.Await(t, "a client to be closed", func() bool { return d.closed.Load() > 0 })
			mustProduce(t, producers[2], "x")
			free()
		})
	}
}

// TestAClientThatWasUsedLatelyStays checks that new clientIds share a client, whatever the pool holds at
// the moment.
func TestAClientThatWasUsedLatelyStays(t *testing.T) {
	_, pool, producers := crowd(t, 3, 1)
	mustProduce(t, producers[0], "x")
	pool.age(evictAfter - time.Second)
	mustProduce(t, producers[1], "x")
	if ids := pool.ids(); len(ids) != 2 || !ids["c0"] || !ids[sharedClientID] {
		t.Errorf("the pool has %v", ids)
	}
	pool.age(evictAfter)
	mustProduce(t, producers[2], "x")
	if ids := pool.ids(); ids["c0"] {
		t.Errorf("the pool has %v", ids)
	}
	mustProduce(t, producers[0], "x") // shares from now on
	if producers[0].current.client.key.id != sharedClientID {
		t.Errorf("the client is %q", producers[0].current.client.key.id)
	}
}

package e2e

import (
	"encoding/binary"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// asked is the head of a request to a broker: its kind and its client.id.
type asked struct {
	key    kmsg.Key
	client string
}

// overheard is a connection to a broker that records the requests.
type overheard struct {
	net.Conn

	gate   *gate
	closed chan struct{}
	once   sync.Once
}

// Read implements net.Conn. If Kafka is to be slow, it delays each part of an answer.
func (c *overheard) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if late := c.gate.late.Load(); late > 0 {
		select {
		case <-time.After(time.Duration(late)):
		case <-c.closed:
		}
	}
	return n, err //nolint:wrapcheck // as the connection does it
}

// Close implements net.Conn.
func (c *overheard) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close() //nolint:wrapcheck // as the connection does it
}

// Write implements net.Conn. A request is written at once: its length, key, version, number and
// client.id.
func (c *overheard) Write(b []byte) (int, error) {
	const head = 14
	if len(b) >= head && int(binary.BigEndian.Uint32(b)) == len(b)-4 {
		client := b[head:][:max(int16(binary.BigEndian.Uint16(b[12:])), 0)]
		c.gate.mu.Lock()
		if c.gate.asked == nil {
			c.gate.asked = make(map[asked]bool)
		}
		c.gate.asked[asked{kmsg.Key(binary.BigEndian.Uint16(b[4:])), string(client)}] = true
		c.gate.mu.Unlock()
	}
	return c.Conn.Write(b) //nolint:wrapcheck // as the connection does it
}

// whoAsked returns the client.ids of the requests of a kind, except those of the proxy itself.
func (g *gate) whoAsked(key kmsg.Key) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var clients []string
	for _, a := range slices.Collect(maps.Keys(g.asked)) {
		if a.key == key && !strings.HasPrefix(a.client, "wsproxy") {
			clients = append(clients, a.client)
		}
	}
	slices.Sort(clients)
	return clients
}

// TestKafkaIsToldTheClientID checks the client.id by which brokers apply their quotas.
func TestKafkaIsToldTheClientID(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		p := k.start(t)
		writers, readers := []string{"b ü", "writer"}, []string{"c ☃", "reader"}
		for i := range writers {
			in := p.in(t, topic, "clientId="+writers[i])
			in.send(`{"value":{"value":"v"}}`)
			in.ack()
			out := p.out(t, topic, "clientId="+readers[i], "groupId="+group+readers[i])
			out.deliveries(i + 1)
			go func() { _, _ = out.next() }() // answers the ping
			k.awaitCommit(t, group+readers[i], topic, int64(i+1))
		}
		for key, want := range map[kmsg.Key][]string{
			kmsg.Produce: writers, kmsg.JoinGroup: readers, kmsg.Fetch: readers, kmsg.OffsetCommit: readers,
		} {
			if got := p.kafka.whoAsked(key); !slices.Equal(got, want) {
				t.Errorf("%s comes from %q, want %q", key.Name(), got, want)
			}
		}
	})
}

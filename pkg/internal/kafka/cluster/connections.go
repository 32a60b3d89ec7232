package cluster

import (
	"context"
	"errors"
	"net"
	"sync"
)

// errCut tells that the proxy does not connect to brokers anymore.
var errCut = errors.New("connections to Kafka are cut, since the proxy ends")

// connections are those of all clients to the brokers. When they are cut, nothing waits for a
// broker any longer: while one is silent franz-go waits in places where no context ends it, for the
// first answer on a new connection among them.
type connections struct {
	life context.Context
	end  context.CancelFunc

	mu   sync.Mutex // guards open
	open map[*connection]struct{}
}

func newConnections() *connections {
	life, end := context.WithCancel(context.Background())
	return &connections{life: life, end: end, open: make(map[*connection]struct{})}
}

// through has what connect opens be cut with the others.
func (c *connections) through(connect dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(c.life, func() { cancel(errCut) })()
		conn, err := connect(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return c.add(conn)
	}
}

func (c *connections) add(conn net.Conn) (net.Conn, error) {
	one := &connection{Conn: conn, among: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return nil, errors.Join(errCut, conn.Close())
	}
	c.open[one] = struct{}{}
	return one, nil
}

// cut closes all connections, and lets nobody open another.
func (c *connections) cut() {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.open {
		_ = one.Conn.Close() // nobody is left to be told
	}
}

// connection is one that is open.
type connection struct {
	net.Conn
	among *connections
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.among.mu.Lock()
	delete(c.among.open, c)
	c.among.mu.Unlock()
	return c.Conn.Close()
}

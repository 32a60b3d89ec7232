package socket

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Settings are the limits and times of all connections.
type Settings struct {
	MaxMessageBytes int64         // longest message taken from a client
	PingInterval    time.Duration // silence after which the peer is pinged
	PongTimeout     time.Duration // silence after a ping that ends the connection
	ProbeBytes      int           // written without a sign of the peer, behind which it is pinged; 0 for never
	WriteTimeout    time.Duration // how long a full socket may take no byte
	CloseTimeout    time.Duration // how long the peer may take to answer a close frame
	Budget          *budget.Budget
	Buffers         *Buffers     // shared by all connections
	Compression     *Compression // shared by all connections; nil where nothing is to be compressed
	Pushers         *Pushers     // shared by all connections; nil where their writers are woken instead
}

// Conn is one WebSocket connection. The library does the handshake only: frames are read and written here, so
// that what arrives together is read at once, a whole poll is sent in one write and nothing waits for a peer.
type Conn struct {
	// Fixed after construction.
	raw      net.Conn // what is read from and written to: TLS, or the stream itself
	stream   *Stream
	settings Settings
	metrics  *metrics.Metrics
	began    time.Time
	wake     chan struct{}   // tells the writer that there may be something to do
	room     chan struct{}   // tells a caller of SendText that waits that texts were taken
	done     chan struct{}   // closed when the writer has ended
	open     context.Context // ends when the connection is being closed, or is closed
	shut     context.CancelFunc
	onPong   func(payload []byte) (right bool) // tells whether it repeats a ping of the flow; nil where the flow ignores pongs
	onWait   func()                            // called by the reader before it waits for anything; may be nil
	intake   intake                            // nil where the flow takes any number of messages
	pings    pongJudge
	renewer  Renewer // nil where the client cannot renew its token

	extension *extension // nil where compression was not negotiated

	// The reader's.
	arrived  inbound
	clock    clock
	message  []byte // of a message that has come in parts
	reserved int64  // bytes of the memory budget, for a message and what is decoded from it
	received int    // bytes of messages that are still to be counted

	// Of who holds writing: the writer unless it pauses, or who pushes meanwhile.
	writing   sync.Mutex
	src       source // nil before the writer has begun
	out       []byte
	charged   int64 // to the memory budget, for out
	keepalive keepalive
	timer     *time.Timer // wakes the writer
	due       dueBeats

	unfinished unfinished

	pushers atomic.Pointer[Pushers] // nil where only the writer writes
	queued  atomic.Bool             // whether it waits to be pushed

	records   atomic.Int64 // see Records
	lastHeard atomic.Int64 // nanoseconds since began
	isEnding  atomic.Bool  // whether ending is set
	awaited   atomic.Bool  // whether a caller of Alive waits for a sign of life
	readSince atomic.Int64 // nanoseconds since began, when the reader began to wait; notReading while it does not

	mu        sync.Mutex // guards what follows
	pongs     []byte     // frames that answer pings, ready to be sent
	echo      []byte     // the answer to the peer's close frame
	texts     []byte     // error frames, ready to be sent
	signs     []*sign    // callers of Alive that wait
	askSign   bool       // whether their ping is still to be sent
	ending    *Ending
	closeSent bool
	hungUp    bool            // whether the reader has ended
	peerCode  proxy.CloseCode // from the peer's close frame, or CloseAbnormal where it disconnected without one
	result    proxy.CloseCode // what the connection ended with
}

// Ending says how the proxy closes a connection.
type Ending struct {
	Code   proxy.CloseCode
	Reason string
	Error  *proxy.Error  // sent as an error frame before the close frame; may be nil
	Grace  time.Duration // how long the flow may take to finish what is in flight
	// Returns says that the client is to come back at once, to this replica or another: its place in its consumer group is
	// kept for it.
	Returns bool
	by      time.Time
}

// EndWith is the ending that an error calls for.
func EndWith(e *proxy.Error, grace time.Duration) Ending {
	if errors.Is(e, proxy.ErrReplaced) {
		return Ending{Code: proxy.CloseServiceRestart, Reason: e.Message, Grace: grace}
	}
	return Ending{Code: e.Kind.Class().Close, Reason: e.Message, Error: e, Grace: grace}
}

// End asks for the connection to be closed, once: a later call changes nothing. The flow
// finishes what is in flight within the ending's grace, then the close frame is sent.
func (c *Conn) End(e Ending) {
	c.mu.Lock()
	if c.ending == nil {
		e.by = time.Now().Add(e.Grace)
		c.ending = &e
		c.isEnding.Store(true)
		c.setResult(e.Code)
		c.hurryWrite()
	}
	c.mu.Unlock()
	c.shut()
	c.Wake()
}

// Ending returns how the connection is being closed by the proxy, or nil.
func (c *Conn) Ending() *Ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// endAtPanic is deferred by the reader, before finish: a connection that a bug leaves without its reader must
// not stay open. The panic goes on.
func (c *Conn) endAtPanic() {
	if cause := recover(); cause != nil {
		c.End(Ending{Code: proxy.CloseInternal, Reason: "The proxy has failed."})
		panic(cause)
	}
}

// finish is the reader's last step: it tells the writer to end, waits for it, and closes the
// socket, after the peer's close frame where ours was sent.
func (c *Conn) finish() {
	c.unreserve()
	c.countReceived()
	c.mu.Lock()
	c.hungUp = true
	c.hurryWrite()
	c.mu.Unlock()
	c.wakeWriter()
	<-c.done
	c.linger()
	c.part()
	c.arrived.shrink()
}

// part closes the socket. After a close frame it also sends the close_notify alert of TLS, for which
// it waits at most for the CloseTimeout: a client could take its absence for a
// truncation attack (RFC 8446, section 6.1).
func (c *Conn) part() {
	c.mu.Lock()
	orderly := c.closeSent
	c.mu.Unlock()
	if orderly && c.raw != net.Conn(c.stream) {
		c.closeWrite()
		_ = c.raw.Close()
	}
	c.Cut()
}

// closeWrite tells the peer that no more bytes come. The writer has ended.
func (c *Conn) closeWrite() {
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		_ = c.stream.SetWriteDeadline(time.Now().Add(c.settings.CloseTimeout)) // crypto/tls has set one that is past
		_ = c.stream.flush(c)
	}
}

// linger reads on, discarding, until the peer has closed or its time is up: closing a socket
// that has unread bytes resets the connection, and the peer would lose our close frame (RFC 6455,
// section 7.1.1).
func (c *Conn) linger() {
	c.mu.Lock()
	wait := c.closeSent && c.peerCode == 0
	c.mu.Unlock()
	if wait {
		c.closeWrite()
		_, _ = io.Copy(io.Discard, c.raw)
	}
}

// Cut closes the socket without a close frame. It does not wait for TLS, whose Close would wait while
// the reader writes an answer of TLS.
func (c *Conn) Cut() { _ = c.stream.Close() }

// Wake tells the writer that there may be something to do, or has that done in its place.
func (c *Conn) Wake() {
	if p := c.pushers.Load(); p != nil && !c.isEnding.Load() {
		p.add(c)
		return
	}
	c.wakeWriter()
}

func (c *Conn) wakeWriter() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Result returns the close code that the connection ended with.
func (c *Conn) Result() proxy.CloseCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result == 0 {
		return proxy.CloseAbnormal
	}
	return c.result
}

// left tells whether the member is to leave the group: one of the two sides has closed the
// connection. A peer that was cut off may reconnect as the same member, one whose connection was too old does, and a
// peer whose identity a newer connection has taken over must not remove it. left is called when the connection is over.
func (c *Conn) left() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return !c.ending.Returns && (c.ending.Error == nil || !errors.Is(c.ending.Error, proxy.ErrSucceeded))
	}
	return c.closedByPeer()
}

// setResult keeps the first code with which the connection ended. c.mu is held.
func (c *Conn) setResult(code proxy.CloseCode) {
	if c.result == 0 {
		c.result = code
	}
}

// Records returns how many records the client was sent, or has written with success. It grows when the frames that deliver or
// acknowledge them are written.
func (c *Conn) Records() int64 { return c.records.Load() }

// since returns the connection's age, on the monotonic clock.
func (c *Conn) since() time.Duration { return time.Since(c.began) }

func (c *Conn) heard() {
	c.lastHeard.Store(int64(c.since()))
	c.signed()
}

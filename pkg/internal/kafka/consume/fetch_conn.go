package consume

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// requestHead is the part of a request that identifies it: its length and its API key (Kafka
	// protocol, request header).
	requestHead = 4 + 2
	// smallAnswer is the longest answer to a fetch that is read without room in the memory budget: it
	// contains no records, or few.
	smallAnswer = 1 << 10
)

// fetchConn is a connection of a consumer to a broker. It reads the answer to a fetch only when there is
// room for it in the memory budget: until then the answer stays at the broker and in the socket.
//
// franz-go uses a separate connection for fetches. It writes one request at a time, in one call, and
// reads the length of an answer before it allocates a buffer for it. fetchConn extends the read deadline
// by the time of the wait.
type fetchConn struct {
	net.Conn
	address string
	fetched *fetched
	fetches atomic.Bool // whether the last request was a fetch

	// Used by the reader only.
	head []byte // of the answer's length, the part that was not returned yet
	rest int64  // of the answer, the number of bytes that were not read yet

	patience patience // used by the writer only

	mu        sync.Mutex    // guards what follows
	deadline  time.Time     // of reads
	interrupt chan struct{} // closed to end a wait; nil while there is none
	closed    bool
}

// Write implements net.Conn.
func (c *fetchConn) Write(request []byte) (int, error) {
	fetch := len(request) >= requestHead && binary.BigEndian.Uint16(request[4:]) == uint16(kmsg.Fetch)
	c.fetches.Store(fetch)
	if fetch {
		c.fetched.asked(c.address)
		request = c.patience.next(c, request)
	}
	return c.Conn.Write(request)
}

// Read implements net.Conn.
func (c *fetchConn) Read(p []byte) (int, error) {
	if len(c.head) == 0 && c.rest == 0 {
		if err := c.readHead(); err != nil {
			return 0, err
		}
	}
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.rest)])
	c.rest -= int64(n)
	return n, err
}

// readHead reads the length of an answer, and waits until the memory budget has room for it.
func (c *fetchConn) readHead() error {
	head := make([]byte, 4)
	if _, err := io.ReadFull(c.Conn, head); err != nil {
		return err
	}
	length := int64(int32(binary.BigEndian.Uint32(head)))
	if c.fetches.Load() {
		c.fetched.answered(c.address)
		c.fetched.waitsNoLonger(c)
		if length > smallAnswer && !c.awaitRoom(length) {
			return os.ErrDeadlineExceeded
		}
	}
	c.head, c.rest = head, max(0, length)
	return nil
}

// awaitRoom waits for room, and reports whether there is room.
func (c *fetchConn) awaitRoom(bytes int64) bool {
	began, interrupt := time.Now(), c.beginWait()
	there := c.fetched.room(c, bytes, interrupt)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupt = nil
	if there && !c.deadline.IsZero() {
		c.deadline = c.deadline.Add(time.Since(began))
		_ = c.Conn.SetReadDeadline(c.deadline) // if this fails, the read fails too
	}
	return there
}

// beginWait returns a channel that is closed when the wait is interrupted. It may be closed already.
func (c *fetchConn) beginWait() <-chan struct{} {
	interrupt := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupt = interrupt
	if c.closed || !c.deadline.IsZero() && !c.deadline.After(time.Now()) {
		c.endWait()
	}
	return interrupt
}

// SetReadDeadline implements net.Conn. A deadline in the past interrupts a wait: franz-go ends a read
// this way.
func (c *fetchConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if !t.IsZero() && !t.After(time.Now()) {
		c.endWait()
	}
	return c.Conn.SetReadDeadline(t)
}

// Close implements net.Conn.
func (c *fetchConn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.endWait()
	c.mu.Unlock()
	c.fetched.waitsNoLonger(c)
	return c.Conn.Close()
}

// interruptWait ends a wait, if there is one.
func (c *fetchConn) interruptWait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endWait()
}

// endWait interrupts a wait, if there is one. c.mu is held.
func (c *fetchConn) endWait() {
	if c.interrupt != nil {
		close(c.interrupt)
		c.interrupt = nil
	}
}

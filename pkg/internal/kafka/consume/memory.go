package consume

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
)

// memory is what the consumers of a process have in common of it.
type memory struct {
	budget  *budget.Budget
	holders atomic.Int64 // consumers that hold something
	growth  growth       // of what any of them has read
}

// fetched is what a consumer holds of the memory budget: what franz-go has fetched for it, until
// its owner is through with what was polled of that.
//
// franz-go asks a broker for more as soon as everything of the fetch before was polled. So a request
// tells that the fetch before it is polled; its bytes are held, by the last records of it, until the
// next poll begins. The answer is not read before there is room for it: see fetchConn.
type fetched struct {
	memory *memory
	growth growth // of what the consumer has read

	mu      sync.Mutex        // guards what follows
	fetches map[string]*fetch // the newest of each broker, by its address
	polled  []fetch           // fetches that were polled whole, since the last poll began
	poll    uint64            // odd while a poll waits for records
	held    int64             // the sum of all
	waits   map[*fetchConn]struct{}
	over    bool // the consumer ends: nothing is waited for anymore
	closed  bool // and nothing is counted
}

// fetch is what a broker has answered.
type fetch struct {
	address string
	bytes   int64  // that are held for it
	spare   int64  // of these, what it does not need as far as it was read
	isRead  bool   // some of it was
	poll    uint64 // when it was noticed that it was polled whole
}

func newFetched(m *memory) *fetched {
	return &fetched{
		memory: m, growth: growth{of: &m.growth},
		fetches: make(map[string]*fetch), waits: make(map[*fetchConn]struct{}),
	}
}

// through wraps a connection to a broker.
func (f *fetched) through(address string, conn net.Conn) net.Conn {
	return &fetchConn{Conn: conn, address: address, fetched: f}
}

// begin is called when a poll begins: its owner is through with what it polled before.
func (f *fetched) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.poll++
	bytes := int64(0)
	for i := range f.polled {
		bytes += f.polled[i].bytes
	}
	f.polled = f.polled[:0]
	f.release(bytes)
}

// end is called when a poll has returned. What was expected of a fetch, and did not come, is given
// back: franz-go hands records out when the whole answer is read.
func (f *fetched) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.poll++
	for _, one := range f.fetches {
		if one.isRead {
			one.bytes -= one.spare
			f.release(one.spare)
			one.spare = 0
		}
	}
}

// asked notes that more is asked of a broker.
func (f *fetched) asked(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.of(address)
	if one.bytes > 0 {
		one.poll = f.poll
		f.polled = append(f.polled, *one)
	}
	*one = fetch{address: address}
}

// of returns the newest fetch of a broker. f.mu is held.
func (f *fetched) of(address string) *fetch {
	one := f.fetches[address]
	if one == nil {
		one = &fetch{address: address}
		f.fetches[address] = one
	}
	return one
}

// answered is called when the broker has answered, before the answer is read. A poll that waited
// already when the broker was asked, and still does, did not poll the fetch before: a poll
// earlier did, whose owner is through with it.
func (f *fetched) answered(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bytes, kept := int64(0), f.polled[:0]
	for _, p := range f.polled {
		if p.address == address && p.poll == f.poll && f.poll%2 == 1 {
			bytes += p.bytes
			continue
		}
		kept = append(kept, p)
	}
	f.polled = kept
	f.release(bytes)
}

// room waits for room for an answer of a broker and for what it is likely to become, until the wait is
// interrupted.
func (f *fetched) room(c *fetchConn, length int64, interrupted <-chan struct{}) bool {
	if over := f.wait(c); over {
		return true
	}
	expected := f.growth.expect(length)
	err := f.memory.budget.Acquire(interrupted, budget.Consuming, length+expected)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waits, c)
	switch {
	case err != nil:
		return false
	case f.closed:
		f.memory.budget.Release(budget.Consuming, length+expected)
	default:
		one := f.of(c.address)
		f.hold(one, length+expected)
		one.spare += expected
	}
	return true
}

// wait notes that a connection waits, unless the consumer ends.
func (f *fetched) wait(c *fetchConn) (over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.over {
		f.waits[c] = struct{}{}
	}
	return f.over
}

// read notes what a batch became when it was read. What it was before, where it was compressed, is
// not needed anymore.
func (f *fetched) read(broker kgo.BrokerMetadata, batch kgo.FetchBatchMetrics) {
	bytes, wire := taken(batch), int64(batch.CompressedBytes)
	f.growth.read(wire, bytes)
	f.memory.growth.read(wire, bytes)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	one := f.of(net.JoinHostPort(broker.Host, strconv.Itoa(int(broker.Port))))
	one.isRead = true
	if more := bytes - one.spare; more > 0 {
		f.memory.budget.Charge(budget.Consuming, more)
		f.hold(one, more)
		one.spare += more
	}
	one.spare -= bytes
	if batch.CompressionType != 0 {
		one.spare = min(one.bytes, one.spare+wire)
	}
}

// hold counts bytes that are in the budget. f.mu is held.
func (f *fetched) hold(one *fetch, bytes int64) {
	if f.held == 0 && bytes > 0 {
		f.memory.holders.Add(1)
	}
	one.bytes += bytes
	f.held += bytes
}

// release gives bytes back. f.mu is held.
func (f *fetched) release(bytes int64) {
	if bytes == 0 {
		return
	}
	f.memory.budget.Release(budget.Consuming, bytes)
	if f.held -= bytes; f.held == 0 {
		f.memory.holders.Add(-1)
	}
}

// size is how much the next fetch is to ask of each broker at most: so that what was polled and what
// comes after it are within the consumer's share of the budget.
func (f *fetched) size() int64 {
	f.mu.Lock()
	brokers := len(f.fetches)
	f.mu.Unlock()
	return f.memory.budget.Share(budget.Consuming, 2*max(1, brokers)*max(1, int(f.memory.holders.Load())))
}

// stop ends all waits: the consumer is about to end, for which it may not wait.
func (f *fetched) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	for c := range f.waits {
		c.interruptWait()
	}
}

// close gives everything back. franz-go has ended, and holds nothing anymore.
func (f *fetched) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	clear(f.fetches)
	f.polled = nil
	f.release(f.held)
}

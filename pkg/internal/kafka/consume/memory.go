package consume

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
)

// memory is the part of the memory accounting that all consumers of a process share.
type memory struct {
	budget  *budget.Budget
	holders atomic.Int64 // number of consumers that hold bytes
	growth  growth       // estimated from the batches of all consumers
	waits   fetchWaits
}

// fetched is what a consumer holds of the memory budget: the bytes that franz-go has fetched for it,
// until its owner has finished with the records that were polled from them.
//
// franz-go sends the next fetch to a broker as soon as all records of the previous fetch were polled. So
// a request shows that the previous fetch was polled; its last records hold its bytes until the next
// poll begins. The answer is not read before the budget has room for it: see fetchConn.
type fetched struct {
	memory *memory
	growth growth      // estimated from the batches of this consumer
	whole  func() bool // whether the consumer holds all partitions of its topic; nil if that is of no account

	mu         sync.Mutex        // guards what follows
	fetches    map[string]*fetch // the newest of each broker, by the broker's address
	polled     []fetch           // fetches that were polled completely since the last poll began
	poll       uint64            // odd while a poll waits for records
	held       int64             // the sum of the bytes of all fetches
	waits      map[*fetchConn]struct{}
	long       map[*fetchConn]struct{} // whose fetch under way waits longer than usual
	assignedAt time.Time               // when partitions were last assigned
	over       bool                    // the consumer is ending: nothing waits for room anymore
	closed     bool                    // and no bytes are counted anymore
}

// fetch is the answer of a broker to a fetch request.
type fetch struct {
	address string
	bytes   int64  // held for it in the budget
	spare   int64  // part of bytes that the batches read so far do not need
	isRead  bool   // some of its batches were read
	poll    uint64 // number of the poll during which it was found to be polled completely
}

func newFetched(m *memory) *fetched {
	return &fetched{
		memory: m, growth: growth{of: &m.growth},
		fetches: make(map[string]*fetch), waits: make(map[*fetchConn]struct{}),
		long: make(map[*fetchConn]struct{}),
	}
}

// through wraps a connection to a broker.
func (f *fetched) through(address string, conn net.Conn) net.Conn {
	return &fetchConn{Conn: conn, address: address, fetched: f}
}

// begin is called when a poll begins: the owner has finished with the records of the poll before.
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

// end is called when a poll has returned. It releases the bytes that were expected of a fetch and not
// needed: franz-go returns records only after it has read the whole answer.
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

// asked notes that a new fetch is sent to a broker.
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

// answered is called when the broker has answered, before the answer is read. If the poll that waits now
// already waited when the request was sent, it did not poll the previous fetch: an earlier poll did, and
// the owner has finished with its records.
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

// room waits until the budget has room for a broker's answer and for what it is likely to expand to, or
// until the wait is interrupted.
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

// wait notes that a connection waits, unless the consumer is ending.
func (f *fetched) wait(c *fetchConn) (over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.over {
		f.waits[c] = struct{}{}
	}
	return f.over
}

// read notes the memory that a batch takes after it was read. The compressed form, if there was one, is
// no longer needed.
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

// hold adds bytes that were charged to the budget. f.mu is held.
func (f *fetched) hold(one *fetch, bytes int64) {
	if f.held == 0 && bytes > 0 {
		f.memory.holders.Add(1)
	}
	one.bytes += bytes
	f.held += bytes
}

// release returns bytes to the budget. f.mu is held.
func (f *fetched) release(bytes int64) {
	if bytes == 0 {
		return
	}
	f.memory.budget.Release(budget.Consuming, bytes)
	if f.held -= bytes; f.held == 0 {
		f.memory.holders.Add(-1)
	}
}

// size returns how much the next fetch may request from each broker at most, so that the polled records
// and those of the next fetch stay within the consumer's share of the budget.
func (f *fetched) size() int64 {
	f.mu.Lock()
	brokers := len(f.fetches)
	f.mu.Unlock()
	return f.memory.budget.Share(budget.Consuming, 2*max(1, brokers)*max(1, int(f.memory.holders.Load())))
}

// stop ends all waits: the end of the consumer must not be delayed by them.
func (f *fetched) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	for c := range f.waits {
		c.interruptWait()
	}
}

// close releases everything. franz-go has ended, and holds nothing anymore.
func (f *fetched) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	clear(f.fetches)
	f.polled = nil
	f.release(f.held)
}

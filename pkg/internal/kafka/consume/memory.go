package consume

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
)

// recordCost is what franz-go holds of a fetched record besides its bytes.
const recordCost = int64(unsafe.Sizeof(kgo.Record{}) + unsafe.Sizeof((*kgo.Record)(nil)))

// fetched is what a consumer holds of the memory budget: what franz-go has fetched for it, until
// its owner is through with what was polled of that.
//
// franz-go asks a broker for more as soon as everything of the fetch before was polled. So a request
// tells that the fetch before it is polled; its bytes are held, by the last records of it, until the
// next poll begins. The answer is not read before there is room for it: see fetchConn.
type fetched struct {
	budget *budget.Budget
	among  *atomic.Int64 // how many consumers hold something

	mu      sync.Mutex       // guards what follows
	brokers map[string]int64 // bytes of the fetch of each broker, by its address
	polled  []polled         // fetches that were polled whole, since the last poll began
	poll    uint64           // odd while a poll waits for records
	held    int64            // the sum of all
	waits   map[*fetchConn]struct{}
	over    bool // the consumer ends: nothing is waited for anymore
	closed  bool // and nothing is counted
}

// polled is a fetch that was polled whole.
type polled struct {
	address string
	bytes   int64
	poll    uint64 // when that was noticed
}

func newFetched(b *budget.Budget, among *atomic.Int64) *fetched {
	return &fetched{budget: b, among: among, brokers: make(map[string]int64), waits: make(map[*fetchConn]struct{})}
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
	for _, p := range f.polled {
		bytes += p.bytes
	}
	f.polled = f.polled[:0]
	f.release(bytes)
}

// end is called when a poll has returned.
func (f *fetched) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.poll++
}

// asked notes that more is asked of a broker.
func (f *fetched) asked(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bytes := f.brokers[address]
	if bytes == 0 {
		return
	}
	f.brokers[address] = 0
	f.polled = append(f.polled, polled{address, bytes, f.poll})
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

// room waits for room for an answer of a broker, until the wait is interrupted.
func (f *fetched) room(c *fetchConn, bytes int64, interrupted <-chan struct{}) bool {
	if over := f.wait(c); over {
		return true
	}
	err := f.budget.Acquire(interrupted, budget.Consuming, bytes)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waits, c)
	if err == nil && f.closed {
		f.budget.Release(budget.Consuming, bytes)
	} else if err == nil {
		f.hold(c.address, bytes)
	}
	return err == nil
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

// read notes what a batch became when it was read, which its compressed form does not tell.
func (f *fetched) read(broker kgo.BrokerMetadata, batch kgo.FetchBatchMetrics) {
	bytes := int64(batch.NumRecords) * recordCost
	if batch.CompressionType != 0 {
		bytes += int64(batch.UncompressedBytes)
	}
	address := net.JoinHostPort(broker.Host, strconv.Itoa(int(broker.Port)))
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.budget.Charge(budget.Consuming, bytes)
		f.hold(address, bytes)
	}
}

// hold counts bytes that are in the budget. f.mu is held.
func (f *fetched) hold(address string, bytes int64) {
	if f.held == 0 && bytes > 0 {
		f.among.Add(1)
	}
	f.brokers[address] += bytes
	f.held += bytes
}

// release gives bytes back. f.mu is held.
func (f *fetched) release(bytes int64) {
	if bytes == 0 {
		return
	}
	f.budget.Release(budget.Consuming, bytes)
	if f.held -= bytes; f.held == 0 {
		f.among.Add(-1)
	}
}

// size is how much the next fetch is to ask of each broker at most: so that what was polled and what
// comes after it are within the consumer's share of the budget.
func (f *fetched) size() int64 {
	f.mu.Lock()
	brokers := len(f.brokers)
	f.mu.Unlock()
	return f.budget.Share(budget.Consuming, 2*max(1, brokers)*max(1, int(f.among.Load())))
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
	clear(f.brokers)
	f.polled = nil
	f.release(f.held)
}

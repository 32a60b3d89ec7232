package consume

import (
	"encoding/binary"
	"time"
)

const (
	// usualWait is how long a broker waits for records before it answers a fetch with none. A partition that is added to
	// those that a broker leads for the consumer waits for the fetch under way there.
	usualWait = 5 * time.Second
	// longWait is how long a broker waits if the consumer has been idle and no partition can be added unnoticed: most of
	// what an idle consumer costs are fetches that return nothing.
	longWait = 20 * time.Second
	// flexibleFetch is the first version of fetch requests whose header ends with tagged fields (KIP-482).
	flexibleFetch = 12
	// replicaTagged is the first version of fetch requests that do not begin with a replica id (KIP-903).
	replicaTagged = 15
)

// fetchWaits are the times that brokers wait for records.
type fetchWaits struct{ usual, long time.Duration }

// waitsFor returns the times for a client that waits requestTimeout for an answer that is due: half of that
// is kept for the answer to a fetch with a long wait, since franz-go knows the usual one only.
func waitsFor(requestTimeout time.Duration) fetchWaits {
	return fetchWaits{usual: usualWait, long: min(longWait, usualWait+requestTimeout/2)}
}

// patience decides for one connection how long its next fetch waits. franz-go has one wait for all fetches of a
// client, and a fetch under way cannot be ended without an error.
//
// A fetch waits long after one that nothing has ended early, neither records nor an error, if the consumer holds all
// partitions of its topic, so that no rebalance adds any but those by which the topic grows: these cut it. A leader
// that moves needs nothing of this: franz-go ends all fetches then.
type patience struct {
	asked time.Time     // when the last fetch was sent
	wait  time.Duration // how long it waited at most; 0 if there was none
}

// next returns the fetch to send in place of request on connection c.
func (p *patience) next(c *fetchConn, request []byte) []byte {
	now, waits := time.Now(), c.fetched.memory.waits
	idle := p.wait > 0 && now.Sub(p.asked) >= p.wait
	p.asked, p.wait = now, waits.usual
	if !idle {
		return request
	}
	changed, ok := withMaxWait(request, waits.long)
	if !ok || !c.fetched.waitsLong(c, now) {
		return request
	}
	p.wait = waits.long
	return changed
}

// withMaxWait returns a copy of a fetch request with another max_wait_ms (Kafka protocol, Fetch). It returns false
// with the request itself if it is too short to be one.
func withMaxWait(request []byte, wait time.Duration) ([]byte, bool) {
	const version, clientID = 6, 12
	if len(request) < clientID+2 {
		return request, false
	}
	v := binary.BigEndian.Uint16(request[version:])
	at := clientID + 2 + max(0, int(int16(binary.BigEndian.Uint16(request[clientID:]))))
	if v >= flexibleFetch {
		if at >= len(request) || request[at] != 0 { // franz-go sends no tags in headers
			return request, false
		}
		at++
	}
	if v < replicaTagged {
		at += 4
	}
	if len(request) < at+4 {
		return request, false
	}
	changed := append([]byte(nil), request...)
	binary.BigEndian.PutUint32(changed[at:], uint32(wait.Milliseconds()))
	return changed, true
}

// waitsLong notes that the next fetch of a connection waits long, if it may: franz-go fetches all partitions that it was
// assigned, and none can be added but by another assignment.
func (f *fetched) waitsLong(c *fetchConn, now time.Time) bool {
	if f.whole == nil || !f.whole() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.assignedAt) < f.memory.waits.usual {
		return false
	}
	f.long[c] = struct{}{}
	return true
}

// waitsNoLonger notes that the fetch of a connection has ended.
func (f *fetched) waitsNoLonger(c *fetchConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.long, c)
}

// assigned notes that partitions were assigned. It cuts the fetches that wait long, without these partitions. franz-go
// sends them again after its pause for errors.
func (f *fetched) assigned() {
	f.mu.Lock()
	f.assignedAt = time.Now()
	cut := f.long
	f.long = make(map[*fetchConn]struct{})
	f.mu.Unlock()
	for c := range cut {
		_ = c.Close() // what matters is that franz-go's read ends
	}
}

package socket

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// deliveryPing is the first byte of the payload of a delivery ping; the ping's number follows.
	deliveryPing = 'd'
	// maxPings bounds the delivery pings that wait for their pong.
	maxPings = 64
)

// delivery tracks, for each partition that a connection owns, the offsets up to which records were
// sent, the client is known to have them, and they are committed:
//
//	start <= committed <= had <= sent
//
// A ping carries a number; its pong proves that the client has the records sent before it. Marks
// of a ping count only for the ownership in which they were made: a partition that was revoked and
// assigned again starts from its new position.
type delivery struct {
	byPing   bool          // whether pongs show what the client has; else its commits do
	interval time.Duration // between two pings

	mu       sync.Mutex // guards what follows
	epoch    uint64     // of the newest ownership
	parts    map[int32]*progress
	pings    []ping
	lastPing time.Time
	pingID   uint64
	urgent   bool          // a ping is to be sent before the interval is over
	changed  chan struct{} // closed and replaced when the client is known to have more records
}

// progress is how far the client is in one partition. Each position is the offset of the next
// record.
type progress struct {
	owned                bool
	sending              bool   // whether polled records are sent, not dropped
	epoch                uint64 // of the ownership
	committed, had, sent int64
	pinged               int64      // the value of sent at the last ping
	fresh                bool       // the group has no committed offset yet: committed is still to be committed
	asked                *delivered // the furthest record that the client committed in this ownership
	delivered            history
}

// isOf tells whether the partition is owned and is one of the partitions. Nil partitions mean
// all.
func (p *progress) isOf(partitions []int32, partition int32) bool {
	return p.owned && (partitions == nil || slices.Contains(partitions, partition))
}

// ping is a delivery ping without an answer.
type ping struct {
	id    uint64
	marks []mark
}

// mark is the position up to which a partition was sent before a ping.
type mark struct {
	partition int32
	epoch     uint64
	sent      int64
}

func newDelivery(byPing bool, interval time.Duration) *delivery {
	return &delivery{
		byPing: byPing, interval: interval,
		parts: make(map[int32]*progress), changed: make(chan struct{}),
	}
}

// assigned begins the ownership of partitions. It returns whether the start of any of them is to
// be committed.
func (d *delivery) assigned(starts map[int32]proxy.Start) (commit bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoch++
	for partition, start := range starts {
		commit = commit || start.Commit
		p := d.parts[partition]
		if p == nil {
			p = &progress{}
			d.parts[partition] = p
		}
		*p = progress{
			owned: true, sending: true, epoch: d.epoch, fresh: start.Commit, delivered: p.delivered,
			committed: start.Offset, had: start.Offset, sent: start.Offset, pinged: start.Offset,
		}
	}
	return commit
}

// stopSending drops the records still to be sent of partitions that are about to be revoked.
func (d *delivery) stopSending(partitions []int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, partition := range partitions {
		if p := d.parts[partition]; p != nil {
			p.sending = false
		}
	}
}

// disown ends the ownership of partitions.
func (d *delivery) disown(partitions []int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, partition := range partitions {
		if p := d.parts[partition]; p != nil {
			p.owned, p.sending = false, false
			p.delivered.forget()
		}
	}
}

// newest returns the epoch of the newest ownership.
func (d *delivery) newest() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.epoch
}

// send tells whether a record may be sent, and if so records that it is. asOf is the newest ownership
// when the record was polled. If its partition was assigned again since, the record must not be sent:
// records before it may have been dropped at the revocation, and all of them come again. d.mu is held.
func (d *delivery) send(r *proxy.Record, asOf uint64) bool {
	p := d.parts[r.Partition]
	if p == nil || !p.sending || p.epoch > asOf {
		return false
	}
	p.sent = r.Offset + 1
	if !d.byPing {
		p.delivered.add(r.Offset, r.Timestamp)
	}
	return true
}

// nextPing returns the time at which a ping is to be sent, or the zero time. d.mu is held.
func (d *delivery) nextPing() time.Time {
	if !d.byPing || len(d.pings) >= maxPings || !d.unpinged() {
		return time.Time{}
	}
	if d.urgent {
		return d.lastPing
	}
	return d.lastPing.Add(d.interval)
}

// unpinged tells whether any record was sent after the last ping.
func (d *delivery) unpinged() bool {
	for _, p := range d.parts {
		if p.owned && p.sent != p.pinged {
			return true
		}
	}
	return false
}

// appendPing appends a ping and marks the positions sent before it. d.mu is held.
func (d *delivery) appendPing(dst []byte, now time.Time) []byte {
	d.pingID++
	d.lastPing, d.urgent = now, false
	next := ping{id: d.pingID}
	for partition, p := range d.parts {
		if p.owned && p.sent != p.pinged {
			p.pinged = p.sent
			next.marks = append(next.marks, mark{partition, p.epoch, p.sent})
		}
	}
	d.pings = append(d.pings, next)
	payload := binary.BigEndian.AppendUint64([]byte{deliveryPing}, d.pingID)
	return appendFrame(dst, opPing, payload)
}

// ponged takes the payload of a pong. right tells whether it repeats that of a ping that was sent, more
// whether the client is now known to have more records. A peer may answer only the newest of several
// pings (RFC 6455, section 5.5.3).
func (d *delivery) ponged(payload []byte) (right, more bool) {
	if len(payload) != 9 || payload[0] != deliveryPing {
		return false, false
	}
	id := binary.BigEndian.Uint64(payload[1:])
	d.mu.Lock()
	defer d.mu.Unlock()
	right = 0 < id && id <= d.pingID
	n := 0
	for right && n < len(d.pings) && d.pings[n].id <= id {
		d.has(d.pings[n].marks)
		n++
	}
	if n == 0 {
		return right, false
	}
	d.pings = append(d.pings[:0], d.pings[n:]...)
	close(d.changed)
	d.changed = make(chan struct{})
	return true, true
}

func (d *delivery) has(marks []mark) {
	for _, m := range marks {
		if p := d.parts[m.partition]; p.epoch == m.epoch {
			p.had = max(p.had, m.sent)
		}
	}
}

// outstanding tells whether any record that was sent of the partitions is not known to have
// arrived, and returns the channel that is closed when that changes. Nil means all partitions.
func (d *delivery) outstanding(partitions []int32) (bool, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.byPing {
		return false, d.changed
	}
	outstanding := false
	for partition, p := range d.parts {
		if p.sent > p.had && p.isOf(partitions, partition) {
			outstanding = true
			d.urgent = d.urgent || p.sent != p.pinged
		}
	}
	return outstanding, d.changed
}

// uncommitted returns the positions to commit of the owned ones among partitions. Nil means all
// partitions.
func (d *delivery) uncommitted(partitions []int32) []proxy.Next {
	d.mu.Lock()
	defer d.mu.Unlock()
	var commits []proxy.Next
	for partition, p := range d.parts {
		if p.isOf(partitions, partition) && (p.had > p.committed || p.fresh) {
			commits = append(commits, proxy.Next{Partition: partition, Offset: p.had})
		}
	}
	return commits
}

// anyFresh tells whether the start of a partition is still to be committed.
func (d *delivery) anyFresh() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.parts {
		if p.owned && p.fresh {
			return true
		}
	}
	return false
}

// committed records which positions were committed, maybe in an ownership that has ended meanwhile.
func (d *delivery) committed(commits []proxy.Next) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range commits {
		if p := d.parts[c.Partition]; p != nil && p.committed <= c.Offset && c.Offset <= p.had {
			p.committed, p.fresh = c.Offset, false
		}
	}
}

// asked returns the record whose commit by the client led to a position, if there is one.
func (d *delivery) asked(next proxy.Next) (proxy.Position, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.parts[next.Partition].asked
	if r == nil || r.offset+1 != next.Offset {
		return proxy.Position{}, false
	}
	return proxy.Position{Partition: next.Partition, Offset: r.offset, Timestamp: r.timestamp}, true
}

// acknowledge takes a client's commit of the record at position. It also returns nil where the
// record was committed long ago.
func (d *delivery) acknowledge(position proxy.Position) *proxy.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.parts[position.Partition]
	if p == nil || !p.delivered.holds(position.Offset, position.Timestamp) {
		return proxy.Errorf(proxy.KindUnknownMessageID,
			"wsProxyMessageId is not that of a record delivered on this connection.")
	}
	if !p.owned {
		return proxy.Errorf(proxy.KindNotAssigned,
			"Partition %d of the record is no longer assigned to this client.", position.Partition)
	}
	if position.Offset >= p.had {
		p.had = position.Offset + 1
		p.asked = &delivered{position.Offset, position.Timestamp}
	}
	return nil
}

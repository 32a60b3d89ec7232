package socket

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestDeliveryModel drives a delivery at random, beside a model that knows which records the client
// really has: those sent before a ping that it answered.
func TestDeliveryModel(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &deliveryModel{
				t: t, random: rand.New(rand.NewPCG(seed, 0)),
				delivery: newDelivery(true, time.Second), now: time.Unix(1000, 0),
				kafka: map[int32]int64{},
			}
			for range 400 {
				m.step()
				m.check()
			}
		})
	}
}

type deliveryModel struct {
	t        *testing.T
	random   *rand.Rand
	delivery *delivery
	now      time.Time
	pinged   time.Time

	owned  [3]*ownership
	stale  []staleRecord       // of ownerships that have ended
	pings  []modelPing         // that the client may still answer
	batch  []pendingCommit     // commits under way
	kafka  map[int32]int64     // the group's positions
	before map[int32][2]int64  // committed and had at the last step
	epochs map[int32]*progress // the ownership that before is about
}

type ownership struct {
	start, sent, has int64
	asOf             uint64
	leaving          bool
}

type staleRecord struct {
	record proxy.Record
	asOf   uint64
}

type modelPing struct {
	id    uint64
	sent  map[*ownership]int64
	asked time.Time
}

type pendingCommit struct {
	positions []proxy.Next
	owners    map[int32]*ownership
}

func (m *deliveryModel) step() {
	partition := m.random.Int32N(3)
	o := m.owned[partition]
	switch m.random.IntN(12) {
	case 0:
		m.now = m.now.Add(time.Duration(m.random.IntN(1500)) * time.Millisecond)
	case 1:
		m.assign(partition)
	case 2:
		m.leave(partition)
	case 3, 4, 5:
		m.send(partition, o)
	case 6:
		m.sendStale()
	case 7, 8:
		m.ping()
	case 9:
		m.pong()
	case 10:
		if positions := m.delivery.uncommitted(nil); len(positions) > 0 {
			m.batch = append(m.batch, pendingCommit{positions, map[int32]*ownership{0: m.owned[0], 1: m.owned[1], 2: m.owned[2]}})
		}
	case 11:
		m.commit()
	}
}

func (m *deliveryModel) assign(partition int32) {
	if m.owned[partition] != nil {
		return
	}
	// Another member may have continued, or an operator may have reset the group's offsets.
	start := max(0, m.kafka[partition]+m.random.Int64N(21)-10)
	m.kafka[partition] = start
	m.delivery.assigned(map[int32]proxy.Start{partition: {Offset: start, Commit: m.random.IntN(2) == 0}})
	m.owned[partition] = &ownership{start: start, sent: start, has: start, asOf: m.delivery.newest()}
}

func (m *deliveryModel) leave(partition int32) {
	o := m.owned[partition]
	if o == nil {
		return
	}
	partitions := []int32{partition}
	m.stale = append(m.stale, staleRecord{proxy.Record{Partition: partition, Offset: o.sent}, o.asOf})
	if m.random.IntN(4) == 0 {
		m.delivery.disown(partitions) // lost
		m.owned[partition] = nil
		return
	}
	if !o.leaving {
		m.delivery.stopSending(partitions)
		o.leaving = true
		if waiting, _ := m.delivery.outstanding(partitions); waiting != (o.sent > o.has) {
			m.t.Errorf("partition %d outstanding: %t, sent %d, has %d", partition, waiting, o.sent, o.has)
		}
		return
	}
	for _, next := range m.delivery.uncommitted(partitions) {
		if next.Partition != partition || next.Offset != o.has {
			m.t.Errorf("at revocation %+v is committed, the client has %d", next, o.has)
		}
		m.kafka[partition] = next.Offset
	}
	m.delivery.disown(partitions)
	m.owned[partition] = nil
}

func (m *deliveryModel) send(partition int32, o *ownership) {
	record := proxy.Record{Partition: partition}
	if o != nil {
		record.Offset = o.sent + m.random.Int64N(3)
	}
	m.delivery.mu.Lock()
	sent := m.delivery.send(&record, m.delivery.epoch)
	m.delivery.mu.Unlock()
	if want := o != nil && !o.leaving; sent != want {
		m.t.Fatalf("partition %d: sent %t, want %t", partition, sent, want)
	}
	if sent {
		o.sent = record.Offset + 1
	}
}

func (m *deliveryModel) sendStale() {
	if len(m.stale) == 0 {
		return
	}
	old := m.stale[m.random.IntN(len(m.stale))]
	m.delivery.mu.Lock()
	defer m.delivery.mu.Unlock()
	if m.delivery.send(&old.record, old.asOf) {
		m.t.Fatalf("record %+v of an ended ownership was sent", old)
	}
}

func (m *deliveryModel) ping() {
	m.delivery.mu.Lock()
	defer m.delivery.mu.Unlock()
	at, urgent := m.delivery.nextPing(), m.delivery.urgent
	if at.IsZero() || m.now.Before(at) {
		return
	}
	if !urgent && m.now.Sub(m.pinged) < time.Second {
		m.t.Fatalf("a ping %v after the one before", m.now.Sub(m.pinged))
	}
	m.pinged = m.now
	frame := m.delivery.appendPing(nil, m.now)
	sent := map[*ownership]int64{}
	for _, o := range m.owned {
		if o != nil {
			sent[o] = o.sent
		}
	}
	m.pings = append(m.pings, modelPing{binary.BigEndian.Uint64(frame[3:]), sent, m.now})
	if len(m.pings) > maxPings {
		m.t.Fatalf("%d pings are waiting", len(m.pings))
	}
}

// pong answers any of the pings, which answers the older ones too.
func (m *deliveryModel) pong() {
	if len(m.pings) == 0 {
		return
	}
	i := m.random.IntN(len(m.pings))
	payload := binary.BigEndian.AppendUint64([]byte{deliveryPing}, m.pings[i].id)
	for _, ping := range m.pings[:i+1] {
		for o, sent := range ping.sent {
			o.has = max(o.has, sent)
		}
	}
	m.pings = m.pings[i+1:]
	if right, more := m.delivery.ponged(payload); !right || !more {
		m.t.Error("a pong of a waiting ping is ignored")
	}
	if right, more := m.delivery.ponged(payload); !right || more {
		m.t.Error("a pong counts twice, or is none of a ping anymore")
	}
}

// commit ends a commit under way, which may have been requested in an ownership that is over.
func (m *deliveryModel) commit() {
	if len(m.batch) == 0 {
		return
	}
	i := m.random.IntN(len(m.batch))
	commit := m.batch[i]
	m.batch = slices.Delete(m.batch, i, i+1)
	m.delivery.committed(commit.positions)
	for _, next := range commit.positions {
		if o := m.owned[next.Partition]; o != nil && o == commit.owners[next.Partition] {
			m.kafka[next.Partition] = max(m.kafka[next.Partition], next.Offset)
		}
	}
}

func (m *deliveryModel) check() {
	for partition, o := range m.owned {
		p := m.delivery.parts[int32(partition)]
		if o == nil {
			if p != nil && p.owned {
				m.t.Fatalf("partition %d is owned", partition)
			}
			continue
		}
		if o.start > p.committed || p.committed > p.had || p.had > p.sent {
			m.t.Fatalf("partition %d: start %d, committed %d, had %d, sent %d", partition, o.start, p.committed, p.had, p.sent)
		}
		if p.had != o.has || p.sent != o.sent {
			m.t.Fatalf("partition %d: had %d, sent %d, really %d, %d", partition, p.had, p.sent, o.has, o.sent)
		}
		if last, ok := m.before[int32(partition)]; ok && m.epochs[int32(partition)].epoch == p.epoch && (p.committed < last[0] || p.had < last[1]) {
			m.t.Fatalf("partition %d went back: committed %d, had %d after %v", partition, p.committed, p.had, last)
		}
	}
	for _, next := range m.delivery.uncommitted(nil) {
		if o := m.owned[next.Partition]; o == nil || next.Offset != o.has {
			m.t.Fatalf("%+v would be committed", next)
		}
	}
	m.before, m.epochs = map[int32][2]int64{}, map[int32]*progress{}
	for partition, p := range m.delivery.parts {
		now := *p
		m.before[partition], m.epochs[partition] = [2]int64{p.committed, p.had}, &now
	}
}

func TestPongsThatProveNothing(t *testing.T) {
	d := newDelivery(true, time.Second)
	d.assigned(map[int32]proxy.Start{0: {}})
	d.send(&proxy.Record{Offset: 5}, d.newest())
	d.appendPing(nil, time.Unix(1, 0))
	one := string([]byte{deliveryPing, 0, 0, 0, 0, 0, 0, 0, 1})
	for name, payload := range map[string]string{
		"empty":               "",
		"of the keep-alive":   keepalivePing,
		"another first byte":  "k" + one[1:],
		"cut short":           one[:8],
		"too long":            one + "\x00",
		"a number before all": "d\x00\x00\x00\x00\x00\x00\x00\x00",
		"a number never sent": "d\x00\x00\x00\x00\x00\x00\x00\x02",
		"a number beyond all": "d\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			if right, more := d.ponged([]byte(payload)); right || more || len(d.uncommitted(nil)) > 0 {
				t.Errorf("%q is right (%t) or proves delivery of %v", payload, right, d.uncommitted(nil))
			}
		})
	}
	if right, more := d.ponged([]byte(one)); !right || !more || !slices.Equal(d.uncommitted(nil), []proxy.Next{{Partition: 0, Offset: 6}}) {
		t.Errorf("the true one leads to %v", d.uncommitted(nil))
	}
}

func TestPingsAreBounded(t *testing.T) {
	d := newDelivery(true, time.Second)
	d.assigned(map[int32]proxy.Start{0: {}})
	now, pings := time.Unix(1, 0), 0
	for offset := range int64(10 * maxPings) {
		d.send(&proxy.Record{Offset: offset}, d.newest())
		if at := d.nextPing(); !at.IsZero() {
			d.appendPing(nil, now)
			pings++
		}
	}
	if pings != maxPings {
		t.Errorf("%d pings without a pong, want %d", pings, maxPings)
	}
}

func TestAcknowledge(t *testing.T) {
	d := newDelivery(false, time.Second)
	d.assigned(map[int32]proxy.Start{0: {Offset: 10}, 1: {}})
	for offset := int64(10); offset < 20; offset++ {
		d.send(&proxy.Record{Offset: offset, Timestamp: stamp(offset)}, d.newest())
		d.send(&proxy.Record{Partition: 1, Offset: offset, Timestamp: stamp(offset)}, d.newest())
	}
	d.disown([]int32{1})
	for _, test := range []struct {
		name     string
		position proxy.Position
		want     string
		had      int64 // of partition 0, afterwards
	}{
		{"the first", proxy.Position{Offset: 10, Timestamp: stamp(10)}, "", 11},
		{"all before one", proxy.Position{Offset: 15, Timestamp: stamp(15)}, "", 16},
		{"an older one", proxy.Position{Offset: 12, Timestamp: stamp(12)}, "", 16},
		{"another timestamp", proxy.Position{Offset: 16, Timestamp: 1}, "UNKNOWN_MESSAGE_ID", 16},
		{"not delivered yet", proxy.Position{Offset: 20, Timestamp: stamp(20)}, "UNKNOWN_MESSAGE_ID", 16},
		{"before the first", proxy.Position{Offset: 9, Timestamp: stamp(9)}, "UNKNOWN_MESSAGE_ID", 16},
		{"a partition never assigned", proxy.Position{Partition: 2, Offset: 10, Timestamp: stamp(10)}, "UNKNOWN_MESSAGE_ID", 16},
		{"a partition that has left", proxy.Position{Partition: 1, Offset: 10, Timestamp: stamp(10)}, "NOT_ASSIGNED", 16},
		{"an unknown one of a partition that has left", proxy.Position{Partition: 1, Offset: 99}, "UNKNOWN_MESSAGE_ID", 16},
		{"the last", proxy.Position{Offset: 19, Timestamp: stamp(19)}, "", 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			code := ""
			if err := d.acknowledge(test.position); err != nil {
				code = err.Kind.String()
			}
			if code != test.want || d.parts[0].had != test.had {
				t.Errorf("got %q and position %d, want %q and %d", code, d.parts[0].had, test.want, test.had)
			}
		})
	}
}

package feed

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestTailsMissNothingAndGetNothingTwice has tails of random speeds begin at random places of a log that grows, read
// the log until they can join the ring, and go back to the log when the ring has dropped what they would read next.
func TestTailsMissNothingAndGetNothingTwice(t *testing.T) { runModels(t, 200) }

// TestLongTailsMissNothingAndGetNothingTwice runs more models.
func TestLongTailsMissNothingAndGetNothingTwice(t *testing.T) { runModels(t, 1500) }

func runModels(t *testing.T, seeds uint64) {
	t.Helper()
	for seed := range seeds {
		m := newModel(t, seed)
		for range 400 {
			m.step()
		}
		m.finish()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// model is a log, a ring of it, and tails.
type model struct {
	t       *testing.T
	random  *rand.Rand
	log     map[int32][]int64 // the offsets that hold a record
	ends    proxy.Places      // of the log
	fetched proxy.Places
	ring    *ring
	tails   []*modelTail
	joins   int
}

// modelTail is a tail, and what it was given.
type modelTail struct {
	first proxy.Places
	given map[int32][]int64
	at    proxy.Places // while it reads the log
	spot  spot
	live  bool
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 1)), log: map[int32][]int64{}, ends: proxy.Places{}, fetched: proxy.Places{}}
	for partition := range int32(1 + m.random.IntN(4)) {
		m.ends[partition] = proxy.Place{}
		m.grow(partition, m.random.IntN(30))
		m.fetched[partition] = proxy.Place{Offset: m.random.Int64N(m.ends[partition].Offset + 1)}
	}
	m.ring = newRing(newMemory(&Options{RingBytes: int64(20 + m.random.IntN(300))}), 1+m.random.IntN(60), m.fetched, func(dst []byte, r *proxy.Record) []byte {
		return fmt.Appendf(dst, "%d:%d ", r.Partition, r.Offset)
	})
	return m
}

// grow appends records, and offsets that hold none.
func (m *model) grow(partition int32, records int) {
	end := m.ends[partition].Offset
	for range records {
		end += int64(m.random.IntN(3))
		m.log[partition] = append(m.log[partition], end)
		end++
	}
	m.ends[partition] = proxy.Place{Offset: end + int64(m.random.IntN(3))}
}

func (m *model) partition() int32 { return m.random.Int32N(int32(len(m.ends))) }

// recordsFrom returns records of the log, at most so many, and the place behind them.
func (m *model) recordsFrom(partition int32, from proxy.Place, most int) (records []proxy.Record, next proxy.Place) {
	for _, offset := range m.log[partition] {
		switch {
		case offset < from.Offset:
		case len(records) == most:
			return records, proxy.Place{Offset: offset}
		default:
			records = append(records, proxy.Record{Partition: partition, Offset: offset})
		}
	}
	return records, m.ends[partition]
}

func (m *model) step() {
	switch m.random.IntN(10) {
	case 0:
		m.grow(m.partition(), m.random.IntN(8))
	case 1, 2:
		m.fetch(m.random.IntN(12))
	case 3:
		if len(m.tails) < 6 {
			m.open()
		}
	default:
		if len(m.tails) > 0 {
			m.advance(m.tails[m.random.IntN(len(m.tails))], m.random.IntN(60))
		}
	}
}

// fetch has the ring get records of some partitions.
func (m *model) fetch(most int) {
	var all []proxy.Record
	next := proxy.Places{}
	for range 1 + m.random.IntN(2) {
		partition := m.partition()
		records, behind := m.recordsFrom(partition, m.fetched[partition], most)
		all = append(all, records...)
		next[partition], m.fetched[partition] = behind, behind
	}
	m.ring.append(all, make([]key, len(all)), next)
}

func (m *model) open() {
	tail := &modelTail{given: map[int32][]int64{}, at: proxy.Places{}}
	if m.random.IntN(3) == 0 {
		tail.spot, tail.live = m.ring.end(), true
		tail.at = tail.spot.places()
	} else {
		for partition, end := range m.ends {
			tail.at[partition] = proxy.Place{Offset: m.random.Int64N(end.Offset + 1)}
		}
	}
	tail.first = tail.at.Clone()
	m.tails = append(m.tails, tail)
}

// advance has a tail read some bytes.
func (m *model) advance(tail *modelTail, size int) {
	if !tail.live {
		partition := m.partition()
		records, next := m.recordsFrom(partition, tail.at[partition], size/8)
		for i := range records {
			tail.given[partition] = append(tail.given[partition], records[i].Offset)
		}
		tail.at[partition] = next
		if tail.spot, tail.live = m.ring.join(tail.at); tail.live {
			m.joins++
		}
		return
	}
	var frames []byte
	_, end := m.ring.read(&tail.spot, 1000, nil, func(frame []byte) bool {
		frames = append(frames, frame...)
		return len(frames) < size
	})
	for frame := range bytes.FieldsSeq(frames) {
		var partition int32
		var offset int64
		if _, err := fmt.Sscanf(string(frame), "%d:%d", &partition, &offset); err != nil {
			m.t.Fatalf("got the frame %q: %v", frame, err)
		}
		tail.given[partition] = append(tail.given[partition], offset)
	}
	if end == dropped {
		tail.at, tail.live = tail.spot.places(), false
	}
}

// finish has all tails read to the end, and compares.
func (m *model) finish() {
	for partition := range m.ends {
		records, next := m.recordsFrom(partition, m.fetched[partition], 1<<20)
		m.ring.append(records, make([]key, len(records)), proxy.Places{partition: next})
	}
	for _, tail := range m.tails {
		for range 2000 {
			m.advance(tail, 1000)
		}
		for partition, offsets := range m.log {
			var want []int64
			for _, offset := range offsets {
				if offset >= tail.first[partition].Offset {
					want = append(want, offset)
				}
			}
			if got := tail.given[partition]; fmt.Sprint(got) != fmt.Sprint(want) {
				m.t.Errorf("partition %d from %d on: got %v, want %v", partition, tail.first[partition].Offset, got, want)
			}
		}
	}
	if m.ring.held > m.ring.memory.limit && len(m.ring.chunks) > 1 {
		m.t.Errorf("the ring holds %d bytes, its limit is %d", m.ring.held, m.ring.memory.limit)
	}
}

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What a client that does not read is left behind by: more than sockets and a small ring hold.
const (
	floodRecords = 250
	floodBytes   = 100_000
)

// stalled is a tail that has read the first frame and then nothing, beside one that reads.
type stalled struct {
	*raw
	k     *cluster
	p     *proxy
	topic string
}

// stall opens a tail that does not read.
func (k *cluster) stall(t *testing.T, partitions int32, parameters ...string) *stalled {
	t.Helper()
	s := &stalled{k: k, p: k.start(t, "TAIL_BUFFER_BYTES=2MiB", "WRITE_TIMEOUT=5m"), topic: k.topic(t, partitions)}
	s.raw = s.p.raw(t, tailPath(s.topic, parameters...))
	if first := tailFrameOf(t, s.message()); first.Tail == nil {
		t.Fatalf("the first frame is %s", first.text)
	}
	return s
}

// flood writes numbered records, with keys in turn where there are some, and waits until another tail has read all.
func (s *stalled) flood(partitions int32, keys ...string) {
	s.t.Helper()
	reader, l := s.p.tail(s.t, s.topic), newLedger(0)
	for i := range floodRecords {
		r := &kgo.Record{Partition: int32(i) % partitions, Value: fmt.Appendf(nil, "%d %s", i, incompressible(floodBytes/2))}
		if len(keys) > 0 {
			r.Key = []byte(keys[i%len(keys)])
		}
		s.k.produce(s.t, s.topic, r)
	}
	for l.records < floodRecords {
		f := reader.expect("record")
		if err := l.note(&f); err != nil {
			s.t.Fatalf("the tail that reads: %v", err)
		}
	}
}

// next returns the next frame that is no cursor.
func (s *stalled) next() tailFrame {
	s.t.Helper()
	for {
		if f := tailFrameOf(s.t, s.message()); f.Cursor == "" {
			return f
		}
	}
}

// drainTo reads until the ledger has all up to ends.
func (s *stalled) drainTo(l *ledger, ends map[int32]int64) {
	s.t.Helper()
	for !l.has(ends) {
		f := s.next()
		if err := l.note(&f); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestTailThatIsSlowWaits(t *testing.T) {
	const partitions = 2
	onBoth(t, func(t *testing.T, k *cluster) {
		for _, parameters := range [][]string{{"slow=wait"}, {"from=earliest"}} {
			s, l := k.stall(t, partitions, parameters...), newLedger(partitions)
			s.flood(partitions)
			s.drainTo(l, map[int32]int64{0: floodRecords / partitions, 1: floodRecords / partitions})
			if len(l.gaps) > 0 {
				t.Errorf("%q: gaps were told: %v", parameters, l.gaps)
			}
			k.mark(t, s.topic, "live again")
			s.drainTo(l, map[int32]int64{0: floodRecords/partitions + 1})
		}
	})
}

// TestTailThatIsSlowSkips checks that the gaps are exactly what is missing.
func TestTailThatIsSlowSkips(t *testing.T) {
	const partitions = 2
	onBoth(t, func(t *testing.T, k *cluster) {
		s, l := k.stall(t, partitions, "slow=skip"), newLedger(partitions)
		s.flood(partitions)
		for partition := range int32(partitions) {
			k.produce(t, s.topic, &kgo.Record{Partition: partition, Value: []byte("mark")})
		}
		s.drainTo(l, map[int32]int64{0: floodRecords/partitions + 1, 1: floodRecords/partitions + 1})
		if len(l.gaps) == 0 {
			t.Error("nothing was skipped: the test shows nothing")
		}
		for _, gap := range l.gaps {
			if gap.Reason != "SLOW" || gap.Topic != s.topic {
				t.Errorf("got the gap %+v", gap)
			}
		}
		k.mark(t, s.topic, "live again")
		if f := s.next(); f.kind() != "record" {
			t.Errorf("got %.300s", f.text)
		}
	})
}

func TestTailThatIsSlowGetsTheLatest(t *testing.T) {
	keys := []string{"a", "b", "c", "d"}
	onBoth(t, func(t *testing.T, k *cluster) {
		s := k.stall(t, 1, "slow=latest")
		s.flood(1, keys...)
		newest, given, conflated := make(map[string]int, len(keys)), 0, 0
		for complete := false; !complete || given+conflated < floodRecords; {
			f := s.next()
			switch f.kind() {
			case "record":
				key, n := string(f.Key.Value), numberOf(t, &f)
				if before, had := newest[key]; had && n <= before {
					t.Fatalf("of %s comes %d after %d", key, n, before)
				}
				newest[key] = n
				given++
			case "conflated":
				if conflated += f.Conflated.Records; f.Conflated.Topic != s.topic || f.Conflated.Records <= 0 {
					t.Errorf("got %s", f.text)
				}
			default:
				t.Fatalf("got %.300s", f.text)
			}
			complete = hasNewest(newest, keys)
		}
		if given+conflated != floodRecords || conflated == 0 {
			t.Errorf("%d records came and %d were conflated, of %d", given, conflated, floodRecords)
		}
	})
}

// numberOf reads the number that a value begins with.
func numberOf(t *testing.T, f *tailFrame) int {
	t.Helper()
	text, _, _ := strings.Cut(strings.Trim(string(f.Value.Value), `"`), " ")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%.300s: %v", f.text, err)
	}
	return n
}

// hasNewest tells whether the last of the flood came of each key.
func hasNewest(newest map[string]int, keys []string) bool {
	for i := floodRecords - len(keys); i < floodRecords; i++ {
		if newest[quoted(keys[i%len(keys)])] != i {
			return false
		}
	}
	return true
}

func TestTailThatIsSlowIsClosed(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		s := k.stall(t, 1, "slow=close")
		s.flood(1)
		eventually(t, "the close is counted", func() bool {
			return strings.Contains(s.p.series(t, "wsproxy_connections_closed_total"), `code="1013"`)
		})
		l := newLedger(1)
		for {
			op, payload, err := s.raw.next()
			if err != nil { // the socket was too full for a close frame
				break
			}
			if op == opClose {
				if code := int(payload[0])<<8 | int(payload[1]); code != 1013 {
					t.Errorf("closed with %d", code)
				}
				break
			}
			if op != opText {
				continue
			}
			f := tailFrameOf(t, string(payload))
			if err := l.note(&f); err != nil {
				t.Fatal(err)
			}
		}
		if len(l.gaps) > 0 || l.records >= floodRecords {
			t.Errorf("%d records came, and the gaps %v", l.records, l.gaps)
		}
	})
}

// TestTailsThatStallHoldUpNobody opens some of each kind.
func TestTailsThatStallHoldUpNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		s := k.stall(t, 1)
		for _, slow := range []string{"wait", "skip", "latest", "close"} {
			for range 5 {
				s.p.raw(t, tailPath(s.topic, "slow="+slow))
			}
		}
		s.p.raw(t, tailPath(s.topic, "from=earliest"))
		s.flood(1, "a", "b")
		if got := s.p.tail(t, s.topic, "from=last:1").expect("record"); got.Offset != floodRecords-1 {
			t.Errorf("got offset %d", got.Offset)
		}
	})
}

// TestTailEvery reads at most one record per key in each interval, the first at once and then the newest.
func TestTailEvery(t *testing.T) {
	const interval, count = 300 * time.Millisecond, 3000
	keys := []string{"a", "b", "c"}
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).tail(t, topic, fmt.Sprintf("every=%d", interval.Milliseconds()))
		began := time.Now()
		for i, key := range keys {
			k.produce(t, topic, &kgo.Record{Key: []byte(key), Value: fmt.Appendf(nil, "%d", i)})
		}
		first := c.records(len(keys))
		for i := range first {
			if numberOf(t, &first[i]) != i {
				t.Errorf("the first of a key is %s", first[i].text)
			}
		}
		for from := len(keys); from < count; from += 100 {
			batch := numbered(from, min(100, count-from), 1, 0)
			for i, r := range batch {
				r.Key = []byte(keys[(from+i)%len(keys)])
			}
			k.produce(t, topic, batch...)
		}
		given, conflated, newest := len(keys), 0, map[string]int{`"a"`: 0, `"b"`: 1, `"c"`: 2}
		for given+conflated < count || newest[`"a"`] < count-3 || newest[`"b"`] < count-3 || newest[`"c"`] < count-3 {
			f := c.event()
			if f.Conflated != nil {
				conflated += f.Conflated.Records
				continue
			}
			given++
			if n := numberOf(t, &f); n <= newest[string(f.Key.Value)] {
				t.Errorf("of %s comes %d after %d", f.Key.Value, n, newest[string(f.Key.Value)])
			} else {
				newest[string(f.Key.Value)] = n
			}
		}
		if most := len(keys) * (int(time.Since(began)/interval) + 2); given > most || given+conflated != count {
			t.Errorf("%d records came of at most %d, and %d were conflated, of %d", given, most, conflated, count)
		}
	})
}

func TestTailEveryLeavesRecordsWithoutAKeyAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).tail(t, topic, "every=60000")
		k.produce(t, topic, numbered(0, 200, 1, 0)...)
		wantValues(t, c.values(200), 0)
		k.mark(t, topic, "a")
		c.records(1)
		k.mark(t, topic, "a") // comes in a minute
		k.mark(t, topic, "b")
		if f := c.expect("record"); f.Offset != 202 {
			t.Errorf("got %s", f.text)
		}
	})
}

// TestTailTellsConflationOnceASecond at most.
func TestTailTellsConflationOnceASecond(t *testing.T) {
	const during = 4 * time.Second
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c, began := k.run(t).tail(t, topic, "every=100"), time.Now()
		for time.Since(began) < during {
			marks := numbered(0, 10, 1, 0)
			for _, r := range marks {
				r.Key = []byte("a")
			}
			k.produce(t, topic, marks...)
		}
		took, told := time.Since(began), 0
		for _, f := range c.quiet(2 * time.Second) {
			if f.Conflated != nil {
				told++
			}
		}
		if most := int(took/time.Second) + 2; told == 0 || told > most {
			t.Errorf("it was told %d times, at most %d were right", told, most)
		}
	})
}

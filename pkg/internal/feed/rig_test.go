package feed

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// rig is a log that nobody fetches but the test, so that it alone says when the rings grow. Tails that catch up read it
// as they like.
type rig struct {
	t     *testing.T
	kafka *fakeLog
	log   *Log

	charged int64 // what the tables have told of what they hold, where they tell it
}

const rigRetry = 10 * time.Millisecond

// newRig returns a log of partitions without a record, whose rings hold the newest record, and others while there is
// room for so many bytes. One tail at a time can catch up.
func newRig(t *testing.T, partitions int, room int64) *rig {
	t.Helper()
	r := &rig{t: t, kafka: newFakeLog(partitions, 0)}
	r.log = newLog(Name{Topic: "t"}, r.kafka, NewHub(Options{
		RingBytes: room, ChunkBytes: 1, TableBytes: 1 << 20, Retry: rigRetry, Moves: time.Hour, Past: 30 * time.Second, CatchUps: 1,
		Logger: slog.New(slog.DiscardHandler),
	}))
	r.log.running = true // nothing begins to fetch
	r.log.fetched, _ = r.kafka.Starts(t.Context())
	return r
}

// write writes records with these keys to a partition. Tails and rings do not have them yet.
func (r *rig) write(partition int32, keys ...string) (written []proxy.Record) {
	r.kafka.change(func() {
		for _, key := range keys {
			record := proxy.Record{Partition: partition, Key: []byte(key), Value: []byte("v")}
			r.kafka.partitions[partition].write(&record)
			written = append(written, record)
		}
	})
	return written
}

// writeUnits writes records that differ in what conditions look at.
func (r *rig) writeUnits(partition int32, units ...string) (written []proxy.Record) {
	r.kafka.change(func() {
		for _, unit := range units {
			record := proxy.Record{Partition: partition, Key: []byte("k" + unit), Value: []byte("v"), Headers: unitOf(unit)}
			r.kafka.partitions[partition].write(&record)
			written = append(written, record)
		}
	})
	return written
}

// fetch has the rings get records as one batch.
func (r *rig) fetch(records ...proxy.Record) {
	batch := proxy.Batch{Records: records, Next: proxy.Places{}}
	for i := range records {
		batch.Next[records[i].Partition] = proxy.Place{Offset: records[i].Offset + 1, Epoch: records[i].Epoch}
	}
	r.log.deliver(batch)
}

// fetchGaps has the rings get what the log does not have anymore of what they were given.
func (r *rig) fetchGaps() {
	r.t.Helper()
	batch, err := r.kafka.Check(r.t.Context(), r.log.fetched)
	if err != nil || len(batch.Gaps) == 0 {
		r.t.Fatalf("the log has all: %v", err)
	}
	r.log.deliver(batch)
}

// fetchEnds has the rings learn of the leaders that have all that they were given.
func (r *rig) fetchEnds() {
	r.t.Helper()
	batch, err := r.kafka.Check(r.t.Context(), r.log.fetched)
	if err != nil || len(batch.Gaps) > 0 {
		r.t.Fatalf("the log lacks %v: %v", batch.Gaps, err)
	}
	r.log.deliver(batch)
}

// rigTail is a tail whose frames the test takes.
type rigTail struct {
	*Tail

	t *testing.T
}

// open begins a tail, which is closed in the end.
func (r *rig) open(o TailOptions) *rigTail {
	r.t.Helper()
	c := r.openOnce(o)
	r.t.Cleanup(c.Close)
	return c
}

// openOnce is open for a tail that the test may close.
func (r *rig) openOnce(o TailOptions) *rigTail {
	r.t.Helper()
	o.Variant, o.Slowed = "v", func() {}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.NewEncoder == nil {
		o.NewEncoder = func() Encoder { return textEncoder{} }
	}
	tail, err := r.log.Open(r.t.Context(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	return &rigTail{tail, r.t}
}

// frames returns what the tail gives now.
func (c *rigTail) frames() (frames []string) {
	take := func(frame []byte) bool {
		frames = append(frames, strings.TrimSpace(string(frame)))
		return true
	}
	c.Fill(1<<10, take, take)
	return frames
}

// want takes frames until no more come, also after what is tried again, and compares them.
func (c *rigTail) want(want ...string) {
	c.t.Helper()
	var got []string
	for quiet := 0; quiet < 2; quiet++ {
		time.Sleep(2 * rigRetry)
		synctest.Wait()
		if more := c.frames(); len(more) > 0 {
			got, quiet = append(got, more...), -1
		}
	}
	if !slices.Equal(got, want) {
		c.t.Errorf("the tail gives %q, want %q", got, want)
	}
}

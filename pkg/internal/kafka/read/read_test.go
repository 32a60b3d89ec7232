package read

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// tests run on kfake and on Apache Kafka.
var tests = map[string]func(*rig){
	"positions":                 testPositions,
	"an open transaction":       testOpenTransaction,
	"places of all kinds":       testPlaces,
	"records":                   testRecords,
	"transactions":              testTransactions,
	"retention":                 testExpired,
	"beyond the end":            testBeyondTheEnd,
	"growth":                    testGrowth,
	"deleted":                   testDeleted,
	"made again":                testMadeAgain,
	"compacted":                 testCompacted,
	"a cut network":             testCutNetwork,
	"many readers at all times": testManyReaders,
}

func TestOnKfake(t *testing.T) {
	t.Parallel()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newRig(t, 0, kafkatest.Broker(t).ListenAddrs()...))
		})
	}
}

func TestOnKafka(t *testing.T) {
	t.Parallel()
	broker := kafka.Require(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newRig(t, 0, broker.Addr()))
		})
	}
}

func testPositions(r *rig) {
	t := r.T
	r.create(2)
	for i, v := range []string{"a", "b", "c"} {
		record := &kgo.Record{Topic: r.topic, Value: []byte(v), Timestamp: time.UnixMilli(1000 * int64(i+1))}
		if err := r.client.ProduceSync(kafkatest.Deadline(t), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	r.write(1, "x")
	s, ctx := r.source(), kafkatest.Deadline(t)
	at := func(timestamp int64) func() (proxy.Places, error) {
		return func() (proxy.Places, error) { return s.At(ctx, timestamp) }
	}
	last := func(n int64) func() (proxy.Places, error) {
		return func() (proxy.Places, error) { return s.Last(ctx, n) }
	}
	for name, test := range map[string]struct {
		places        func() (proxy.Places, error)
		first, second int64
	}{
		"starts":            {func() (proxy.Places, error) { return s.Starts(ctx) }, 0, 0},
		"ends":              {func() (proxy.Places, error) { return s.Ends(ctx) }, 3, 1},
		"before everything": {at(0), 0, 0},
		"a negative time":   {at(-2), 0, 0},
		"at a record":       {at(2000), 1, 0},
		"between records":   {at(2001), 2, 0},
		"after everything":  {at(math.MaxInt64), 3, 1},
		"last 0":            {last(0), 3, 1},
		"last 1":            {last(1), 2, 0},
		"last 2":            {last(2), 1, 0},
		"last of all":       {last(1e18), 0, 0},
		"last, overflowing": {last(math.MaxInt64), 0, 0},
		"last, negative":    {last(-1), 3, 1},
	} {
		places, err := test.places()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := offsetsOf(places); got[0] != test.first || got[1] != test.second || len(got) != 2 {
			t.Errorf("%s: got %v", name, got)
		}
		if places[0].Epoch < 0 {
			t.Errorf("%s: no epoch: %v", name, places)
		}
	}
	r.deleteBefore(2)
	if places, err := s.Last(ctx, 1e18); err != nil || places[0].Offset != 2 {
		t.Errorf("after records were deleted: got %v, %v", places, err)
	}
}

func testOpenTransaction(r *rig) {
	t := r.T
	r.create(1)
	r.write(0, "a")
	writer := r.writer()
	r.transact(writer, kgo.TryCommit, false, "b", "c")
	ctx := kafkatest.Deadline(t)
	committed, uncommitted := r.committed(), r.source()
	for name, test := range map[string]struct {
		source *Source
		end    int64
	}{"committed": {committed, 1}, "uncommitted": {uncommitted, 3}} {
		ends, err := test.source.Ends(ctx)
		if err != nil || ends[0].Offset != test.end {
			t.Errorf("%s: ends at %v, %v", name, ends, err)
		}
		// A place of another isolation is valid.
		if checked, err := test.source.Check(ctx, proxy.Places{0: {Offset: 3, Epoch: ends[0].Epoch}}); err != nil || len(checked.Gaps) != 0 {
			t.Errorf("%s: checked %v, %v", name, checked, err)
		}
	}
	tail := r.read(committed, proxy.Places{0: {Offset: 0, Epoch: unknown}})
	tail.wants("0/0=a")
	if err := writer.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	tail.wants("0/0=a", "0/1=b", "0/2=c")
}

func testPlaces(r *rig) {
	t := r.T
	r.create(2)
	r.write(0, "a", "b", "c")
	r.write(1, "x", "y")
	s := r.source()
	for name, test := range map[string]struct {
		at   proxy.Places
		want []string
	}{
		"a place in one, the other from its start": {proxy.Places{0: {Offset: 3, Epoch: unknown}}, []string{"1/0=x", "1/1=y"}},
		"with an epoch":                    {proxy.Places{0: {Offset: 2, Epoch: 0}, 1: {Offset: 2, Epoch: 0}}, []string{"0/2=c"}},
		"with an epoch that is made up":    {proxy.Places{0: {Offset: 2, Epoch: 99}, 1: {Offset: 2, Epoch: 99}}, []string{"0/2=c"}},
		"with a partition that is made up": {proxy.Places{0: {Offset: 2}, 1: {Offset: 2}, 7: {Offset: 7}}, []string{"0/2=c"}},
	} {
		t.Run(name, func(t *testing.T) {
			tail := r.read(s, test.at)
			tail.wants(test.want...)
			if ends, err := s.Ends(kafkatest.Deadline(t)); err != nil || !tail.at.Passes(ends) || len(tail.gaps) > 0 {
				t.Errorf("is at %v, the ends are %v, %v; gaps %v", tail.at, ends, err, tail.gaps)
			}
		})
	}
	tail := r.read(s, proxy.Places{0: {Offset: 3}, 1: {Offset: 2}})
	r.write(1, "z")
	r.write(0, "d")
	tail.until("both", func() bool { return len(tail.got) == 2 })
}

func testRecords(r *rig) {
	t := r.T
	r.create(1)
	for _, record := range []*kgo.Record{
		{Key: []byte("k"), Value: nil, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}, {Key: "null"}}},
		{Key: nil, Value: []byte{}, Timestamp: time.UnixMilli(12345)},
	} {
		record.Topic = r.topic
		if err := r.client.ProduceSync(kafkatest.Deadline(t), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	reader := r.read(r.source(), proxy.Places{}).reader
	var all []proxy.Record
	for len(all) < 2 {
		batch, err := reader.Poll(kafkatest.Deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range batch.Records {
			got := fmt.Sprintf("%q %v %q %v %q %d %d", record.Key, record.Key == nil, record.Value, record.Value == nil, record.Headers, record.Partition, record.Epoch)
			want := `"k" false "" true [{"h" "v"} {"null" ""}] 0 0`
			if record.Offset == 1 {
				want = `"" true "" false [] 0 0`
			}
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			all = append(all, proxy.Record{Timestamp: record.Timestamp})
		}
	}
	if all[1].Timestamp != 12345 {
		t.Errorf("got %d", all[1].Timestamp)
	}
}

func testTransactions(r *rig) {
	t := r.T
	r.create(1)
	writer := r.writer()
	committed, uncommitted := r.committed(), r.source()
	clean, dirty := r.read(committed, proxy.Places{}), r.read(uncommitted, proxy.Places{})
	r.transact(writer, kgo.TryCommit, true, "a") // the marker is at 1
	clean.wants("0/0=a")
	r.transact(writer, kgo.TryAbort, true, "b", "c")
	r.transact(writer, kgo.TryCommit, true, "d")
	clean.wants("0/0=a", "0/5=d")
	dirty.wants("0/0=a", "0/2=b", "0/3=c", "0/5=d")
	for _, tail := range []*tail{clean, dirty} {
		tail.until("the last marker", func() bool { return tail.at[0].Offset == 7 })
	}
	ends, err := committed.Ends(kafkatest.Deadline(t))
	if err != nil || ends[0].Offset != 7 {
		t.Errorf("ends at %v, %v", ends, err)
	}
	r.transact(writer, kgo.TryAbort, true, "e")
	clean.until("the marker of what was aborted", func() bool { return clean.at[0].Offset == 9 })
	if len(clean.got) != 2 {
		t.Errorf("got %q", clean.got)
	}
}

func testExpired(r *rig) {
	t := r.T
	r.create(1)
	r.write(0, "a", "b", "c", "d")
	r.deleteBefore(2)
	s := r.source()
	for name, at := range map[string]proxy.Places{
		"known epoch":   {0: {Offset: 1, Epoch: 0}},
		"unknown epoch": {0: {Offset: 1, Epoch: unknown}},
		"no place":      {}, // as of a partition that was added
	} {
		checked, err := s.Check(kafkatest.Deadline(t), at)
		want := proxy.Gap{Partition: 0, From: at[0].Offset, To: 2, Reason: proxy.GapExpired, Then: proxy.Place{Offset: 2}}
		if err != nil || len(checked.Gaps) != 1 || checked.Gaps[0] != want || checked.Next[0] != want.Then {
			t.Errorf("%s: checked %v, %v", name, checked, err)
		}
		tail := r.read(s, at)
		tail.wants("0/2=c", "0/3=d")
		if len(tail.gaps) != 1 || tail.gaps[0] != want {
			t.Errorf("%s: gaps %v", name, tail.gaps)
		}
	}
}

func testBeyondTheEnd(r *rig) {
	t := r.T
	r.create(1)
	r.write(0, "a", "b")
	s := r.source()
	for name, epoch := range map[string]int32{"known epoch": 0, "unknown epoch": unknown, "made up": 77} {
		tail := r.read(s, proxy.Places{0: {Offset: 9, Epoch: epoch}})
		tail.until("a gap", func() bool { return len(tail.gaps) > 0 })
		want := proxy.Gap{Partition: 0, From: 2, To: 9, Reason: proxy.GapTruncated, Then: proxy.Place{Offset: 2}}
		if tail.gaps[0] != want || tail.at[0] != want.Then {
			t.Errorf("%s: gaps %v, then at %v", name, tail.gaps, tail.at)
		}
	}
}

func testGrowth(r *rig) {
	t := r.T
	r.create(1)
	r.write(0, "a")
	s := r.source()
	tail := r.read(s, proxy.Places{})
	tail.wants("0/0=a")
	if _, err := r.admin.CreatePartitions(kafkatest.Deadline(t), 2, r.topic); err != nil {
		t.Fatal(err)
	}
	r.awaitPartitions(3)
	kafkatest.Await(t, "the writer to know the partitions", func() bool {
		r.client.ForceMetadataRefresh()
		leader, _, err := r.client.PartitionLeader(r.topic, 2)
		return err == nil && leader >= 0
	})
	s.topic.Refresh()
	tail.until("the new partitions", func() bool { return len(tail.at) == 3 })
	r.write(2, "z")
	r.write(0, "b")
	tail.until("all records", func() bool { return len(tail.got) == 3 })
}

// slow is a deadline for what the watcher of topics notices at its interval.
func slow(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func testDeleted(r *rig) {
	t := r.T
	r.create(1)
	r.write(0, "a")
	s := r.source()
	tail := r.read(s, proxy.Places{})
	tail.wants("0/0=a")
	if _, err := r.admin.DeleteTopic(kafkatest.Deadline(t), r.topic); err != nil {
		t.Fatal(err)
	}
	wantEnd(slow(t), tail, s, false)
}

// wantEnd expects that reading ends since the topic has ended. Before the watcher knows, other errors are returned,
// after which reading is tried again.
func wantEnd(ctx context.Context, tail *tail, s *Source, replaced bool) {
	t := tail.T
	at := tail.at
	err := tail.ends(ctx)
	for ; kafkatest.KindOf(err) == proxy.KindKafkaUnavailable && ctx.Err() == nil; err = tail.ends(ctx) {
		tail.close()
		reader, again := s.Read(ctx, at)
		for ; kafkatest.KindOf(again) == proxy.KindKafkaUnavailable && ctx.Err() == nil; reader, again = s.Read(ctx, at) {
		}
		if again != nil {
			err = again
			break
		}
		tail.reader, tail.close = reader, sync.OnceFunc(reader.Close)
	}
	if kafkatest.KindOf(err) != proxy.KindTopicNotFound || errors.Is(err, proxy.ErrReplaced) != replaced {
		t.Errorf("polling ends with %v", err)
	}
	if _, err := s.Check(ctx, at); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
		t.Errorf("checking ends with %v", err)
	}
	if _, err := s.Compacted(ctx); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
		t.Errorf("asking for settings ends with %v", err)
	}
	if len(tail.got) != 1 {
		t.Errorf("got %q", tail.got)
	}
}

func testMadeAgain(r *rig) {
	t := r.T
	r.create(1)
	r.write(0, "a")
	s := r.source()
	tail := r.read(s, proxy.Places{})
	tail.wants("0/0=a")
	if _, err := r.admin.DeleteTopic(kafkatest.Deadline(t), r.topic); err != nil {
		t.Fatal(err)
	}
	kafkatest.Await(t, "the topic to be made again", func() bool {
		_, err := r.admin.CreateTopic(kafkatest.Deadline(t), 1, 1, nil, r.topic)
		return err == nil
	})
	r.awaitPartitions(1)
	r.client.PurgeTopicsFromClient(r.topic)
	r.write(0, "x", "y", "z") // nothing of which is read
	wantEnd(slow(t), tail, s, true)
}

func testCompacted(r *rig) {
	t := r.T
	for setting, want := range map[string]bool{"delete": false, "compact": true, "compact,delete": true} {
		r := newRig(t, 0, r.hosts...)
		r.create(1, "cleanup.policy="+setting)
		if compacted, err := r.source().Compacted(kafkatest.Deadline(t)); err != nil || compacted != want {
			t.Errorf("%s: got %v, %v", setting, compacted, err)
		}
	}
}

// testCutNetwork cuts the network again and again while records are written.
func testCutNetwork(r *rig) {
	r.create(2)
	tail := r.read(r.source(), proxy.Places{})
	for i := range 5 {
		r.write(int32(i%2), fmt.Sprint(i))
		tail.until("the record", func() bool { return len(tail.got) == 2*i+1 })
		r.gate.Cut()
		r.write(int32(i%2), fmt.Sprint(i))
		r.gate.Mend()
		tail.until("the record", func() bool { return len(tail.got) == 2*i+2 })
	}
}

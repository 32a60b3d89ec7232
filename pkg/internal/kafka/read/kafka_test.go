package read

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongACrashOfKafka kills a broker. When it is back, one topic is unchanged, one has lost its records, and one has got
// more records than it lost before its reader sees it again.
func TestLongACrashOfKafka(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	broker := kafka.RequireOwn(t, kafka.Options{DataDir: data})
	topics := map[string]*crashed{
		"kept":  {want: []string{"0/0=a", "0/1=b", "0/2=c", "0/3=n"}, write: []string{"n"}},
		"cut":   {want: []string{"0/0=a", "0/1=b", "0/2=c"}, lost: true},
		"grown": {want: []string{"0/0=a", "0/1=b", "0/2=c", "0/0=n", "0/1=n", "0/2=n", "0/3=n"}, lost: true, write: []string{"n", "n", "n", "n"}},
	}
	for _, c := range topics {
		c.begin(t, broker.Addr())
	}
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, c := range topics {
		if c.lost {
			empty(t, filepath.Join(data, c.rig.topic+"-0"))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := broker.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	for name, c := range topics {
		t.Run(name, c.finish)
	}
}

// crashed is a topic of a broker that crashes.
type crashed struct {
	lost        bool
	write, want []string // what is written afterwards, and what is read in all
	rig         *rig
	source      *Source
	tail        *tail
}

func (c *crashed) begin(t *testing.T, address string) {
	t.Helper()
	c.rig = newRig(t, 1, address)
	c.rig.write(0, "a", "b", "c")
	c.source = c.rig.source()
	c.tail = c.rig.read(c.source, proxy.Places{})
	c.tail.wants(c.want[:3]...)
	c.rig.gate.Cut()
}

func (c *crashed) finish(t *testing.T) {
	c.rig.awaitPartitions(1)
	c.rig.write(0, c.write...)
	c.rig.gate.Mend()
	ctx := slow(t)
	moved := func() bool { return len(c.tail.got) >= len(c.want) && (len(c.tail.gaps) > 0 || !c.lost) }
	for !moved() {
		if err := c.tail.poll(ctx); err == nil {
			continue
		} else if ctx.Err() != nil {
			t.Fatalf("got %q, gaps %v: %v", c.tail.got, c.tail.gaps, err)
		}
		c.tail.close()
		if reader, err := c.source.Read(ctx, c.tail.at); err == nil {
			c.tail.reader, c.tail.close = reader, reader.Close
		}
	}
	want := proxy.Gap{Partition: 0, From: 0, To: 3, Reason: proxy.GapTruncated, Then: proxy.Place{Offset: 0}}
	gaps := c.tail.gaps
	for i := range gaps {
		gaps[i].Then.Epoch = 0
	}
	if c.lost != slices.Equal(gaps, []proxy.Gap{want}) || !slices.Equal(c.tail.got, c.want) {
		t.Errorf("got %q, gaps %v", c.tail.got, gaps)
	}
}

// empty removes the segments of a partition's log, as after the loss of a disk.
func empty(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "0*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s holds %q: %v", dir, files, err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLongABrokerOfKafkaIsAway kills one of three brokers: the partition of which it has the only replica has no leader.
func TestLongABrokerOfKafkaIsAway(t *testing.T) {
	t.Parallel()
	brokers := kafka.RequireOwnCluster(t, kafka.ClusterOptions{})
	r := newRig(t, 3, brokers.Node(1).Addr(), brokers.Node(2).Addr(), brokers.Node(3).Addr())
	s := r.source()
	live := r.read(s, proxy.Places{})
	for p := range int32(3) {
		r.write(p, "a")
	}
	live.until("all records", func() bool { return len(live.got) == 3 })
	leader, _, err := r.client.PartitionLeader(r.topic, 1)
	if err != nil {
		t.Fatal(err)
	}
	node := brokers.Node(leader)
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	begun := r.read(s, proxy.Places{0: {Offset: 0}, 1: {Offset: 0}, 2: {Offset: 0}})
	begun.until("the other partitions", func() bool { return len(begun.got) == 2 })
	s.heldBack = 0
	ends, err := s.Ends(kafkatest.Deadline(t))
	if err != nil || !ends[1].IsTime() {
		t.Fatalf("the ends are %v, %v", ends, err)
	}
	newcomer := r.read(s, ends)
	others := r.others(1)
	r.writeLater(others)
	for _, tail := range []*tail{live, begun, newcomer} {
		seen := len(tail.got)
		tail.until("more of the other partitions", func() bool { return len(tail.got) == seen+len(others) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := node.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	r.awaitPartitions(3)
	r.write(1, "z")
	for _, tail := range []*tail{live, begun} {
		tail.until("the partition", func() bool { return slices.Contains(tail.got, "1/1=z") })
		if len(tail.got) != 4+len(others) || len(tail.gaps) != 0 {
			t.Errorf("got %q, gaps %v", tail.got, tail.gaps)
		}
	}
	newcomer.until("the partition", func() bool { return slices.Contains(newcomer.got, "1/1=z") })
	if len(newcomer.got) != 1+len(others) || len(newcomer.gaps) != 0 {
		t.Errorf("from the end on: got %q, gaps %v", newcomer.got, newcomer.gaps)
	}
}

func (r *rig) others(but int32) (partitions []int32) {
	for p := range int32(3) {
		if p != but {
			partitions = append(partitions, p)
		}
	}
	return partitions
}

// writeLater writes to partitions whose leaders may have to be found first.
func (r *rig) writeLater(partitions []int32) {
	r.Helper()
	for _, p := range partitions {
		record := &kgo.Record{Topic: r.topic, Partition: p, Value: fmt.Append(nil, "later")}
		if err := r.client.ProduceSync(kafkatest.Deadline(r), record).FirstErr(); err != nil {
			r.Fatal(err)
		}
	}
}

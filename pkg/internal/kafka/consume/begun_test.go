package consume

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestBegunMetadata(t *testing.T) {
	for text, want := range map[string]int32{
		"wsproxy partitions=3": 3, "wsproxy partitions=2147483647": 2147483647,
		"": 0, "wsproxy partitions=": 0, "wsproxy partitions=0": 0, "wsproxy partitions=-1": 0,
		"wsproxy partitions=3 ": 0, "wsproxy partitions=2147483648": 0, "somebody's": 0,
	} {
		got, ok := begunWith(&text)
		if ok != (want > 0) || ok && got != want {
			t.Errorf("%q: got %d, %t", text, got, ok)
		}
	}
	if _, ok := begunWith(nil); ok {
		t.Error("a number of partitions is read from no metadata")
	}
	var b begun
	if b.metadata() != nil {
		t.Error("an unknown number of partitions is put into metadata")
	}
	b.learn(new("wsproxy partitions=7"))
	b.learn(new("wsproxy partitions=5"))
	b.learn(new("wsproxy partitions=6"))
	if got := *b.metadata(); got != "wsproxy partitions=5" {
		t.Errorf("got %q", got)
	}
}

// TestBegunOfOthers calls judge with commits of partitions that other members have.
func TestBegunOfOthers(t *testing.T) {
	commit := func(at int64, metadata string) kadm.OffsetResponse {
		return kadm.OffsetResponse{Offset: kadm.Offset{At: at, Metadata: metadata}}
	}
	for name, test := range map[string]struct {
		commits map[int32]kadm.OffsetResponse
		want    int32
	}{
		"none":                  {nil, 8},
		"deleted ones":          {map[int32]kadm.OffsetResponse{5: commit(-1, "wsproxy partitions=3")}, 8},
		"of the proxy":          {map[int32]kadm.OffsetResponse{6: commit(0, "wsproxy partitions=3")}, 3},
		"the least counts":      {map[int32]kadm.OffsetResponse{0: commit(9, "wsproxy partitions=5"), 6: commit(0, "wsproxy partitions=3")}, 3},
		"of a native client":    {map[int32]kadm.OffsetResponse{1: commit(9, ""), 4: commit(0, "a host")}, 5},
		"of both":               {map[int32]kadm.OffsetResponse{1: commit(9, "wsproxy partitions=2"), 4: commit(0, "a host")}, 2},
		"one that is not known": {map[int32]kadm.OffsetResponse{1: commit(9, ""), 4: {Err: errNoAnswer}}, 2},
	} {
		var b begun
		if got := b.judge(kadm.OffsetResponses{"t": test.commits, "u": {7: commit(1, "wsproxy partitions=1")}}, "t", 8); got != test.want || b.number() != got {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}

func TestStarting(t *testing.T) {
	log := logRange{start: 5, end: 20, last: 18}
	unknownLog := logRange{err: errNoAnswer}
	for name, test := range map[string]struct {
		got, want proxy.Start
	}{
		"within":                 {starting{reset: ResetLatest}.resume(7, log), proxy.Start{Offset: 7}},
		"at the start":           {starting{reset: ResetLatest}.resume(5, log), proxy.Start{Offset: 5}},
		"at the end":             {starting{reset: ResetEarliest}.resume(20, log), proxy.Start{Offset: 20}},
		"below, earliest":        {starting{reset: ResetEarliest}.resume(4, log), proxy.Start{Offset: 5, Commit: true}},
		"below, latest":          {starting{reset: ResetLatest}.resume(4, log), proxy.Start{Offset: 18, Commit: true}},
		"beyond, earliest":       {starting{reset: ResetEarliest}.resume(21, log), proxy.Start{Offset: 5, Commit: true}},
		"beyond, latest":         {starting{reset: ResetLatest}.resume(21, log), proxy.Start{Offset: 18, Commit: true}},
		"beyond, none":           {starting{reset: ResetNone}.resume(21, log), proxy.Start{Offset: 21}},
		"nothing is known":       {starting{reset: ResetLatest}.resume(21, unknownLog), proxy.Start{Offset: 21}},
		"the group begins":       {starting{reset: ResetLatest, begun: 3}.begin(2, -1, log), proxy.Start{Offset: 18, Commit: true}},
		"added":                  {starting{reset: ResetLatest, begun: 3}.begin(3, -1, log), proxy.Start{Offset: 5, Commit: true}},
		"had before":             {starting{reset: ResetLatest, begun: 3}.begin(2, 11, log), proxy.Start{Offset: 11, Commit: true}},
		"had before, now gone":   {starting{reset: ResetLatest, begun: 3}.begin(2, 4, log), proxy.Start{Offset: 18, Commit: true}},
		"added, had, and gone":   {starting{reset: ResetLatest, begun: 3}.begin(3, 4, log), proxy.Start{Offset: 5, Commit: true}},
		"added, and had to here": {starting{reset: ResetLatest, begun: 3}.begin(3, 5, log), proxy.Start{Offset: 5, Commit: true}},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %v, want %v", name, test.got, test.want)
		}
	}
}

// commitWith commits for the group "g", which has no members.
func commitWith(t *testing.T, broker *kfake.Cluster, partition int32, offset int64, metadata string) {
	t.Helper()
	adm, _ := kafkatest.Admin(t, broker)
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "t", Partition: partition, At: offset, LeaderEpoch: -1, Metadata: metadata})
	if err := adm.CommitAllOffsets(kafkatest.Deadline(t), "g", offsets); err != nil {
		t.Fatal(err)
	}
}

// TestLatestBegins starts a consumer on groups in all possible states: of five partitions two were
// added, and each has two records.
func TestLatestBegins(t *testing.T) {
	type commit struct {
		partition int32
		metadata  string
	}
	for name, test := range map[string]struct {
		commits []commit // at offset 1
		want    string
	}{
		"no commit":                      {nil, "map[0:2 1:2 2:2 3:2 4:2]"},
		"began with three":               {[]commit{{0, "wsproxy partitions=3"}, {1, "wsproxy partitions=3"}}, "map[0:1 1:1 2:2 3:0 4:0]"},
		"only an added one is committed": {[]commit{{4, "wsproxy partitions=3"}}, "map[0:2 1:2 2:2 3:0 4:1]"},
		"others have begun meanwhile":    {[]commit{{1, "wsproxy partitions=5"}}, "map[0:2 1:1 2:2 3:2 4:2]"},
		"members saw different numbers":  {[]commit{{0, "wsproxy partitions=5"}, {1, "wsproxy partitions=3"}}, "map[0:1 1:1 2:2 3:0 4:0]"},
		"of a native client":             {[]commit{{0, ""}, {2, "a host"}}, "map[0:1 1:2 2:1 3:0 4:0]"},
		"of both":                        {[]commit{{2, ""}, {0, "wsproxy partitions=3"}}, "map[0:1 1:2 2:1 3:0 4:0]"},
	} {
		t.Run(name, func(t *testing.T) {
			broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
			addPartitions(t, broker, 2)
			for partition := range int32(5) {
				write(t, broker, partition, "a", "b")
			}
			for _, c := range test.commits {
				commitWith(t, broker, c.partition, 1, c.metadata)
			}
			consume(t, broker, ResetLatest, o)
			kafkatest.Await(t, "an assignment", func() bool { return len(o.Starts()) == 5 })
			if got := fmt.Sprint(o.Starts()); got != test.want {
				t.Errorf("starts at %s, want %s", got, test.want)
			}
			if got := len(o.Fresh()); got != 5-len(test.commits) {
				t.Errorf("%v are to be committed", o.Fresh())
			}
		})
	}
}

func addPartitions(t *testing.T, broker *kfake.Cluster, n int) {
	t.Helper()
	adm, _ := kafkatest.Admin(t, broker)
	answers, err := adm.CreatePartitions(kafkatest.Deadline(t), n, "t")
	if err != nil || answers["t"].Err != nil {
		t.Fatal(err, answers)
	}
}

// commitStarts commits start offsets that the group does not have, as a connection does.
func commitStarts(t *testing.T, c *Consumer, o *kafkatest.Owner) {
	t.Helper()
	var positions []proxy.Next
	starts := o.Starts()
	for _, partition := range o.Fresh() {
		positions = append(positions, proxy.Next{Partition: partition, Offset: starts[partition]})
	}
	if err := c.Commit(kafkatest.Deadline(t), positions); err != nil {
		t.Fatal(err)
	}
}

// TestLatestMembersBeginTogether starts several members of a new group at the same moment: none may read
// records that were written before.
func TestLatestMembersBeginTogether(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	for partition := range int32(3) {
		write(t, broker, partition, "a", "b")
	}
	owners := []*kafkatest.Owner{{}, {}, {}}
	var joining sync.WaitGroup
	for i, o := range owners {
		joining.Go(func() {
			c := consumeAs(t, broker, proxy.ClientID(fmt.Sprint("c", i)), ResetLatest, o)
			kafkatest.Await(t, "an assignment", func() bool { return len(o.Starts()) > 0 })
			commitStarts(t, c, o)
		})
	}
	joining.Wait()
	for _, o := range owners {
		for partition, start := range o.Starts() {
			if start != 2 {
				t.Errorf("partition %d starts at %d", partition, start)
			}
		}
	}
}

// TestLatestReadsAddedPartitions adds partitions while a group is connected, and more while it is
// disconnected.
func TestLatestReadsAddedPartitions(t *testing.T) {
	broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
	write(t, broker, 0, "old")
	consumer := consume(t, broker, ResetLatest, o)
	kafkatest.Await(t, "an assignment", func() bool { return len(o.Starts()) == 3 })
	commitStarts(t, consumer, o)
	addPartitions(t, broker, 1)
	write(t, broker, 3, "n0", "n1")
	began := time.Now()
	consumer.options.Topic.Refresh() // what the watcher does at its interval
	if got := fmt.Sprint(poll(t, consumer, 2)); got != "[3/0=n0 3/1=n1]" {
		t.Errorf("got %s", got)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	commitStarts(t, consumer, o)
	consumer.Close(kafkatest.Deadline(t), true)

	addPartitions(t, broker, 1)
	write(t, broker, 4, "n2")
	if got := fmt.Sprint(poll(t, consume(t, broker, ResetLatest, &kafkatest.Owner{}), 3)); got != "[3/0=n0 3/1=n1 4/0=n2]" && got != "[4/0=n2 3/0=n0 3/1=n1]" {
		t.Errorf("got %s", got)
	}
}

// TestEarliestKeepsTheNumber commits from a member that uses another strategy.
func TestEarliestKeepsTheNumber(t *testing.T) {
	broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
	write(t, broker, 0, "a", "b")
	commitWith(t, broker, 0, 0, "wsproxy partitions=2")
	consumer := consume(t, broker, ResetEarliest, o)
	poll(t, consumer, 2)
	if err := consumer.Commit(kafkatest.Deadline(t), []proxy.Next{{Partition: 0, Offset: 2}}); err != nil {
		t.Fatal(err)
	}
	adm, _ := kafkatest.Admin(t, broker)
	offsets, err := adm.FetchOffsets(kafkatest.Deadline(t), "g")
	if at, _ := offsets.Lookup("t", 0); err != nil || at.At != 2 || at.Metadata != "wsproxy partitions=2" {
		t.Errorf("committed %d with %q, %v", at.At, at.Metadata, err)
	}
}

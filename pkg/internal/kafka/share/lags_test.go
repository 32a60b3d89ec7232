package share

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// lags returns what a replica tells of the rig's group, by topic.
func (p *pod) lags() map[string]int64 {
	all := make(map[string]int64)
	p.groups.lags.each(func(one metrics.Lag) {
		if _, again := all[one.Topic]; again || one.Group != p.group {
			p.Errorf("%s in %s is told again, or of another group", one.Group, one.Topic)
		}
		all[one.Topic] = one.Records
	})
	return all
}

// awaitLag waits until replicas tell a lag in the rig's topic, each of them the same. They look at once rather than at their interval.
func (r *rig) awaitLag(want int64, pods ...*pod) {
	r.Helper()
	for i, p := range pods {
		var got map[string]int64
		ctx := kafkatest.Deadline(r)
		for len(got) != 1 || got[r.topic] != want {
			if ctx.Err() != nil {
				r.Fatalf("replica %d tells %v, want %d", i, got, want)
			}
			p.groups.lags.ask(ctx, true)
			got = p.lags()
			cluster.Pause(ctx, 20*time.Millisecond)
		}
	}
}

// TestEachReplicaTellsTheWholeLag has two replicas in a group, whose members are assigned different partitions by Apache Kafka.
func TestEachReplicaTellsTheWholeLag(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 4)
		for partition := range int32(4) {
			r.write(partition, numbers(3)...)
		}
		one, two, none := r.pod(), r.pod(), r.pod()
		first, second := one.open(1), two.open(1)
		first.until("a record", func() bool { return len(first.got) == 1 })
		second.until("a record", func() bool { return len(second.got) == 1 })
		r.awaitLag(12, one, two) // what is held is not settled
		first.settles(proxy.Accept)
		second.settles(proxy.Reject)
		r.awaitLag(10, one, two)
		r.write(0, numbers(5)...)
		r.awaitLag(15, one, two)
		if got := none.lags(); len(got) > 0 {
			r.Errorf("without workers: %v", got)
		}
		second.worker.Close(kafkatest.Deadline(r))
		if got := two.lags(); len(got) > 0 {
			r.Errorf("when its worker has left: %v", got)
		}
		r.awaitLag(15, one)
	})
}

// TestLagsAreLookedUpByThemselves waits for the first lookup, which comes before the interval is over.
func TestLagsAreLookedUpByThemselves(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 2)
	r.write(0, numbers(3)...)
	r.write(1, numbers(1)...)
	p := r.pod()
	p.open(10)
	began := time.Now()
	kafkatest.Await(t, "the lag is told", func() bool { return p.lags()[r.topic] == 4 })
	if took := time.Since(began); took > lagInterval {
		t.Errorf("it took %v", took)
	}
}

// TestLagsOfSeveralTopicsAndGroups has workers of three groups, one of them for two topics.
func TestLagsOfSeveralTopicsAndGroups(t *testing.T) {
	r := fakeRig(t, 3)
	second := r.topic + "-second"
	r.create(r.topic, 3)
	r.create(second, 1)
	r.write(0, numbers(5)...)
	p := r.pod()
	groups := map[proxy.GroupID][]string{r.group: {r.topic, second}, r.group + "-b": {r.topic}, r.group + "-c": {second}}
	for group, topics := range groups {
		for _, topic := range topics {
			p.group = group
			p.openWith(Options{Window: 1, Topic: p.hold(topic)})
		}
	}
	kafkatest.Await(t, "all lags are told", func() bool {
		p.groups.lags.ask(kafkatest.Deadline(t), true)
		told := make(map[groupTopic]int64)
		p.groups.lags.each(func(one metrics.Lag) { told[groupTopic{one.Group, one.Topic}] = one.Records })
		right := len(told) == 4
		for group, topics := range groups {
			for _, topic := range topics {
				lag, is := told[groupTopic{group, topic}]
				right = right && is && lag == map[string]int64{r.topic: 5, second: 0}[topic]
			}
		}
		return right
	})
}

// TestLagsThatKafkaDoesNotTell has a broker that does not know them (before KIP-1226).
func TestLagsThatKafkaDoesNotTell(t *testing.T) {
	old := kversion.Tip()
	for key, version := range map[kmsg.Key]int16{
		kmsg.ShareGroupHeartbeat: 1, kmsg.ShareGroupDescribe: 1, kmsg.ShareFetch: 2, kmsg.ShareAcknowledge: 2, kmsg.DescribeShareGroupOffsets: 0,
	} {
		old.SetMaxKeyVersion(int16(key), version)
	}
	r := fakeRig(t, 1, kfake.MaxVersions(old))
	r.create(r.topic, 2)
	r.write(0, numbers(3)...)
	r.write(1, numbers(2)...)
	p := r.pod()
	p.open(1)
	r.awaitLag(5, p)
}

// TestAnOldLagIsNotTold: the greatest of all replicas' counts, so that a replica must not go on telling what it has seen long ago.
func TestAnOldLagIsNotTold(t *testing.T) {
	r, broker := fakeRigAnd(t, 1)
	r.create(r.topic, 1)
	r.write(0, numbers(3)...)
	p := r.pod()
	p.open(1)
	r.awaitLag(3, p)
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeShareGroupOffsets}, Err: kerr.UnknownServerError, Count: -1})
	p.groups.lags.ask(kafkatest.Deadline(t), true)
	if got := p.lags(); got[r.topic] != 3 {
		t.Errorf("after a lookup that has failed: %v", got)
	}
	l := p.groups.lags
	l.mu.Lock()
	for of, f := range l.found {
		f.at = f.at.Add(-lagAge)
		l.found[of] = f
	}
	l.mu.Unlock()
	if got := p.lags(); len(got) > 0 {
		t.Errorf("a lag of a minute ago is told: %v", got)
	}
}

func TestLagOfATopic(t *testing.T) {
	const none = proxy.Unknown
	of := func(start, lag int64, code ...*kerr.Error) told {
		p := kmsg.NewDescribeShareGroupOffsetsResponseGroupTopicPartition()
		p.StartOffset, p.Lag = start, lag
		for _, e := range code {
			p.ErrorCode = e.Code
		}
		return p
	}
	for name, test := range map[string]struct {
		partitions []told
		earliest   bool
		start, end int64 // of the log
		records    int64
		whole      bool
		fails      bool
	}{
		"Kafka tells it":                      {[]told{of(4, 3), of(0, 2)}, true, none, none, 5, true, false},
		"nothing is left":                     {[]told{of(4, 0)}, true, none, none, 0, true, false},
		"Kafka tells it of one":               {[]told{of(4, 3), of(6, none)}, false, 1, 10, 7, true, false},
		"the end is older than the start":     {[]told{of(6, none)}, false, 1, 5, 0, true, false},
		"the log has lost its first records":  {[]told{of(6, none)}, false, 8, 10, 2, true, false},
		"the end is not known":                {[]told{of(4, 3), of(6, none)}, true, 1, none, 0, false, true},
		"nothing is settled":                  {[]told{of(none, none)}, true, 2, 10, 8, true, false},
		"nothing is settled in one":           {[]told{of(none, none), of(4, 3)}, true, 2, 10, 11, true, false},
		"nothing is settled, from the end on": {[]told{of(none, none)}, false, 2, 10, 0, false, true},
		"nothing in one, from the end on":     {[]told{of(4, 3), of(none, none)}, false, 2, 10, 3, false, false},
		"nothing is settled, no log":          {[]told{of(none, none)}, true, none, 10, 0, false, true},
		"there are no partitions":             {nil, true, 0, 10, 0, false, true},
		"Kafka cannot tell of one partition":  {[]told{of(4, 3), of(4, 3, kerr.CoordinatorNotAvailable)}, true, 0, 10, 0, false, true},
	} {
		got, err := sum(test.partitions, test.earliest, func(int32) (start, end int64) { return test.start, test.end })
		if (err != nil) != test.fails || err == nil && (got.records != test.records || got.whole != test.whole) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

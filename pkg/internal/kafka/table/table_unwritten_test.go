package table

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestWhatKafkaDoesNotAcknowledgeIsToldOnce has Kafka refuse records for some time: that is told, and its end is.
func TestWhatKafkaDoesNotAcknowledgeIsToldOnce(t *testing.T) {
	t.Parallel()
	broker := kafkatest.Broker(t)
	r := newTableRig(t, broker.ListenAddrs()...)
	table, _ := r.opened(t, "refusing", func(o *Options) { o.AppendTimeout = 2 * time.Second })
	warmUp(t, table)
	refusing := broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	const told = "Kafka does not acknowledge what is written to the topic"
	kafkatest.Await(t, "it to be told", func() bool { return add(t, table, "a=1") != nil && strings.Contains(r.text.String(), told) })
	if add(t, table, "a=1") == nil {
		t.Error("a record was taken")
	}
	refusing.Remove()
	warmUp(t, table)
	kafkatest.Await(t, "the end to be told", func() bool { return strings.Contains(r.text.String(), "writing to the topic continues") })
	before := ""
	for line := range strings.Lines(r.text.String()) {
		_, why, _ := strings.Cut(line, " why=")
		switch {
		case !strings.Contains(line, told):
			if strings.Contains(line, "writing to the topic continues") {
				before = "" // what fails after that is told again
			}
		case why == before:
			t.Errorf("it was told twice: %s", line)
		default:
			before = why
		}
	}
}

func TestReasonsOfWhatIsNotAcknowledged(t *testing.T) {
	all := []int32{3, 1, 2}
	for name, test := range map[string]struct {
		inSync []int32
		need   int64
		want   string
	}{
		"all in sync":    {all, 2, "broker 3, which leads the topic, or its followers do not answer in time; all 3 replicas count as in sync"},
		"enough in sync": {[]int32{3, 2}, 2, "2 of 3 replicas of the topic are in sync; broker 3 leads it, and behind are brokers 1"},
		"unknown need":   {[]int32{3}, 0, "1 of 3 replicas of the topic are in sync; broker 3 leads it, and behind are brokers 1, 2"},
		"too few": {[]int32{3}, 2, "1 of 3 replicas of the topic are in sync; broker 3 leads it, and behind are brokers 1, 2, where min.insync.replicas=2: " +
			"Kafka refuses all records until enough are in sync; start the brokers that are behind, and see that they reach broker 3"},
	} {
		t.Run(name, func(t *testing.T) {
			place := tablePlace{leader: 3, replicas: all, inSync: test.inSync}
			if got := place.unwritten(test.need); got != test.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestAReasonIsToldAgainWhenItChanges asks at most once a second, and tells each reason once.
func TestAReasonIsToldAgainWhenItChanges(t *testing.T) {
	var w writeTrouble
	now := time.Now()
	if !w.begin(now) || w.begin(now.Add(unwrittenPause/2)) || !w.begin(now.Add(unwrittenPause)) {
		t.Error("Kafka is asked at other times than once a second")
	}
	for i, step := range []struct {
		why  string
		told bool
	}{{"a", true}, {"a", false}, {"b", true}, {"b", false}} {
		if w.tell(step.why) != step.told {
			t.Errorf("step %d, %+v, is not so", i, step)
		}
	}
	if !w.end() || w.end() || !w.tell("b") {
		t.Error("the end was not told once, or a reason not after it")
	}
}

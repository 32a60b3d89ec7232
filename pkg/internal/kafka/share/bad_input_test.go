package share

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

func TestRecordsThatAWorkerDoesNotHoldAreUnknown(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	r.write(0, "a", "b")
	p := r.pod()
	one := p.open(1)
	one.wants("a")
	other := p.open(1)
	kafkatest.Await(t, "the other worker to hold a record", func() bool { return other.worker.Held() == 1 })
	mine := one.position(0)
	elsewhere, otherTime, further, otherTopic := mine, mine, mine, mine
	elsewhere.Partition, otherTime.Timestamp, further.Offset, otherTopic.Topic = 1, mine.Timestamp+1, 99, "other"
	unsent := mine
	unsent.Offset++
	one.results(one.settle(proxy.Accept, elsewhere, otherTime, further, otherTopic, unsent), proxy.SettleUnknown)
	other.results(other.settle(proxy.Accept, unsent), proxy.SettleUnknown) // not taken yet
	other.wants("b")
	other.results(other.settle(proxy.Accept, mine), proxy.SettleUnknown)

	twice := one.settle(proxy.Accept, mine, mine)
	if twice.Results[0].Result != proxy.SettleDone || twice.Results[1].Result != proxy.SettleUnknown {
		t.Errorf("twice in a call: %+v", twice.Results)
	}
	one.results(one.settle(proxy.Reject, mine), proxy.SettleUnknown)
	other.settles(proxy.Accept)
	r.awaitNoLag()
}

func TestBrokersWithoutTheFeatureAreUnsupported(t *testing.T) {
	off := func(t *testing.T, r *rig) {
		t.Helper()
		request := kmsg.NewPtrUpdateFeaturesRequest()
		update := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		update.Feature, update.MaxVersionLevel, update.AllowDowngrade, update.UpgradeType = feature, 0, true, 3
		request.FeatureUpdates = append(request.FeatureUpdates, update)
		answer, err := request.RequestWith(kafkatest.Deadline(t), r.client)
		if err != nil || answer.ErrorCode != 0 {
			t.Fatal(err, answer)
		}
		r.create(r.topic, 1)
		p := r.pod()
		kafkatest.Await(t, "the feature to be off", func() bool {
			w, err := p.groups.Open(kafkatest.Deadline(t), Options{GroupID: r.group, Topic: p.hold(r.topic), Window: 1})
			if err == nil {
				w.Close(kafkatest.Deadline(t))
			}
			return kafkatest.KindOf(err) == proxy.KindQueuesUnsupported
		})
	}
	t.Run("kfake", func(t *testing.T) { off(t, fakeRig(t, 1)) })
	t.Run("Kafka", func(t *testing.T) { off(t, newRig(t, kafka.RequireOwn(t, kafka.Options{}).Addr())) })
}

func TestAGroupOfAnotherKindIsAnInvalidParameter(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a")
		consumer, err := kgo.NewClient(kgo.SeedBrokers(r.hosts...), kgo.ConsumerGroup(string(r.group)), kgo.ConsumeTopics(r.topic),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		if err != nil {
			t.Fatal(err)
		}
		defer consumer.Close()
		consumer.PollFetches(kafkatest.Deadline(t))
		p := r.pod()
		_, err = p.groups.Open(kafkatest.Deadline(t), Options{GroupID: r.group, Topic: p.hold(r.topic), Window: 1, Begin: BeginEarliest})
		if e := proxy.AsError(err); err == nil || e.Kind != proxy.KindInvalidParameter {
			t.Fatalf("got %v", err)
		}
		kafkatest.Await(r, "the consumers' group to have no configuration of a queue", func() bool { return len(r.groupConfigs()) == 0 })
	})
}

// groupConfigs returns what the rig's group itself is configured with.
func (r *rig) groupConfigs() (own []string) {
	r.Helper()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, string(r.group)
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = append(request.Resources, resource)
	answer, err := request.RequestWith(kafkatest.Deadline(r), r.client)
	if err != nil || len(answer.Resources) != 1 || answer.Resources[0].ErrorCode != 0 {
		r.Fatal(err, answer)
	}
	for _, c := range answer.Resources[0].Configs {
		if c.Source == kmsg.ConfigSourceGroupConfig {
			own = append(own, c.Name)
		}
	}
	return own
}

func TestAFullGroupIsALimit(t *testing.T) {
	r := fakeRig(t, 1, kfake.BrokerConfigs(map[string]string{"group.share.max.size": "1"}))
	r.create(r.topic, 1)
	r.pod().open(1)
	p := r.pod()
	_, err := p.groups.Open(kafkatest.Deadline(t), Options{GroupID: r.group, Topic: p.hold(r.topic), Window: 1})
	if kafkatest.KindOf(err) != proxy.KindLimitReached {
		t.Errorf("got %v", err)
	}
}

func TestADeniedGroupOrTopicIsNotAuthorized(t *testing.T) {
	for name, guarded := range kafkatest.Guards() {
		t.Run(name, func(t *testing.T) {
			g := guarded(t)
			topic := g.MakeTopic(t)
			p := guardedPod(t, g)
			g.Allow(t, kafkatest.ACLs(kafka.Bob, kadm.OpRead, kadm.OpDescribe).Topics(topic))
			held := p.holdAs(topic, kafka.Bob)
			_, err := p.groups.Open(kafkatest.Deadline(t), Options{GroupID: "denied", Topic: held, Window: 1})
			if kafkatest.KindOf(err) != proxy.KindNotAuthorized {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNobodyOpensAWorkerAfterClose(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	p := r.pod()
	h := p.open(1)
	held := p.hold(r.topic)
	p.groups.Close(kafkatest.Deadline(t))
	if _, err := p.groups.Open(t.Context(), Options{GroupID: r.group, Topic: held, Window: 1}); kafkatest.KindOf(err) != proxy.KindShuttingDown {
		t.Errorf("Open: %v", err)
	}
	if _, err := h.worker.Take(t.Context()); kafkatest.KindOf(err) != proxy.KindShuttingDown {
		t.Errorf("Take: %v", err)
	}
	if err := h.worker.Settle(t.Context(), proxy.Accept, nil); kafkatest.KindOf(err) != proxy.KindShuttingDown {
		t.Errorf("Settle: %v", err)
	}
}

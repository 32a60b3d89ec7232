package share

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// setGroup configures the rig's group.
func (r *rig) setGroup(name, value string) {
	r.Helper()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, string(r.group)
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = name, &value
	resource.Configs = append(resource.Configs, config)
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	answer, err := request.RequestWith(kafkatest.Deadline(r), r.client)
	if err != nil || answer.Resources[0].ErrorCode != 0 {
		r.Fatal(err, answer)
	}
}

// readsFromNow wants a worker to get a record that is written from now on, and none of those before.
func (h *hand) readsFromNow() {
	h.Helper()
	for len(h.got) == 0 {
		h.write(0, "new")
		ctx, cancel := contextOf(h.T, 300)
		_ = h.take(ctx)
		cancel()
	}
	for _, value := range values(h.got) {
		if value != "new" {
			h.Errorf("got %q", value)
		}
	}
	h.settles(proxy.Accept)
}

func TestAGroupBeginsWhereItIsTold(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "old")
		h := r.pod().openWith(Options{Window: 2, Begin: BeginLatest})
		h.readsFromNow()
	})
}

func TestTheConfigurationOfAGroupStaysAsItIs(t *testing.T) {
	for name, prepare := range map[string]func(*rig){
		"configured": func(r *rig) { r.setGroup(beginConfig, "latest") },
		"exists": func(r *rig) {
			h := r.pod().openWith(Options{Window: 1, Begin: BeginLatest})
			h.readsFromNow()
			h.worker.Close(kafkatest.Deadline(r))
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachKafka(t, func(r *rig) {
				r.create(r.topic, 1)
				r.write(0, "old")
				prepare(r)
				r.pod().openWith(Options{Window: 2, Begin: BeginEarliest}).readsFromNow()
			})
		})
	}
}

func TestAGroupReadsCommittedRecordsIfItIsTold(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		tx, err := kgo.NewClient(kgo.SeedBrokers(r.hosts...), kgo.TransactionalID(r.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			r.Fatal(err)
		}
		defer tx.Close()
		for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
			value := map[kgo.TransactionEndTry]string{kgo.TryAbort: "aborted", kgo.TryCommit: "committed"}[end]
			if err := tx.BeginTransaction(); err != nil {
				r.Fatal(err)
			}
			if err := tx.ProduceSync(kafkatest.Deadline(r), &kgo.Record{Topic: r.topic, Value: []byte(value)}).FirstErr(); err != nil {
				r.Fatal(err)
			}
			if err := tx.EndTransaction(kafkatest.Deadline(r), end); err != nil {
				r.Fatal(err)
			}
		}
		h := r.pod().openWith(Options{Window: 10, Isolation: ReadCommitted})
		h.wants("committed")
		h.settles(proxy.Accept)
		r.awaitNoLag() // the markers are not left either
	})
}

func TestAUserNeedsNoRightToConfigureTheGroup(t *testing.T) {
	for name, guarded := range kafkatest.Guards() {
		t.Run(name, func(t *testing.T) {
			g := guarded(t)
			topic := g.MakeTopic(t)
			g.Allow(t, kafkatest.ACLs(kafka.Bob, kadm.OpRead, kadm.OpDescribe).Topics(topic))
			g.Allow(t, kafkatest.ACLs(kafka.Bob, kadm.OpRead).Groups(topic))
			if err := g.Client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: topic, Value: []byte("a")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			p := guardedPod(t, g)
			p.topic, p.group = topic, proxy.GroupID(topic)
			h := p.openWith(Options{Window: 1, Topic: p.holdAs(topic, kafka.Bob)})
			h.wants("a")
			h.settles(proxy.Accept)
			p.awaitLag(0, p)

			own, err := p.topics.OpenFor(kafkatest.Deadline(t), cluster.Access{Topic: topic})
			if err != nil {
				t.Fatal(err)
			}
			defer own.Close()
			other := p.openWith(Options{Window: 1, Topic: own})
			if other.member() == h.member() {
				t.Error("two identities share a member")
			}
			other.worker.Close(kafkatest.Deadline(t))
		})
	}
}

func TestAKafkaThatIsAwayIsUnavailable(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	p := r.pod()
	held := p.hold(r.topic)
	p.gate.Cut()
	ctx, cancel := contextOf(t, 500)
	defer cancel()
	if _, err := p.groups.Open(ctx, Options{GroupID: r.group, Topic: held, Window: 1}); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
		t.Errorf("got %v", err)
	}
	p.gate.Mend()
	h := p.open(1)
	r.write(0, "a")
	h.wants("a")
}

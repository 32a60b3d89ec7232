package consume

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// remade is a topic of one partition that tests delete and create again.
type remade struct {
	hosts  []string
	name   string
	client *kgo.Client
	admin  *kadm.Client
}

func newRemade(t *testing.T, hosts ...string) *remade {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(hosts...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r := &remade{hosts, fmt.Sprintf("remade-%d", time.Now().UnixNano()), client, kadm.NewClient(client)}
	r.make(t)
	return r
}

func (r *remade) make(t *testing.T) {
	t.Helper()
	kafkatest.Await(t, "the topic to be made", func() bool {
		answer, err := r.admin.CreateTopic(kafkatest.Deadline(t), 1, 1, nil, r.name)
		if err == nil {
			err = answer.Err
		}
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			t.Fatal(err)
		}
		return err == nil
	})
}

func (r *remade) delete(t *testing.T) {
	t.Helper()
	if _, err := r.admin.DeleteTopic(kafkatest.Deadline(t), r.name); err != nil {
		t.Fatal(err)
	}
}

func (r *remade) write(t *testing.T, values ...string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.hosts...)) // a client that does not know the topic's id
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, v := range values {
		if err := client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: r.name, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *remade) committed(t *testing.T) int64 {
	t.Helper()
	offsets, err := r.admin.FetchOffsets(kafkatest.Deadline(t), r.name)
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := offsets.Lookup(r.name, 0); ok {
		return at.At
	}
	return -1
}

func (r *remade) consume(t *testing.T, o proxy.Owner) *Consumer {
	t.Helper()
	c := clustertest.ConnectTo(t, r.hosts...)
	consumer, err := consumersOf(t, c).Join(Options{
		ClientID: "c", GroupID: proxy.GroupID(r.name), Topic: topicOf(t, c, r.name), Reset: ResetEarliest, SessionTimeout: 10 * time.Second, Owner: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { consumer.Close(kafkatest.Deadline(t), true) })
	return consumer
}

// hostsOf starts a broker of a kind.
func hostsOf(t *testing.T, kind string) []string {
	t.Helper()
	if kind == "kfake" {
		return kafkatest.Broker(t).ListenAddrs()
	}
	return []string{kafka.RequireOwn(t, kafka.Options{}).Addr()}
}

// TestATopicMadeAgainGetsNoPositionOfTheOneBefore commits positions of a topic after it was deleted and
// created again, before the watcher has noticed: by a retry, and at the close.
func TestATopicMadeAgainGetsNoPositionOfTheOneBefore(t *testing.T) {
	for _, name := range []string{"kfake", "Kafka"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topic := newRemade(t, hostsOf(t, name)...)
			topic.write(t, "old0", "old1", "old2", "old3", "old4")
			read := []proxy.Next{{Partition: 0, Offset: 5}}
			first := topic.consume(t, &kafkatest.Owner{Commits: read})
			poll(t, first, 5)
			topic.delete(t)
			topic.make(t)
			topic.write(t, "new0", "new1", "new2", "new3", "new4", "new5", "new6")
			if err := first.Commit(kafkatest.Deadline(t), read); !errors.Is(err, kerr.UnknownTopicID) && kafkatest.KindOf(err) != proxy.KindTopicNotFound {
				t.Errorf("committing: %v", err)
			}
			first.Close(kafkatest.Deadline(t), true)
			if got := topic.committed(t); got != -1 {
				t.Errorf("the group is at %d of the new topic", got)
			}
			if got := poll(t, topic.consume(t, &kafkatest.Owner{}), 1)[0]; got != "0/0=new0" {
				t.Errorf("the next reads %s first", got)
			}
		})
	}
}

// TestCommitsToOldBrokers uses brokers that identify topics by name only, in commits or in all requests.
func TestCommitsToOldBrokers(t *testing.T) {
	idless := kversion.V2_7_0()
	for name, versions := range map[string]*kversion.Versions{"by name": kversion.V3_5_0(), "no ids": idless} {
		t.Run(name, func(t *testing.T) {
			broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"), kfake.MaxVersions(versions))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(broker.Close)
			write(t, broker, 0, "a", "b")
			consumer := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
			poll(t, consumer, 2)
			seen := make(chan *kmsg.OffsetCommitRequest, 10)
			broker.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
				broker.KeepControl()
				request, _ := r.(*kmsg.OffsetCommitRequest)
				seen <- request
				return nil, nil, false
			})
			commit := []proxy.Next{{Partition: 0, Offset: 1}}
			if err := consumer.Commit(kafkatest.Deadline(t), commit); err != nil {
				t.Fatal(err)
			}
			if r := <-seen; r.Version > 9 || r.Topics[0].Topic != "t" || committed(t, broker, 0) != 1 {
				t.Errorf("the request is of version %d and names %q", r.Version, r.Topics[0].Topic)
			}
			if versions == idless {
				return // nothing shows that the topic was created again
			}
			end(t, broker, consumer)
			if err := consumer.Commit(kafkatest.Deadline(t), commit); kafkatest.KindOf(err) != proxy.KindTopicNotFound || len(seen) != 0 {
				t.Errorf("committing for a topic that has ended: %v, with %d requests", err, len(seen))
			}
		})
	}
}

// end deletes the consumer's topic "t", and waits until the watcher has noticed.
func end(t *testing.T, broker *kfake.Cluster, consumer *Consumer) {
	t.Helper()
	adm, _ := kafkatest.Admin(t, broker)
	if _, err := adm.DeleteTopic(kafkatest.Deadline(t), "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.CreateTopic(kafkatest.Deadline(t), 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	consumer.options.Topic.Refresh()
	select {
	case <-consumer.options.Topic.Ended():
	case <-time.After(kafkatest.Patience * 2):
		t.Fatal("the topic has not ended")
	}
}

package inventory

import (
	"cmp"
	"context"
	"errors"
	"net"
	"reflect"
	"slices"
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
)

// connectAdmin creates a client for administrators.
func connectAdmin(t *testing.T, broker *kfake.Cluster) *Inventory {
	t.Helper()
	a, err := Open(clustertest.Connect(t, broker))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// enter adds a member to a group until the test's end, and waits until it has joined.
func enter(t *testing.T, broker *kfake.Cluster, group, client string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	member, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(broker.ListenAddrs()...), kgo.ConsumerGroup(group), kgo.ClientID(client), kgo.ConsumeTopics("t"),
		kgo.DisableAutoCommit(), kgo.Balancers(kgo.RangeBalancer()), kgo.HeartbeatInterval(100 * time.Millisecond),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(member.Close)
	kafkatest.Await(t, client+" is a member", func() bool {
		_, generation := member.GroupMetadata()
		return generation > 0
	})
	return member
}

// commit commits offsets for a group, without being a member.
func commit(t *testing.T, broker *kfake.Cluster, group string, offsets ...kadm.Offset) {
	t.Helper()
	adm, _ := kafkatest.Admin(t, broker)
	all := make(kadm.Offsets)
	for _, o := range offsets {
		o.LeaderEpoch = -1
		all.Add(o)
	}
	if err := adm.CommitAllOffsets(kafkatest.Deadline(t), group, all); err != nil {
		t.Fatal(err)
	}
}

func awaitGroup(t *testing.T, c *Inventory, want proxy.Group) {
	t.Helper()
	var got proxy.Group
	defer func() {
		if t.Failed() {
			t.Logf("%s is %+v", want.ID, got)
		}
	}()
	kafkatest.Await(t, string(want.ID)+" settles", func() bool {
		var err error
		if got, err = c.Group(kafkatest.Deadline(t), want.ID); err != nil {
			t.Fatal(err)
		}
		for i := range got.Members {
			m := &got.Members[i]
			m.ID, m.Host = "", "" // given by Kafka
			slices.SortFunc(m.Partitions, func(a, b proxy.PartitionID) int { return cmp.Compare(a.Partition, b.Partition) })
		}
		return reflect.DeepEqual(got, want)
	})
}

// of returns a member to whom partitions of the topic t are assigned.
func of(client string, partitions ...int32) proxy.GroupMember {
	return proxy.GroupMember{Client: proxy.ClientID(client), Partitions: appendPartitions(nil, "t", partitions)}
}

func TestGroups(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	c := connectAdmin(t, broker)
	if groups, _, err := c.Groups(kafkatest.Deadline(t)); err != nil || len(groups) > 0 {
		t.Errorf("of a new cluster: %v, %v", groups, err)
	}
	commit(t, broker, "simple/ü", kadm.Offset{Topic: "t", Partition: 0, At: 1})
	enter(t, broker, "classic", "b")
	enter(t, broker, "classic", "a")
	gone := enter(t, broker, "empty", "c")
	gone.Close()
	enter(t, broker, "new", "d", kgo.ServerSideBalancer())
	awaitGroup(t, c, proxy.Group{ID: "classic", Type: proxy.ClassicGroup, State: proxy.GroupStable, Assignor: "range", Members: []proxy.GroupMember{of("a", 0, 1), of("b", 2)}})
	awaitGroup(t, c, proxy.Group{ID: "empty", Type: proxy.ClassicGroup, State: proxy.GroupEmpty})
	awaitGroup(t, c, proxy.Group{ID: "simple/ü", Type: proxy.ClassicGroup, Simple: true, State: proxy.GroupEmpty})
	partitions := []proxy.PartitionID{{Partition: 0}, {Partition: 1}, {Partition: 2}} // kfake leaves out the names of topics
	awaitGroup(t, c, proxy.Group{ID: "new", Type: proxy.ConsumerGroup, State: proxy.GroupStable, Assignor: "range", Members: []proxy.GroupMember{{Client: "d", Partitions: partitions}}})
	groups, silent, err := c.Groups(kafkatest.Deadline(t))
	want := []proxy.Group{
		{ID: "classic", Type: proxy.ClassicGroup, State: proxy.GroupStable},
		{ID: "empty", Type: proxy.ClassicGroup, State: proxy.GroupEmpty},
		{ID: "new", Type: proxy.ConsumerGroup, State: proxy.GroupStable},
		{ID: "simple/ü", Type: proxy.ClassicGroup, Simple: true, State: proxy.GroupEmpty},
	}
	if err != nil || len(silent) > 0 || !reflect.DeepEqual(groups, want) {
		t.Errorf("got %+v, %v", groups, err)
	}
}

func TestGroupsThatAreNotOfConsumers(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	c := connectAdmin(t, broker)
	enter(t, broker, "connect", "worker", kgo.GroupProtocol("connect"))
	if groups, _, err := c.Groups(kafkatest.Deadline(t)); err != nil || len(groups) > 0 {
		t.Errorf("got %+v, %v", groups, err)
	}
	for _, id := range []proxy.GroupID{"connect", "none"} {
		if group, err := c.Group(kafkatest.Deadline(t), id); kafkatest.KindOf(err) != proxy.KindNotFound {
			t.Errorf("%s: got %+v, %v", id, group, err)
		}
	}
}

// TestDescriptionsListNoGroups describes groups of each protocol, and one that does not exist.
func TestDescriptionsListNoGroups(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	c := connectAdmin(t, broker)
	enter(t, broker, "classic", "a")
	enter(t, broker, "new", "b", kgo.ServerSideBalancer())
	broker.ControlKey(int16(kmsg.ListGroups), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		t.Error("all groups are listed")
		return nil, nil, false
	})
	for _, id := range []proxy.GroupID{"classic", "new", "none"} {
		if _, err := c.Group(kafkatest.Deadline(t), id); (err != nil) != (id == "none") {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestGroupsOfOldBrokers uses brokers that know no group types, and describe missing groups as dead.
func TestGroupsOfOldBrokers(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "t"), kfake.MaxVersions(kversion.V3_0_0()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	c := connectAdmin(t, broker)
	enter(t, broker, "g", "a")
	awaitGroup(t, c, proxy.Group{ID: "g", Type: proxy.ClassicGroup, State: proxy.GroupStable, Assignor: "range", Members: []proxy.GroupMember{of("a", 0, 1, 2)}})
	if groups, _, err := c.Groups(kafkatest.Deadline(t)); err != nil || len(groups) != 1 {
		t.Errorf("got %+v, %v", groups, err)
	}
	if group, err := c.Group(kafkatest.Deadline(t), "none"); kafkatest.KindOf(err) != proxy.KindNotFound {
		t.Errorf("got %+v, %v", group, err)
	}
}

func TestGroupOffsets(t *testing.T) {
	broker := kafkatest.Broker(t, "t", "u")
	c := connectAdmin(t, broker)
	commit(t, broker, "g", kadm.Offset{Topic: "u", Partition: 0, At: 5, Metadata: "m"}, kadm.Offset{Topic: "t", Partition: 2, At: 3}, kadm.Offset{Topic: "t", Partition: 1, At: 4})
	check := func(want ...proxy.GroupOffset) {
		t.Helper()
		if got, err := c.GroupOffsets(kafkatest.Deadline(t), "g", proxy.ClassicGroup); err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	one, two, five := proxy.GroupOffset{Topic: "t", Partition: 1, Offset: 4}, proxy.GroupOffset{Topic: "t", Partition: 2, Offset: 3},
		proxy.GroupOffset{Topic: "u", Partition: 0, Offset: 5, Metadata: "m"}
	check(one, two, five)
	two.Offset, two.Metadata = 1, "back"
	zero := proxy.GroupOffset{Topic: "t", Partition: 0, Offset: 9}
	if err := c.CommitGroupOffsets(kafkatest.Deadline(t), "g", proxy.ClassicGroup, []proxy.GroupOffset{two, zero}); err != nil {
		t.Fatal(err)
	}
	check(zero, one, two, five)
	if err := c.DeleteGroupOffsets(kafkatest.Deadline(t), "g", proxy.ClassicGroup, []proxy.GroupOffset{zero, one, five}); err != nil {
		t.Fatal(err)
	}
	check(two)
}

func TestOffsetsOfGroupsWithMembers(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	c := connectAdmin(t, broker)
	enter(t, broker, "classic", "a")
	enter(t, broker, "new", "a", kgo.ServerSideBalancer())
	offsets := []proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 1}}
	for _, id := range []proxy.GroupID{"classic", "new"} {
		if err := c.CommitGroupOffsets(kafkatest.Deadline(t), id, proxy.ClassicGroup, offsets); kafkatest.KindOf(err) != proxy.KindGroupActive {
			t.Errorf("%s: committing: %v", id, err)
		}
	}
	if err := c.DeleteGroupOffsets(kafkatest.Deadline(t), "classic", proxy.ClassicGroup, offsets); kafkatest.KindOf(err) != proxy.KindGroupActive {
		t.Errorf("deleting: %v", err)
	}
}

func TestRefusalsOfGroups(t *testing.T) {
	for _, test := range []struct {
		name string
		err  *kerr.Error
		want proxy.Kind
	}{
		{"not authorized", kerr.GroupAuthorizationFailed, proxy.KindNotAuthorized},
		{"gone", kerr.GroupIDNotFound, proxy.KindNotFound},
		{"Kafka is not well", kerr.UnknownServerError, proxy.KindKafkaUnavailable},
	} {
		broker := kafkatest.Broker(t, "t")
		commit(t, broker, "g", kadm.Offset{Topic: "t", Partition: 0, At: 1})
		c := connectAdmin(t, broker)
		broker.Fault(kfake.Fault{
			Keys:  []kmsg.Key{kmsg.DescribeGroups, kmsg.OffsetFetch, kmsg.OffsetCommit, kmsg.OffsetDelete},
			Group: "g", Err: test.err, Count: -1,
		})
		offsets := []proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 1}}
		_, describing := c.Group(kafkatest.Deadline(t), "g")
		_, reading := c.GroupOffsets(kafkatest.Deadline(t), "g", proxy.ClassicGroup)
		for what, err := range map[string]error{
			"describing": describing, "reading": reading,
			"committing": c.CommitGroupOffsets(kafkatest.Deadline(t), "g", proxy.ClassicGroup, offsets), "deleting": c.DeleteGroupOffsets(kafkatest.Deadline(t), "g", proxy.ClassicGroup, offsets),
		} {
			if kafkatest.KindOf(err) != test.want {
				t.Errorf("%s, %s: got %v", test.name, what, err)
			}
		}
	}
}

func TestGroupsThatGetTheirCoordinatorLater(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	commit(t, broker, "g", kadm.Offset{Topic: "t", Partition: 0, At: 1})
	c := connectAdmin(t, broker)
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Group: "g", Err: kerr.CoordinatorNotAvailable, Count: 6}) // more often than franz-go tries
	awaitGroup(t, c, proxy.Group{ID: "g", Type: proxy.ClassicGroup, Simple: true, State: proxy.GroupEmpty})
}

// TestAdminDoesNotWaitForDials uses a broker that neither accepts nor refuses connections.
func TestAdminDoesNotWaitForDials(t *testing.T) {
	c := clustertest.ConnectThrough(t, func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}, "127.0.0.1:1")
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func(context.Context) error{
		"listing":    func(ctx context.Context) error { _, _, err := a.Groups(ctx); return err },
		"describing": func(ctx context.Context) error { _, err := a.Group(ctx, "g"); return err },
		"topics":     func(ctx context.Context) error { _, err := a.ListTopics(ctx); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := ask(ctx); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", name, err)
		}
		cancel()
	}
	a.Close() // ends requests that still wait, which goleak verifies
	if _, _, err := a.Groups(kafkatest.Deadline(t)); !errors.Is(err, kgo.ErrClientClosed) {
		t.Errorf("closed: got %v", err)
	}
}

func TestGroupsWithoutKafka(t *testing.T) {
	t.Parallel()
	broker := kafkatest.Broker(t, "t")
	c := connectAdmin(t, broker)
	broker.Close()
	offsets := []proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 1}}
	_, _, listing := c.Groups(kafkatest.Deadline(t))
	_, describing := c.Group(kafkatest.Deadline(t), "g")
	_, reading := c.GroupOffsets(kafkatest.Deadline(t), "g", proxy.ClassicGroup)
	for what, err := range map[string]error{"listing": listing, "describing": describing, "reading": reading} {
		if kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if err := c.DeleteGroupOffsets(kafkatest.Deadline(t), "g", proxy.ClassicGroup, offsets); kafkatest.KindOf(err) != proxy.KindTimeout {
		t.Errorf("deleting: got %v", err)
	}
}

func TestGroupStates(t *testing.T) {
	for written, want := range map[string]proxy.GroupState{
		"PreparingRebalance": "PREPARING_REBALANCE", "CompletingRebalance": "COMPLETING_REBALANCE", "Stable": "STABLE", "Empty": "EMPTY",
		"Dead": "DEAD", "Assigning": "ASSIGNING", "Reconciling": "RECONCILING", "": "UNKNOWN", "NotReady": "UNKNOWN",
	} {
		if got := groupState(written); got != want {
			t.Errorf("%s: got %s", written, got)
		}
	}
}

func TestGroupError(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want proxy.Kind
	}{
		"not there":         {&kadm.ShardErrors{Errs: []kadm.ShardError{{Err: kerr.GroupIDNotFound}}}, proxy.KindNotFound},
		"not authorized":    {&kadm.AuthError{Err: kerr.TopicAuthorizationFailed}, proxy.KindNotAuthorized},
		"has members":       {kerr.NonEmptyGroup, proxy.KindGroupActive},
		"metadata too long": {kerr.OffsetMetadataTooLarge, proxy.KindInvalidValue},
		"being loaded":      {kerr.CoordinatorLoadInProgress, proxy.KindKafkaUnavailable},
		"anything else":     {errors.New("x"), proxy.KindKafkaUnavailable},
	} {
		if got := kafkatest.KindOf(groupError(test.err, "g")); got != test.want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

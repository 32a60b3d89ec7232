package kafka

import (
	"context"
	"errors"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// connectAdmin makes a client for administrators.
func connectAdmin(t *testing.T, broker *kfake.Cluster) *Admin {
	t.Helper()
	a, err := connect(t, broker).Admin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// enter makes a member of a group until the test's end, and waits until it is one.
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
	await(t, client+" is a member", func() bool {
		_, generation := member.GroupMetadata()
		return generation > 0
	})
	return member
}

// commit commits offsets for a group, as one without members.
func commit(t *testing.T, broker *kfake.Cluster, group string, offsets ...kadm.Offset) {
	t.Helper()
	adm, _ := admin(t, broker)
	all := make(kadm.Offsets)
	for _, o := range offsets {
		o.LeaderEpoch = -1
		all.Add(o)
	}
	if err := adm.CommitAllOffsets(deadline(t), group, all); err != nil {
		t.Fatal(err)
	}
}

func awaitGroup(t *testing.T, c *Admin, want proxy.Group) {
	t.Helper()
	var got proxy.Group
	defer func() {
		if t.Failed() {
			t.Logf("%s is %+v", want.ID, got)
		}
	}()
	await(t, string(want.ID)+" settles", func() bool {
		var err error
		if got, err = c.Group(deadline(t), want.ID); err != nil {
			t.Fatal(err)
		}
		return reflect.DeepEqual(got, want)
	})
}

func TestGroups(t *testing.T) {
	broker := newBroker(t, "t")
	c := connectAdmin(t, broker)
	if groups, err := c.Groups(deadline(t)); err != nil || len(groups) > 0 {
		t.Errorf("of a new cluster: %v, %v", groups, err)
	}
	commit(t, broker, "simple/ü", kadm.Offset{Topic: "t", Partition: 0, At: 1})
	enter(t, broker, "classic", "b")
	enter(t, broker, "classic", "a")
	gone := enter(t, broker, "empty", "c")
	gone.Close()
	enter(t, broker, "new", "d", kgo.ServerSideBalancer())
	awaitGroup(t, c, proxy.Group{ID: "classic", State: proxy.GroupStable, Assignor: "range", Members: []proxy.ClientID{"a", "b"}})
	awaitGroup(t, c, proxy.Group{ID: "empty", State: proxy.GroupEmpty})
	awaitGroup(t, c, proxy.Group{ID: "simple/ü", Simple: true, State: proxy.GroupEmpty})
	// To kfake the new protocol's groups are classic ones too, of no protocol type. To Kafka they are not.
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Group: "new", Err: kerr.GroupIDNotFound, Count: -1})
	awaitGroup(t, c, proxy.Group{ID: "new", State: proxy.GroupStable, Assignor: "range", Members: []proxy.ClientID{"d"}})
	groups, err := c.Groups(deadline(t))
	want := []proxy.Group{
		{ID: "classic", State: proxy.GroupStable},
		{ID: "empty", State: proxy.GroupEmpty},
		{ID: "new", Simple: true, State: proxy.GroupStable},
		{ID: "simple/ü", Simple: true, State: proxy.GroupEmpty},
	}
	if err != nil || !reflect.DeepEqual(groups, want) {
		t.Errorf("got %+v, %v", groups, err)
	}
}

func TestGroupsThatAreNotOfConsumers(t *testing.T) {
	broker := newBroker(t, "t")
	c := connectAdmin(t, broker)
	enter(t, broker, "connect", "worker", kgo.GroupProtocol("connect"))
	if groups, err := c.Groups(deadline(t)); err != nil || len(groups) > 0 {
		t.Errorf("got %+v, %v", groups, err)
	}
	for _, id := range []proxy.GroupID{"connect", "none"} {
		if group, err := c.Group(deadline(t), id); kindOf(err) != proxy.KindNotFound {
			t.Errorf("%s: got %+v, %v", id, group, err)
		}
	}
}

// TestGroupsOfOldBrokers asks brokers that know no types of groups, and call what is not there dead.
func TestGroupsOfOldBrokers(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "t"), kfake.MaxVersions(kversion.V3_0_0()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	c := connectAdmin(t, broker)
	enter(t, broker, "g", "a")
	awaitGroup(t, c, proxy.Group{ID: "g", State: proxy.GroupStable, Assignor: "range", Members: []proxy.ClientID{"a"}})
	if groups, err := c.Groups(deadline(t)); err != nil || len(groups) != 1 {
		t.Errorf("got %+v, %v", groups, err)
	}
	if group, err := c.Group(deadline(t), "none"); kindOf(err) != proxy.KindNotFound {
		t.Errorf("got %+v, %v", group, err)
	}
}

func TestGroupOffsets(t *testing.T) {
	broker := newBroker(t, "t", "u")
	c := connectAdmin(t, broker)
	commit(t, broker, "g", kadm.Offset{Topic: "u", Partition: 0, At: 5, Metadata: "m"}, kadm.Offset{Topic: "t", Partition: 2, At: 3}, kadm.Offset{Topic: "t", Partition: 1, At: 4})
	check := func(want ...proxy.GroupOffset) {
		t.Helper()
		if got, err := c.GroupOffsets(deadline(t), "g"); err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	one, two, five := proxy.GroupOffset{Topic: "t", Partition: 1, Offset: 4}, proxy.GroupOffset{Topic: "t", Partition: 2, Offset: 3},
		proxy.GroupOffset{Topic: "u", Partition: 0, Offset: 5, Metadata: "m"}
	check(one, two, five)
	two.Offset, two.Metadata = 1, "back"
	zero := proxy.GroupOffset{Topic: "t", Partition: 0, Offset: 9}
	if err := c.CommitGroupOffsets(deadline(t), "g", []proxy.GroupOffset{two, zero}); err != nil {
		t.Fatal(err)
	}
	check(zero, one, two, five)
	if err := c.DeleteGroupOffsets(deadline(t), "g", []proxy.GroupOffset{zero, one, five}); err != nil {
		t.Fatal(err)
	}
	check(two)
}

func TestOffsetsOfGroupsWithMembers(t *testing.T) {
	broker := newBroker(t, "t")
	c := connectAdmin(t, broker)
	enter(t, broker, "classic", "a")
	enter(t, broker, "new", "a", kgo.ServerSideBalancer())
	offsets := []proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 1}}
	for _, id := range []proxy.GroupID{"classic", "new"} {
		if err := c.CommitGroupOffsets(deadline(t), id, offsets); kindOf(err) != proxy.KindGroupActive {
			t.Errorf("%s: committing: %v", id, err)
		}
	}
	if err := c.DeleteGroupOffsets(deadline(t), "classic", offsets); kindOf(err) != proxy.KindGroupActive {
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
		broker := newBroker(t, "t")
		commit(t, broker, "g", kadm.Offset{Topic: "t", Partition: 0, At: 1})
		c := connectAdmin(t, broker)
		broker.Fault(kfake.Fault{
			Keys:  []kmsg.Key{kmsg.DescribeGroups, kmsg.OffsetFetch, kmsg.OffsetCommit, kmsg.OffsetDelete},
			Group: "g", Err: test.err, Count: -1,
		})
		offsets := []proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 1}}
		_, describing := c.Group(deadline(t), "g")
		_, reading := c.GroupOffsets(deadline(t), "g")
		for what, err := range map[string]error{
			"describing": describing, "reading": reading,
			"committing": c.CommitGroupOffsets(deadline(t), "g", offsets), "deleting": c.DeleteGroupOffsets(deadline(t), "g", offsets),
		} {
			if kindOf(err) != test.want {
				t.Errorf("%s, %s: got %v", test.name, what, err)
			}
		}
	}
}

func TestGroupsThatGetTheirCoordinatorLater(t *testing.T) {
	broker := newBroker(t, "t")
	commit(t, broker, "g", kadm.Offset{Topic: "t", Partition: 0, At: 1})
	c := connectAdmin(t, broker)
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Group: "g", Err: kerr.CoordinatorNotAvailable, Count: 6}) // more than franz-go tries
	awaitGroup(t, c, proxy.Group{ID: "g", Simple: true, State: proxy.GroupEmpty})
}

// TestAdminDoesNotWaitForDials has a broker that neither takes nor refuses connections.
func TestAdminDoesNotWaitForDials(t *testing.T) {
	c := connect(t, newBroker(t))
	c.security.connect = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	a, err := c.Admin()
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func(context.Context) error{
		"listing":    func(ctx context.Context) error { _, err := a.Groups(ctx); return err },
		"describing": func(ctx context.Context) error { _, err := a.Group(ctx, "g"); return err },
		"topics":     func(ctx context.Context) error { _, err := a.ListTopics(ctx); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := ask(ctx); kindOf(err) != proxy.KindKafkaUnavailable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", name, err)
		}
		cancel()
	}
	a.Close() // ends what is still waiting, as goleak sees
	if _, err := a.Groups(deadline(t)); !errors.Is(err, errGone) {
		t.Errorf("closed: got %v", err)
	}
}

func TestGroupsWithoutKafka(t *testing.T) {
	broker := newBroker(t, "t")
	c := connectAdmin(t, broker)
	broker.Close()
	offsets := []proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 1}}
	_, listing := c.Groups(deadline(t))
	_, describing := c.Group(deadline(t), "g")
	_, reading := c.GroupOffsets(deadline(t), "g")
	for what, err := range map[string]error{"listing": listing, "describing": describing, "reading": reading} {
		if kindOf(err) != proxy.KindKafkaUnavailable {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if err := c.DeleteGroupOffsets(deadline(t), "g", offsets); kindOf(err) != proxy.KindTimeout {
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
		if got := kindOf(groupError(test.err, "g")); got != test.want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

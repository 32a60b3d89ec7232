package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// cluster is a Kafka with one group, and a topic t of two partitions.
type cluster struct {
	groups  []proxy.Group
	offsets []proxy.GroupOffset // of the last one of groups
	topic   proxy.Topic
	change  error // the error of changes
	silent  bool  // requests get no answer
	changes int
}

func newCluster() *cluster {
	return &cluster{
		groups: []proxy.Group{{ID: "g", State: proxy.GroupEmpty}},
		offsets: []proxy.GroupOffset{
			{Topic: "t", Partition: 0, Offset: 3}, {Topic: "t", Partition: 1, Offset: 7, Metadata: "m"}, {Topic: "u", Partition: 0, Offset: 1},
		},
		topic: proxy.Topic{Name: "t", Partitions: []proxy.TopicPartition{{Partition: 0, Leader: 1, Start: 2, End: 5}, {Partition: 1, Leader: 1, Start: 0, End: 9}}},
	}
}

func (c *cluster) answer(ctx context.Context) error {
	if c.silent {
		<-ctx.Done()
		return proxy.Wrap(ctx.Err(), proxy.KindKafkaUnavailable, "No Kafka broker answers.")
	}
	return nil
}

func (c *cluster) Groups(ctx context.Context) ([]proxy.Group, error) { return c.groups, c.answer(ctx) }

func (c *cluster) Group(ctx context.Context, id proxy.GroupID) (proxy.Group, error) {
	if err := c.answer(ctx); err != nil {
		return proxy.Group{}, err
	}
	for _, g := range c.groups {
		if g.ID == id {
			return g, nil
		}
	}
	return proxy.Group{}, proxy.Errorf(proxy.KindNotFound, "There is no group.")
}

func (c *cluster) GroupOffsets(ctx context.Context, _ proxy.GroupID) ([]proxy.GroupOffset, error) {
	return c.offsets, c.answer(ctx)
}

func (c *cluster) CommitGroupOffsets(_ context.Context, _ proxy.GroupID, offsets []proxy.GroupOffset) error {
	c.changes++
	if c.change != nil {
		return c.change
	}
	for _, o := range offsets {
		at := slices.IndexFunc(c.offsets, func(old proxy.GroupOffset) bool { return old.Topic == o.Topic && old.Partition == o.Partition })
		if at < 0 {
			c.offsets = append(c.offsets, o)
		} else {
			c.offsets[at] = o
		}
	}
	return nil
}

func (c *cluster) DeleteGroupOffsets(_ context.Context, _ proxy.GroupID, offsets []proxy.GroupOffset) error {
	c.changes++
	if c.change == nil && reflect.DeepEqual(offsets, c.offsets) {
		c.offsets = nil
	}
	return c.change
}

func (c *cluster) ListTopics(ctx context.Context) ([]proxy.Topic, error) {
	return []proxy.Topic{c.topic}, c.answer(ctx)
}

func (c *cluster) Topic(ctx context.Context, name string) (proxy.Topic, error) {
	if err := c.answer(ctx); err != nil {
		return proxy.Topic{}, err
	}
	if name != c.topic.Name {
		return proxy.Topic{}, proxy.Errorf(proxy.KindNotFound, "There is no topic.")
	}
	return c.topic, nil
}

// about makes a request about a group and a topic.
func about(t *testing.T, group, topic, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/", strings.NewReader(body))
	r.SetPathValue("groupId", group)
	r.SetPathValue("topic", topic)
	return r
}

func checkAnswer(t *testing.T, what string, answer any, err error, want string) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if whole, ok := answer.(Answer); ok {
		answer = whole.Body
	}
	if text, err := json.Marshal(answer); err != nil || string(text) != want {
		t.Errorf("%s: got %s, %v, want %s", what, text, err, want)
	}
}

func TestGroupsAreListed(t *testing.T) {
	c := &cluster{groups: []proxy.Group{
		{ID: "__internal", State: proxy.GroupStable},
		{ID: "_one", State: proxy.GroupPreparingRebalance},
		{ID: "empty", State: proxy.GroupEmpty},
		{ID: "simple", Simple: true, State: proxy.GroupEmpty},
		{ID: "ü/", State: proxy.GroupUnknown},
	}}
	const (
		internal = `{"groupId":"__internal","isSimple":false,"state":"STABLE","members":[]}`
		one      = `{"groupId":"_one","isSimple":false,"state":"PREPARING_REBALANCE","members":[]}`
		empty    = `{"groupId":"empty","isSimple":false,"state":"EMPTY","members":[]}`
		simple   = `{"groupId":"simple","isSimple":true,"state":"EMPTY","members":[]}`
		unknown  = `{"groupId":"ü/","isSimple":false,"state":"UNKNOWN","members":[]}`
	)
	for _, test := range []struct {
		name  string
		which ListedGroups
		want  []string
	}{
		{"by default", ListedGroups{}, []string{one, empty, simple, unknown}},
		{"with internal ones", ListedGroups{Internal: true}, []string{internal, one, empty, simple, unknown}},
		{"active ones", ListedGroups{ActiveOnly: true}, []string{one, unknown}},
		{"active ones, internal or not", ListedGroups{ActiveOnly: true, Internal: true}, []string{internal, one, unknown}},
	} {
		all, err := (&Groups{Kafka: c}).All(t.Context(), test.which)
		checkAnswer(t, test.name, all, err, "["+strings.Join(test.want, ",")+"]")
	}
	all, err := (&Groups{Kafka: &cluster{}}).All(t.Context(), ListedGroups{})
	checkAnswer(t, "none at all", all, err, "[]")
}

func TestGroupsAreDescribed(t *testing.T) {
	c := &cluster{groups: []proxy.Group{
		{ID: "g", State: proxy.GroupStable, Assignor: "range", Members: []proxy.ClientID{"a", "a", "b"}},
		{ID: "s", Simple: true, State: proxy.GroupEmpty},
	}}
	groups := &Groups{Kafka: c, Topics: c}
	for id, want := range map[string]string{
		"g": `{"groupId":"g","isSimple":false,"state":"STABLE","partitionAssignor":"range","members":["a","a","b"]}`,
		"s": `{"groupId":"s","isSimple":true,"state":"EMPTY","partitionAssignor":"","members":[]}`,
	} {
		answer, err := groups.Describe(about(t, id, "", ""))
		checkAnswer(t, id, answer, err, want)
	}
	c.offsets = []proxy.GroupOffset{{Topic: "t", Partition: 1, Offset: 2}, {Topic: "u", Offset: 9007199254740993, Metadata: "m"}}
	answer, err := groups.Offsets(about(t, "g", "", ""))
	checkAnswer(t, "offsets", answer, err,
		`[{"topic":"t","partition":1,"offset":2,"metadata":null},{"topic":"u","partition":0,"offset":9007199254740993,"metadata":"m"}]`)
	c.offsets = nil
	answer, err = groups.Offsets(about(t, "g", "", ""))
	checkAnswer(t, "no offsets", answer, err, "[]")
}

// endpoints are all endpoints of one group.
func endpoints(c *cluster) map[string]Endpoint {
	g := &Groups{Kafka: c, Topics: c}
	return map[string]Endpoint{"describe": g.Describe, "offsets": g.Offsets, "delete": g.DeleteOffsets, "alter": g.AlterOffsets}
}

func TestWhatIsAskedOfGroupsIsChecked(t *testing.T) {
	for group, want := range map[string]proxy.Kind{
		"": proxy.KindInvalidParameter, "a\x00": proxy.KindInvalidParameter, strings.Repeat("ü", 250): proxy.KindInvalidParameter, "h": proxy.KindNotFound,
	} {
		c := newCluster()
		for name, endpoint := range endpoints(c) {
			_, err := endpoint(about(t, group, "t", `[{"partition":0,"offset":2}]`))
			wantKind(t, name+" of "+group, err, want)
		}
		if c.changes > 0 {
			t.Errorf("%q: there were changes", group)
		}
	}
}

func TestGroupsWithMembersKeepTheirOffsets(t *testing.T) {
	joined := proxy.Errorf(proxy.KindGroupActive, "There are members.")
	for _, test := range []struct {
		name    string
		state   proxy.GroupState
		change  error
		changes int
	}{
		{"stable", proxy.GroupStable, nil, 0},
		{"rebalancing", proxy.GroupCompletingRebalance, nil, 0},
		{"unknown", proxy.GroupUnknown, nil, 0},
		{"a member joins meanwhile", proxy.GroupEmpty, joined, 1},
	} {
		for _, name := range []string{"delete", "alter"} {
			c := newCluster()
			c.groups[0].State, c.change = test.state, test.change
			_, err := endpoints(c)[name](about(t, "g", "t", `[{"partition":0,"offset":2}]`))
			wantKind(t, name+", "+test.name, err, proxy.KindGroupActive)
			if c.changes != test.changes {
				t.Errorf("%s, %s: %d changes", name, test.name, c.changes)
			}
		}
	}
}

func TestOffsetsAreDeleted(t *testing.T) {
	c := newCluster()
	groups := &Groups{Kafka: c, Topics: c}
	for _, when := range []string{"the first time", "when there are none"} {
		answer, err := groups.DeleteOffsets(about(t, "g", "", ""))
		checkAnswer(t, when, answer, err, "{}")
	}
	if c.changes != 1 || len(c.offsets) > 0 {
		t.Errorf("%d changes, %v is left", c.changes, c.offsets)
	}
}

func TestOffsetsAreAltered(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{
			"to the begin and the end", `[{"topic":"t","partition":0,"offset":2,"metadata":null},{"partition":1,"offset":9}]`,
			`[{"topic":"t","partition":0,"offset":2,"metadata":null},{"topic":"t","partition":1,"offset":9,"metadata":null}]`,
		},
		{
			"of one partition, with metadata", ` [ { "metadata" : "\u00fc" , "offset" : 5.0 , "partition" : 0e0 } ] `,
			`[{"topic":"t","partition":0,"offset":5,"metadata":"ü"},{"topic":"t","partition":1,"offset":7,"metadata":"m"}]`,
		},
	} {
		c := newCluster()
		answer, err := (&Groups{Kafka: c, Topics: c}).AlterOffsets(about(t, "g", "t", test.body))
		checkAnswer(t, test.name, answer, err, test.want)
	}
}

func TestOffsetsThatCannotBe(t *testing.T) {
	for _, test := range []struct {
		name, topic, body string
		want              proxy.Kind
	}{
		{"before the begin", "t", `[{"partition":0,"offset":1}]`, proxy.KindInvalidValue},
		{"beyond the end", "t", `[{"partition":1,"offset":9},{"partition":0,"offset":6}]`, proxy.KindInvalidValue},
		{"far beyond", "t", `[{"partition":0,"offset":9223372036854775807}]`, proxy.KindInvalidValue},
		{"no such partition", "t", `[{"partition":2,"offset":0}]`, proxy.KindInvalidValue},
		{"no such topic", "u", `[{"partition":0,"offset":0}]`, proxy.KindNotFound},
		{"Kafka does not know", "lost", `[{"partition":0,"offset":0}]`, proxy.KindKafkaUnavailable},
	} {
		c := newCluster()
		if test.topic == "lost" {
			c.topic = proxy.Topic{Name: "lost", Partitions: []proxy.TopicPartition{{Leader: proxy.Unknown, Start: proxy.Unknown, End: proxy.Unknown}}}
		}
		_, err := (&Groups{Kafka: c, Topics: c}).AlterOffsets(about(t, "g", test.topic, test.body))
		wantKind(t, test.name, err, test.want)
		if c.changes > 0 {
			t.Errorf("%s: something was changed", test.name)
		}
	}
}

func TestAFailedChangeIsTold(t *testing.T) {
	for _, name := range []string{"delete", "alter"} {
		c := newCluster()
		c.change = proxy.Errorf(proxy.KindTimeout, "Nobody knows.")
		_, err := endpoints(c)[name](about(t, "g", "t", `[{"partition":0,"offset":2}]`))
		wantKind(t, name, err, proxy.KindTimeout)
	}
}

func TestSilenceOfKafkaIsKnownInTime(t *testing.T) {
	c := newCluster()
	c.silent = true
	all := endpoints(c)
	all["list"] = func(r *http.Request) (any, error) {
		return (&Groups{Kafka: c}).All(r.Context(), ListedGroups{})
	}
	topics := &Topics{Kafka: c}
	all["topics"], all["topic"] = topics.All, topics.Describe
	for name, endpoint := range all {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := endpoint(about(t, "g", "t", `[{"partition":0,"offset":2}]`))
				wantKind(t, name, err, proxy.KindKafkaUnavailable)
				if took := time.Since(began); took > 5*time.Second || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}

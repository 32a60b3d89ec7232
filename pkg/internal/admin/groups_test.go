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
	since   proxy.Offsets // what At returns
	change  error         // the error of changes
	silent  bool          // requests get no answer
	lost    []int32       // brokers that are silent
	changes int
}

func newCluster() *cluster {
	return &cluster{
		groups: []proxy.Group{{ID: "g", Type: proxy.ClassicGroup, State: proxy.GroupEmpty}},
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

func (c *cluster) Groups(ctx context.Context) ([]proxy.Group, []int32, error) {
	return c.groups, c.lost, c.answer(ctx)
}

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

func (c *cluster) GroupOffsets(ctx context.Context, _ proxy.GroupID, _ proxy.GroupType) ([]proxy.GroupOffset, error) {
	return c.offsets, c.answer(ctx)
}

func (c *cluster) CommitGroupOffsets(_ context.Context, _ proxy.GroupID, _ proxy.GroupType, offsets []proxy.GroupOffset) error {
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

func (c *cluster) DeleteGroupOffsets(_ context.Context, _ proxy.GroupID, _ proxy.GroupType, offsets []proxy.GroupOffset) error {
	c.changes++
	if c.change == nil && reflect.DeepEqual(offsets, c.offsets) {
		c.offsets = nil
	}
	return c.change
}

func (c *cluster) DeleteGroup(_ context.Context, id proxy.GroupID) error {
	c.changes++
	if c.change == nil {
		c.groups = slices.DeleteFunc(c.groups, func(g proxy.Group) bool { return g.ID == id })
	}
	return c.change
}

func (c *cluster) Ends(_ context.Context, partitions []proxy.PartitionID) (proxy.Offsets, []int32) {
	ends := make(proxy.Offsets)
	for _, p := range partitions {
		if p.Topic == c.topic.Name {
			ends[p] = c.topic.Partitions[p.Partition].End
		}
	}
	return ends, c.lost
}

func (c *cluster) At(context.Context, []proxy.PartitionID, int64) (proxy.Offsets, []int32) {
	return c.since, nil
}

func (c *cluster) ListTopics(ctx context.Context) ([]proxy.Topic, error) {
	return []proxy.Topic{c.topic}, c.answer(ctx)
}

func (c *cluster) Topic(ctx context.Context, name string) (proxy.Topic, []int32, error) {
	if err := c.answer(ctx); err != nil {
		return proxy.Topic{}, nil, err
	}
	if name != c.topic.Name {
		return proxy.Topic{}, nil, proxy.Errorf(proxy.KindNotFound, "There is no topic.")
	}
	return c.topic, c.lost, nil
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
		{ID: "__internal", Type: proxy.ClassicGroup, State: proxy.GroupStable},
		{ID: "_one", Type: proxy.ConsumerGroup, State: proxy.GroupPreparingRebalance},
		{ID: "empty", Type: proxy.ShareGroup, State: proxy.GroupEmpty},
		{ID: "simple", Type: proxy.ClassicGroup, Simple: true, State: proxy.GroupEmpty},
		{ID: "ü/", Type: proxy.ClassicGroup, State: proxy.GroupUnknown},
	}, lost: []int32{3}}
	const (
		internal = `{"groupId":"__internal","type":"classic","isSimple":false,"state":"STABLE","members":[]}`
		one      = `{"groupId":"_one","type":"consumer","isSimple":false,"state":"PREPARING_REBALANCE","members":[]}`
		empty    = `{"groupId":"empty","type":"share","isSimple":false,"state":"EMPTY","members":[]}`
		simple   = `{"groupId":"simple","type":"classic","isSimple":true,"state":"EMPTY","members":[]}`
		unknown  = `{"groupId":"ü/","type":"classic","isSimple":false,"state":"UNKNOWN","members":[]}`
	)
	for _, test := range []struct {
		name  string
		which ListedGroups
		want  []string
		next  string
	}{
		{"by default", ListedGroups{}, []string{one, empty, simple, unknown}, ""},
		{"with internal ones", ListedGroups{Internal: true}, []string{internal, one, empty, simple, unknown}, ""},
		{"active ones", ListedGroups{ActiveOnly: true}, []string{one, unknown}, ""},
		{"active ones, internal or not", ListedGroups{ActiveOnly: true, Internal: true}, []string{internal, one, unknown}, ""},
		{"of one type", ListedGroups{Type: proxy.ClassicGroup}, []string{simple, unknown}, ""},
		{"a page", ListedGroups{Limit: 2}, []string{one, empty}, "empty"},
		{"the next page", ListedGroups{Limit: 2, After: "empty"}, []string{simple, unknown}, ""},
		{"a page of one type", ListedGroups{Limit: 1, After: "a", Type: proxy.ClassicGroup}, []string{simple}, "simple"},
		{"nothing", ListedGroups{After: "ü/"}, nil, ""},
	} {
		all, err := (&Groups{Kafka: c}).All(t.Context(), test.which)
		checkAnswer(t, test.name, all, err, "["+strings.Join(test.want, ",")+"]")
		if answer, _ := all.(Answer); answer.Next != test.next || !slices.Equal(answer.Silent, c.lost) {
			t.Errorf("%s: got %+v", test.name, answer)
		}
	}
	all, err := (&Groups{Kafka: &cluster{}}).All(t.Context(), ListedGroups{})
	checkAnswer(t, "none at all", all, err, "[]")
}

func TestGroupsAreDescribed(t *testing.T) {
	c := newCluster()
	member := func(id, client string, partitions ...proxy.PartitionID) proxy.GroupMember {
		return proxy.GroupMember{ID: id, Client: proxy.ClientID(client), Host: "/h", Partitions: partitions}
	}
	c.groups = []proxy.Group{
		{ID: "g", Type: proxy.ClassicGroup, State: proxy.GroupStable, Assignor: "range", Members: []proxy.GroupMember{
			member("m1", "a", proxy.PartitionID{Topic: "u"}, proxy.PartitionID{Topic: "t", Partition: 1}), member("m2", "a"), member("m3", "b"),
		}},
		{ID: "s", Type: proxy.ClassicGroup, Simple: true, State: proxy.GroupEmpty},
		{ID: "q", Type: proxy.ShareGroup, State: proxy.GroupStable, Assignor: "simple", Members: []proxy.GroupMember{
			member("m2", "b", proxy.PartitionID{Topic: "t"}), member("m1", "b", proxy.PartitionID{Topic: "t"}),
		}},
	}
	c.lost = []int32{2}
	groups := &Groups{Kafka: c, Topics: c}
	for id, test := range map[string]struct {
		offsets []proxy.GroupOffset
		want    string
	}{
		"g": {
			[]proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 3}, {Topic: "t", Partition: 1, Offset: 11}},
			`{"groupId":"g","type":"classic","isSimple":false,"state":"STABLE","partitionAssignor":"range","members":["a","a","b"],"partitions":[` +
				`{"topic":"t","partition":0,"clientId":null,"memberId":null,"host":null,"offset":3,"endOffset":5,"lag":2},` +
				`{"topic":"t","partition":1,"clientId":"a","memberId":"m1","host":"/h","offset":11,"endOffset":9,"lag":0},` +
				`{"topic":"u","partition":0,"clientId":"a","memberId":"m1","host":"/h","offset":null,"endOffset":null,"lag":null}]}`,
		},
		"s": {nil, `{"groupId":"s","type":"classic","isSimple":true,"state":"EMPTY","partitionAssignor":"","members":[],"partitions":[]}`},
		"q": {
			[]proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 3, Lag: 1}, {Topic: "t", Partition: 1, Offset: 3, Lag: proxy.Unknown}},
			`{"groupId":"q","type":"share","isSimple":false,"state":"STABLE","partitionAssignor":"simple","members":["b","b"],"partitions":[` +
				`{"topic":"t","partition":0,"clientId":"b","memberId":"m1","host":"/h","offset":3,"endOffset":5,"lag":1},` +
				`{"topic":"t","partition":0,"clientId":"b","memberId":"m2","host":"/h","offset":3,"endOffset":5,"lag":1},` +
				`{"topic":"t","partition":1,"clientId":null,"memberId":null,"host":null,"offset":3,"endOffset":9,"lag":null}]}`,
		},
	} {
		c.offsets = test.offsets
		answer, err := groups.Describe(about(t, id, "", ""))
		checkAnswer(t, id, answer, err, test.want)
		if whole, _ := answer.(Answer); !slices.Equal(whole.Silent, c.lost) {
			t.Errorf("%s: silent are %v", id, whole.Silent)
		}
	}
}

func TestOffsetsAreListed(t *testing.T) {
	c := newCluster()
	groups := &Groups{Kafka: c, Topics: c}
	c.offsets = []proxy.GroupOffset{{Topic: "t", Partition: 1, Offset: 2}, {Topic: "u", Offset: 9007199254740993, Metadata: "m", Lag: proxy.Unknown}}
	answer, err := groups.Offsets(about(t, "g", "", ""))
	checkAnswer(t, "offsets", answer, err,
		`[{"topic":"t","partition":1,"offset":2,"metadata":null},{"topic":"u","partition":0,"offset":9007199254740993,"metadata":"m"}]`)
	c.groups[0].Type = proxy.ShareGroup
	c.offsets[1].Metadata = ""
	answer, err = groups.Offsets(about(t, "g", "", ""))
	checkAnswer(t, "of a share group", answer, err,
		`[{"topic":"t","partition":1,"offset":2,"metadata":null,"lag":0},{"topic":"u","partition":0,"offset":9007199254740993,"metadata":null,"lag":null}]`)
	for _, kind := range []proxy.GroupType{proxy.ClassicGroup, proxy.ShareGroup} {
		c.groups[0].Type, c.offsets = kind, nil
		answer, err = groups.Offsets(about(t, "g", "", ""))
		checkAnswer(t, "no offsets", answer, err, "[]")
	}
}

func (g *Groups) alter(r *http.Request) (any, error) { return g.AlterOffsets(r, false) }

func (g *Groups) try(r *http.Request) (any, error) { return g.AlterOffsets(r, true) }

// endpoints are all endpoints of one group.
func endpoints(c *cluster) map[string]Endpoint {
	g := &Groups{Kafka: c, Topics: c}
	return map[string]Endpoint{"describe": g.Describe, "offsets": g.Offsets, "delete": g.DeleteOffsets, "remove": g.Remove, "alter": g.alter, "try": g.try}
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
		for _, name := range []string{"delete", "alter", "remove"} {
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

func TestGroupsAreRemoved(t *testing.T) {
	c := newCluster()
	answer, err := (&Groups{Kafka: c, Topics: c}).Remove(about(t, "g", "", ""))
	checkAnswer(t, "removing", answer, err, "{}")
	if len(c.groups) > 0 {
		t.Errorf("%v is left", c.groups)
	}
}

func TestOffsetsAreAltered(t *testing.T) {
	const one, two = `{"topic":"t","partition":0,"offset":`, `,"metadata":null},{"topic":"t","partition":1,"offset":`
	for _, test := range []struct{ name, body, want string }{
		{
			"to the begin and the end", `[{"topic":"t","partition":0,"offset":2,"metadata":null},{"partition":1,"offset":9}]`,
			`[` + one + `2` + two + `9,"metadata":null}]`,
		},
		{
			"of one partition, with metadata", ` [ { "metadata" : "\u00fc" , "offset" : 5.0 , "partition" : 0e0 } ] `,
			`[` + one + `5,"metadata":"ü"},{"topic":"t","partition":1,"offset":7,"metadata":"m"}]`,
		},
		{"to the begin", `{"to":"earliest"}`, `[` + one + `2` + two + `0,"metadata":null}]`},
		{"to the end", `{"to":"latest"}`, `[` + one + `5` + two + `9,"metadata":null}]`},
		{"back", `{"shift":-1}`, `[` + one + `2,"metadata":null},{"topic":"t","partition":1,"offset":6,"metadata":"m"}]`},
		{"far back", `{"shift":-9223372036854775808}`, `[` + one + `2,"metadata":null},{"topic":"t","partition":1,"offset":0,"metadata":"m"}]`},
		{"far ahead", `{"shift":9223372036854775807}`, `[` + one + `5,"metadata":null},{"topic":"t","partition":1,"offset":9,"metadata":"m"}]`},
		{"to a time", `{"timestamp":1700000000000}`, `[` + one + `4` + two + `8,"metadata":null}]`},
	} {
		c := newCluster()
		c.since = proxy.Offsets{{Topic: "t"}: 4, {Topic: "t", Partition: 1}: 8}
		groups := &Groups{Kafka: c, Topics: c}
		answer, err := groups.AlterOffsets(about(t, "g", "t", test.body), true)
		checkAnswer(t, test.name+", by trial", answer, err, test.want)
		if whole, _ := answer.(Answer); c.changes > 0 || !whole.Unchanged {
			t.Errorf("%s: a trial has made %d changes: %+v", test.name, c.changes, answer)
		}
		answer, err = groups.AlterOffsets(about(t, "g", "t", test.body), false)
		checkAnswer(t, test.name, answer, err, test.want)
		if c.changes != 1 {
			t.Errorf("%s: %d changes", test.name, c.changes)
		}
	}
}

// TestShiftLeavesOtherPartitions shifts offsets of a group that has one in a partition alone, and one in a
// partition that the topic has no more.
func TestShiftLeavesOtherPartitions(t *testing.T) {
	c := newCluster()
	c.offsets = []proxy.GroupOffset{{Topic: "t", Partition: 1, Offset: 3}, {Topic: "t", Partition: 2, Offset: 3}}
	answer, err := (&Groups{Kafka: c, Topics: c}).AlterOffsets(about(t, "g", "t", `{"shift":2}`), false)
	checkAnswer(t, "shifted", answer, err, `[{"topic":"t","partition":1,"offset":5,"metadata":null},{"topic":"t","partition":2,"offset":3,"metadata":null}]`)
}

func TestOffsetsOfShareGroupsAreAltered(t *testing.T) {
	c := newCluster()
	c.groups[0].Type, c.offsets = proxy.ShareGroup, []proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 3, Lag: 2}}
	groups := &Groups{Kafka: c, Topics: c}
	answer, err := groups.AlterOffsets(about(t, "g", "t", `[{"partition":1,"offset":4}]`), true)
	checkAnswer(t, "by trial", answer, err, `[{"topic":"t","partition":0,"offset":3,"metadata":null,"lag":2},{"topic":"t","partition":1,"offset":4,"metadata":null,"lag":null}]`)
	_, err = groups.AlterOffsets(about(t, "g", "t", `[{"partition":1,"offset":4,"metadata":"m"}]`), false)
	wantKind(t, "metadata", err, proxy.KindInvalidValue)
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
		{"nothing to shift", "none", `{"shift":1}`, proxy.KindInvalidValue},
		{"Kafka does not know the ends", "lost", `[{"partition":0,"offset":0}]`, proxy.KindKafkaUnavailable},
		{"Kafka does not know the begin", "lost", `{"to":"earliest"}`, proxy.KindKafkaUnavailable},
		{"Kafka does not know where to shift", "lost", `{"shift":0}`, proxy.KindKafkaUnavailable},
		{"Kafka does not know since when", "lost", `{"timestamp":0}`, proxy.KindKafkaUnavailable},
	} {
		c := newCluster()
		switch test.topic {
		case "none":
			c.topic.Name = "none"
		case "lost":
			c.offsets = []proxy.GroupOffset{{Topic: "lost", Offset: 1}}
			c.topic = proxy.Topic{Name: "lost", Partitions: []proxy.TopicPartition{{Leader: proxy.Unknown, Start: proxy.Unknown, End: proxy.Unknown}}}
		}
		_, err := (&Groups{Kafka: c, Topics: c}).AlterOffsets(about(t, "g", test.topic, test.body), false)
		wantKind(t, test.name, err, test.want)
		if c.changes > 0 {
			t.Errorf("%s: something was changed", test.name)
		}
	}
}

func TestAFailedChangeIsTold(t *testing.T) {
	for _, name := range []string{"delete", "alter", "remove"} {
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
	all["topics"] = func(r *http.Request) (any, error) { return topics.All(r.Context(), "", 0) }
	all["topic"] = topics.Describe
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

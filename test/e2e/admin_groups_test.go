package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// groupEntry is a consumer group as the admin API shows it.
type groupEntry struct {
	GroupID           string
	Type              string
	IsSimple          bool
	State             string
	PartitionAssignor string
	Members           []string
	Partitions        []heldEntry
}

// heldEntry is a partition of a described group.
type heldEntry struct {
	Topic                    string
	Partition                int32
	ClientID, MemberID, Host *string
	Offset, EndOffset, Lag   *int64
}

// String shows what is known of a partition.
func (h heldEntry) String() string {
	number := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return strconv.FormatInt(*n, 10)
	}
	client := "-"
	if h.ClientID != nil && h.MemberID != nil && h.Host != nil {
		client = *h.ClientID
	}
	return fmt.Sprintf("%d of %s: %s of %s, %s left", h.Partition, client, number(h.Offset), number(h.EndOffset), number(h.Lag))
}

// held shows the partitions of a group in a topic.
func (g groupEntry) held(topic string) (all []string) {
	for _, h := range g.Partitions {
		if h.Topic == topic {
			all = append(all, h.String())
		}
	}
	return all
}

// groupPath returns the path of an endpoint for a group, or of the group itself.
func groupPath(group, what string) string {
	path := "/admin/consumer-group/" + url.PathEscape(group)
	if what != "" {
		path += "/" + what
	}
	return path
}

// group describes a group. It is empty where there is none.
func (p *proxy) group(t *testing.T, group string) groupEntry {
	t.Helper()
	res := p.admin(t, http.MethodGet, groupPath(group, "describe"), "")
	if res.status == http.StatusNotFound {
		return groupEntry{}
	}
	if res.status != http.StatusOK {
		t.Fatalf("describing %s: %d %s", group, res.status, res.body)
	}
	return parse[groupEntry](t, res.body)
}

// awaitGroup waits until a group is in a state.
func (p *proxy) awaitGroup(t *testing.T, group, state string) {
	t.Helper()
	eventually(t, group+" is "+state, func() bool { return p.group(t, group).State == state })
}

// listed returns the entry of a group in a list of groups, or nothing.
func (p *proxy) listed(t *testing.T, group, query string) string {
	t.Helper()
	all := p.admin(t, http.MethodGet, "/admin/consumer-group/all"+query, "").body
	for _, g := range parse[[]groupEntry](t, all) {
		if g.GroupID == group {
			members := ""
			for _, m := range g.Members {
				members += " " + m
			}
			return fmt.Sprintf("%s %t%s", g.State, g.IsSimple, members)
		}
	}
	return ""
}

// administrated starts a proxy of the test's own that has the admin API, on a topic of two partitions with
// ten records in each.
func (k *cluster) administrated(t *testing.T) (p *proxy, topic string) {
	t.Helper()
	topic = k.topic(t, 2)
	k.produce(t, topic, numbered(0, 20, 2, 0)...)
	p = k.start(t, "ADMIN_ENDPOINT_ENABLED=true")
	p.awaitReady(t, true)
	return p, topic
}

// offsetsBody writes offsets as the admin API does: pairs of a partition and an offset in a topic.
func offsetsBody(topic string, pairs ...int) string {
	var entries []string
	for i := 0; i < len(pairs); i += 2 {
		entries = append(entries, fmt.Sprintf(`{"topic":%q,"partition":%d,"offset":%d,"metadata":null}`, topic, pairs[i], pairs[i+1]))
	}
	return "[" + strings.Join(entries, ",") + "]"
}

func TestAdminGroupOfSockets(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		group := k.group()
		if got := p.group(t, group); got.GroupID != "" {
			t.Errorf("before: %+v", got)
		}
		first := p.out(t, topic, "groupId="+group, "clientId=b ü", "autoCommit=false")
		second := p.out(t, topic, "groupId="+group, "clientId=a", "autoCommit=false")
		var got groupEntry
		eventually(t, "both are members", func() bool {
			got = p.group(t, group)
			return got.State == "STABLE" && len(got.Members) == 2 && len(got.Partitions) == 2
		})
		zero, one := "0 of a: - of 10, - left", "1 of b ü: - of 10, - left"
		if held := got.held(topic); held[0] != zero {
			zero, one = "0 of b ü: - of 10, - left", "1 of a: - of 10, - left"
		}
		if held := got.held(topic); !slices.Equal(held, []string{zero, one}) {
			t.Errorf("they hold %v", held)
		}
		if got.GroupID != group || got.Type != "classic" || got.IsSimple || got.PartitionAssignor == "" || !slices.Equal(got.Members, []string{"a", "b ü"}) {
			t.Errorf("got %+v", got)
		}
		for _, query := range []string{"", "?activeOnly=true", "?activeOnly=TRUE&includeInternals=true", "?activeOnly="} {
			eventually(t, "it is listed with "+query, func() bool { return p.listed(t, group, query) == "STABLE false" })
		}
		const body = `[{"partition":0,"offset":3}]`
		p.exchange(t, []exchange{
			{"DELETE", groupPath(group, "offsets"), "", 412, "GROUP_ACTIVE: Group "},
			{"DELETE", groupPath(group, ""), "", 412, "GROUP_ACTIVE: Group "},
			{"PUT", groupPath(group, "offsets/alter/"+topic), body, 412, "GROUP_ACTIVE: Group "},
			{"PUT", groupPath(group, "offsets/alter/"+topic+"?dryRun=true"), body, 412, "GROUP_ACTIVE: Group "},
			{"GET", groupPath(group, "offsets"), "", 200, "[]"},
		})
		first.close()
		second.close()
		p.awaitGroup(t, group, "EMPTY")
		if all, active := p.listed(t, group, "?activeOnly=false"), p.listed(t, group, "?activeOnly=true"); all != "EMPTY false" || active != "" {
			t.Errorf("listed as %q, and among the active ones as %q", all, active)
		}
		if got := p.group(t, group); got.PartitionAssignor != "" && k.real || got.Members == nil || len(got.Members) > 0 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestAdminOffsets sets and removes offsets, and checks the result in Kafka and with sockets.
func TestAdminOffsets(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		group := k.group()
		member := p.out(t, topic, "groupId="+group)
		member.deliveries(20)
		go func() { _, _ = member.next() }() // answers the ping
		k.awaitCommit(t, group, topic, 10)
		eventually(t, "the other partition too", func() bool { return k.committed(t, group, topic)[1] == 10 })
		member.close()
		p.awaitGroup(t, group, "EMPTY")

		read := func() map[[2]int64]bool {
			committed := make(map[[2]int64]bool)
			for partition, offset := range k.committed(t, group, topic) {
				committed[[2]int64{int64(partition), offset}] = true
			}
			return committed
		}
		check := func(when string, want ...[2]int64) {
			t.Helper()
			got := read()
			for _, w := range want {
				if !got[w] {
					t.Errorf("%s: %v is not committed, but %v", when, w, got)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s: %v is committed", when, got)
			}
		}
		alter, offsets := groupPath(group, "offsets/alter/"+topic), groupPath(group, "offsets")
		p.exchange(t, []exchange{{"PUT", alter, `[{"partition":1,"offset":7}]`, 200, p.offsetsWith(t, group, topic, 0, 10, 1, 7)}})
		check("one altered", [2]int64{0, 10}, [2]int64{1, 7})
		p.exchange(t, []exchange{
			{"PUT", alter, offsetsBody(topic, 1, 0, 0, 8), 200, offsetsBody(topic, 0, 8, 1, 0)},
			{"GET", offsets, "", 200, offsetsBody(topic, 0, 8, 1, 0)},
		})
		check("both altered", [2]int64{0, 8}, [2]int64{1, 0})

		again := p.out(t, topic, "groupId="+group, "autoCommit=false")
		next := map[int32]int64{0: 8, 1: 0}
		for _, d := range again.deliveries(12) {
			if d.Offset != next[d.Partition] {
				t.Errorf("delivered %d of partition %d, want %d", d.Offset, d.Partition, next[d.Partition])
			}
			next[d.Partition]++
		}
		again.close()
		p.awaitGroup(t, group, "EMPTY")

		p.exchange(t, []exchange{{"DELETE", offsets, "", 200, "{}"}, {"GET", offsets, "", 200, "[]"}, {"DELETE", offsets, "", 200, "{}"}})
		check("deleted")
		fromStart := p.out(t, topic, "groupId="+group, "autoCommit=false")
		fromStart.deliveries(20)
	})
}

// offsetsWith writes offsets of which the first partition keeps the metadata that it has.
func (p *proxy) offsetsWith(t *testing.T, group, topic string, pairs ...int) string {
	t.Helper()
	res := p.admin(t, http.MethodGet, groupPath(group, "offsets"), "")
	entries := parse[[]struct{ Metadata *string }](t, res.body)
	want := offsetsBody(topic, pairs...)
	if len(entries) > 0 && entries[0].Metadata != nil {
		want = strings.Replace(want, `"metadata":null`, `"metadata":`+quoted(*entries[0].Metadata), 1)
	}
	return want
}

// TestAdminGroupsOfAnyName asks about groups that only hold offsets.
func TestAdminGroupsOfAnyName(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		for _, suffix := range []string{"/", "//a//", "/../b", "%2F", " a  b ", "ü☃𝄞", `"\`, "?x#y", "+", "all", strings.Repeat("ü", 200)} {
			group := k.group() + suffix
			k.commit(t, group, topic, 4)
			want := offsetsBody(topic, 0, 4)
			p.exchange(t, []exchange{
				{"GET", groupPath(group, "describe"), "", 200, `{"groupId":` + quoted(group) + `,"type":"classic","isSimple":true,"state":"EMPTY","partitionAssignor":"","members":[],` +
					`"partitions":[{"topic":"` + topic + `","partition":0,"clientId":null,"memberId":null,"host":null,"offset":4,"endOffset":10,"lag":6}]}`},
				{"GET", groupPath(group, "offsets"), "", 200, want},
				{"PUT", groupPath(group, "offsets/alter/"+topic), `[{"partition":0,"offset":5}]`, 200, offsetsBody(topic, 0, 5)},
				{"DELETE", groupPath(group, "offsets"), "", 200, "{}"},
				{"GET", groupPath(group, "offsets"), "", 200, "[]"},
			})
			if entry := p.listed(t, group, ""); entry != "EMPTY true" {
				t.Errorf("%q is listed as %q", group, entry)
			}
			p.exchange(t, []exchange{
				{"DELETE", groupPath(group, ""), "", 200, "{}"},
				{"GET", groupPath(group, "describe"), "", 404, "NOT_FOUND: "},
				{"DELETE", groupPath(group, ""), "", 404, "NOT_FOUND: "},
			})
		}
		p.exchange(t, []exchange{
			{"GET", groupPath("all", "describe"), "", 404, `NOT_FOUND: There is no consumer group "all".`},
			{"GET", groupPath("none", "offsets"), "", 404, "NOT_FOUND: "},
			{"DELETE", groupPath("none", "offsets"), "", 404, "NOT_FOUND: "},
			{"PUT", groupPath("none", "offsets/alter/"+topic), `[{"partition":0,"offset":5}]`, 404, "NOT_FOUND: "},
			{"GET", groupPath(strings.Repeat("x", 250), "describe"), "", 400, "INVALID_PARAMETER: groupId: "},
			{"GET", groupPath("a\x00", "offsets"), "", 400, "INVALID_PARAMETER: groupId: "},
			{"GET", groupPath("\xff", "offsets"), "", 400, "INVALID_PARAMETER: groupId: "},
			{"GET", "/admin/consumer-group/a/b/offsets", "", 404, "NOT_FOUND: There is nothing at "},
			{"GET", "/admin/consumer-group/none", "", 405, "METHOD_NOT_ALLOWED: "},
			{"DELETE", "/admin/consumer-group/all", "", 405, "METHOD_NOT_ALLOWED: "},
			{"GET", "/admin/consumer-group/all?type=streams", "", 400, "INVALID_PARAMETER: type: must be one of classic, consumer, share."},
			{"GET", "/admin/consumer-group/all?limit=-1", "", 400, "INVALID_PARAMETER: limit: must be"},
			{"PUT", groupPath("none", "offsets/alter/"+topic+"?dryRun=1"), `{"shift":1}`, 400, "INVALID_PARAMETER: dryRun: must be"},
			{"GET", "/admin/consumer-group", "", 404, "NOT_FOUND: There is nothing at "},
			{"POST", "/admin/consumer-group/all", "", 405, "METHOD_NOT_ALLOWED: "},
			{"GET", groupPath("none", "offsets/alter/"+topic), "", 405, "METHOD_NOT_ALLOWED: "},
			{"GET", "/admin/consumer-group/all?activeOnly=1", "", 400, "INVALID_PARAMETER: activeOnly: must be one of false, true."},
			{"GET", "/admin/consumer-group/all?includeInternals=true&includeInternals=true", "", 400, "INVALID_PARAMETER: includeInternals: "},
		})
	})
}

func TestAdminInternalGroups(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		group := "__" + k.group()
		k.commit(t, group, topic, 4)
		if without, with := p.listed(t, group, ""), p.listed(t, group, "?includeInternals=true"); without != "" || with != "EMPTY true" {
			t.Errorf("listed as %q, and with internal ones as %q", without, with)
		}
	})
}

// TestAdminGroupsOfOthers requests groups that the proxy did not create.
func TestAdminGroupsOfOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		enter := func(options ...kgo.Opt) string {
			group := k.group()
			member, err := kgo.NewClient(append([]kgo.Opt{
				kgo.SeedBrokers(k.addr), kgo.DisableClientMetrics(), kgo.ClientID("native"), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
			}, options...)...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(member.Close)
			eventually(t, "it is a member", func() bool {
				_, generation := member.GroupMetadata()
				return generation > 0
			})
			return group
		}
		sticky, workers := enter(kgo.Balancers(kgo.CooperativeStickyBalancer())), enter(kgo.GroupProtocol("connect"))
		groups := map[string]string{sticky: "cooperative-sticky", enter(kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer())): "range"}
		for group, assignor := range groups {
			p.awaitGroup(t, group, "STABLE")
			kind := map[string]string{"cooperative-sticky": "classic", "range": "consumer"}[assignor]
			if got := p.group(t, group); got.IsSimple || got.PartitionAssignor != assignor || got.Type != kind || !slices.Equal(got.Members, []string{"native"}) {
				t.Errorf("got %+v, want %s", got, assignor)
			}
			held := []string{"0 of native: - of 10, - left", "1 of native: - of 10, - left"}
			if k.real || kind == "classic" { // kfake does not name the topics of the other one's members
				eventually(t, "it holds both partitions", func() bool { return slices.Equal(p.group(t, group).held(topic), held) })
			}
			for _, of := range []string{"classic", "consumer", "share"} {
				if entry := p.listed(t, group, "?type="+of); (entry != "") != (of == kind) {
					t.Errorf("%s: listed as %q among %s groups", assignor, entry, of)
				}
			}
			// A member of the newer protocol reconciles its partitions once more after its assignment.
			eventually(t, "it is listed as stable", func() bool { return p.listed(t, group, "?activeOnly=true") == "STABLE false" })
			p.exchange(t, []exchange{
				{"DELETE", groupPath(group, "offsets"), "", 412, "GROUP_ACTIVE: "},
				{"PUT", groupPath(group, "offsets/alter/"+topic), `[{"partition":0,"offset":5}]`, 412, "GROUP_ACTIVE: "},
			})
		}
		if entry := p.listed(t, workers, "?includeInternals=true"); entry != "" {
			t.Errorf("Connect's workers are listed as %q", entry)
		}
		p.exchange(t, []exchange{{"GET", groupPath(workers, "describe"), "", 404, "NOT_FOUND: Group "}, {"DELETE", groupPath(workers, "offsets"), "", 404, "NOT_FOUND: "}})
	})
}

func TestAdminOffsetsThatCannotBe(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		group := k.group()
		k.commit(t, group, topic, 4)
		k.deleteRecords(t, topic, 1, 3)
		alter := groupPath(group, "offsets/alter/") + topic
		var bad []exchange
		for _, test := range [][2]string{ // a body, and how its refusal begins
			{``, "INVALID_JSON: The body is not JSON."},
			{`[{"partition":0,"offset":5}`, "INVALID_JSON: The body is not JSON."},
			{`{"partition":0,"offset":5}`, "INVALID_VALUE: The body must be an array"},
			{`[]`, "INVALID_VALUE: The body must be an array"},
			{`[{"partition":0}]`, `INVALID_VALUE: [0]: "offset" is required`},
			{`[{"partition":0,"offset":11}]`, `INVALID_VALUE: [0]: "offset" must be from 0 to 10, where partition 0 begins and ends.`},
			{`[{"partition":1,"offset":2}]`, `INVALID_VALUE: [0]: "offset" must be from 3 to 10, where partition 1 begins and ends.`},
			{`[{"partition":0,"offset":-1}]`, `INVALID_VALUE: [0]: "offset" must be a whole number from 0 to 9223372036854775807.`},
			{`[{"partition":0,"offset":5},{"partition":1,"offset":9223372036854775807}]`, `INVALID_VALUE: [1]: "offset" must be from 3 to 10`},
			{`[{"partition":2,"offset":0}]`, `INVALID_VALUE: [0]: "partition" is 2: topic `},
			{`[{"partition":-1,"offset":0}]`, `INVALID_VALUE: [0]: "partition" must be`},
			{`[{"partition":0,"offset":5},{"partition":0,"offset":6}]`, `INVALID_VALUE: [1]: "partition" is 0 for the second time.`},
			{`[{"topic":"` + topic + `x","partition":0,"offset":5}]`, `INVALID_VALUE: [0]: "topic" must be the one in the path`},
			{`[{"partition":0,"offset":5,"metadata":"` + strings.Repeat("x", 5000) + `"}]`, `INVALID_VALUE: [0]: "metadata" must be`},
			{`[{"partition":0,"offset":5,"metadata":"` + strings.Repeat("x", 5<<10) + `"}]  ` + strings.Repeat(" ", 10<<20), "MESSAGE_TOO_LARGE: The body is longer than 1048576 bytes."},
		} {
			body, want := test[0], test[1]
			status := 400
			if strings.HasPrefix(want, "MESSAGE_TOO_LARGE") {
				status = 413
			}
			bad = append(bad, exchange{"PUT", alter, body, status, want})
		}
		p.exchange(t, append(bad,
			exchange{"PUT", groupPath(group, "offsets/alter/none"), `[{"partition":0,"offset":0}]`, 404, `NOT_FOUND: There is no topic "none".`},
			exchange{"PUT", groupPath(group, "offsets/alter/a%2Fb"), `[{"partition":0,"offset":0}]`, 404, `NOT_FOUND: There is no topic "a/b".`},
			exchange{"GET", groupPath(group, "offsets"), "", 200, offsetsBody(topic, 0, 4)}, // nothing has changed
			exchange{
				"PUT", alter, `[{"partition":0,"offset":10,"metadata":"ü"},{"partition":1,"offset":3}]`, 200,
				strings.Replace(offsetsBody(topic, 0, 10, 1, 3), "null", `"ü"`, 1),
			},
		))
	})
}

// deleteRecords deletes the records of a partition before an offset.
func (k *cluster) deleteRecords(t *testing.T, topic string, partition int32, before int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, partition, before, -1)
	deleted, err := k.admin.DeleteRecords(t.Context(), offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		t.Fatalf("deleting records of %s: %v", topic, err)
	}
}

func TestAdminGroupsWhileKafkaIsAway(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		for name, silent := range map[string]bool{"refusing": false, "silent": true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p, topic := k.administrated(t)
				group := k.group()
				k.commit(t, group, topic, 4)
				p.awaitGroup(t, group, "EMPTY")
				p.kafka.shut(silent)
				for _, e := range []exchange{
					{"GET", "/admin/consumer-group/all", "", 0, ""},
					{"GET", groupPath(group, "describe"), "", 0, ""},
					{"GET", groupPath(group, "offsets"), "", 0, ""},
					{"DELETE", groupPath(group, "offsets"), "", 0, ""},
					{"PUT", groupPath(group, "offsets/alter/"+topic), `[{"partition":0,"offset":5}]`, 0, ""},
					{"DELETE", groupPath(group, ""), "", 0, ""},
					{"GET", "/admin/topics", "", 0, ""},
					{"GET", "/admin/topics/" + topic, "", 0, ""},
				} {
					t.Run(e.method+" "+e.path, func(t *testing.T) {
						t.Parallel()
						watch := stopwatch.Start(t)
						got := p.adminOnce(t, e.method, e.path, e.body)
						if f := got.failure(t); got.status != 503 || f.Code != "KAFKA_UNAVAILABLE" || got.header.Get("Retry-After") == "" {
							t.Errorf("got %d %+v", got.status, f)
						}
						if took := watch.Elapsed(); took > soon {
							t.Errorf("it took %v", took)
						}
					})
				}
			})
		}
	})
}

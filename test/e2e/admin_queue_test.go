package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestAdminQueue describes the group of a queue while it has a worker, moves where it starts by each kind of place, and
// removes it.
func TestAdminQueue(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		group := k.group()
		w := p.worker(t, topic, group, "window=20", "confirm=true")
		got := w.records(20)
		for _, values := range [][]string{{"0", "1", "2"}, {"5"}} { // offsets 0 and 1 of partition 0, 0 and 2 of partition 1
			w.send(acknowledgement("accept", idsOf(got, values)...))
			w.frame()
		}
		p.exchange(t, []exchange{
			{"PUT", groupPath(group, "offsets/alter/"+topic), `{"to":"latest"}`, 412, "GROUP_ACTIVE: "},
			{"DELETE", groupPath(group, "offsets"), "", 412, "GROUP_ACTIVE: "},
			{"DELETE", groupPath(group, ""), "", 412, "GROUP_ACTIVE: "},
		})
		described := p.group(t, group)
		if described.Type != "share" || described.State != "STABLE" || !slices.Equal(described.Members, []string{"wsproxy-queue"}) {
			t.Errorf("got %+v", described)
		}
		eventually(t, "both partitions are assigned, and what is not settled is told", func() bool {
			lags := make(map[int32]int64)
			for _, h := range p.group(t, group).Partitions {
				if h.Lag != nil && h.ClientID != nil && *h.ClientID == "wsproxy-queue" {
					lags[h.Partition] = *h.Lag
				}
			}
			return lags[0] == 8 && lags[1] == 8 && len(lags) == 2
		})
		w.close()
		p.awaitGroup(t, group, "EMPTY")
		p.movesStarts(t, k, topic, group)
		again := p.worker(t, topic, group, "window=20")
		want := map[string]bool{"16": true, "18": true, "late": true, "19": true}
		for value := range again.records(len(want)) {
			if !want[value] {
				t.Errorf("a record before the start came: %s", value)
			}
		}
		again.close()
		p.awaitGroup(t, group, "EMPTY")
		p.exchange(t, []exchange{
			{"DELETE", groupPath(group, ""), "", 200, "{}"},
			{"GET", groupPath(group, "describe"), "", 404, "NOT_FOUND: "},
			{"GET", groupPath(group, "offsets"), "", 404, "NOT_FOUND: "},
			{"DELETE", groupPath(group, ""), "", 404, "NOT_FOUND: "},
		})
	})
}

// movesStarts adds an eleventh record to partition 0, and moves the start of a group in two partitions by each kind of place, first by
// trial. It leaves the last three records of partition 0, and the last one of partition 1.
func (p *proxy) movesStarts(t *testing.T, k *cluster, topic, group string) {
	t.Helper()
	starts := func(zero, one int, lags ...int) string {
		text := func(partition, offset int) string {
			lag := "null"
			if lags != nil {
				lag = fmt.Sprint(lags[partition])
			}
			return fmt.Sprintf(`{"topic":%q,"partition":%d,"offset":%d,"metadata":null,"lag":%s}`, topic, partition, offset, lag)
		}
		return "[" + text(0, zero) + "," + text(1, one) + "]"
	}
	alter := groupPath(group, "offsets/alter/"+topic)
	before := p.admin(t, "GET", groupPath(group, "offsets"), "").body
	if !strings.Contains(before, `"lag":8`) {
		t.Errorf("of a group without members: %s", before)
	}
	later := time.Now().Add(time.Minute).UnixMilli()
	k.produce(t, topic, &kgo.Record{Topic: topic, Partition: 0, Value: []byte("late"), Timestamp: time.UnixMilli(later)})
	first := true
	for _, test := range []struct {
		body      string
		zero, one int
	}{
		{`{"to":"latest"}`, 11, 10},
		{`{"shift":-4}`, 7, 6},
		{`{"shift":-100}`, 0, 0},
		{fmt.Sprintf(`{"timestamp":%d}`, later), 10, 10},
		{`{"to":"earliest"}`, 0, 0},
		{`[{"partition":0,"offset":8},{"partition":1,"offset":9}]`, 8, 9},
	} {
		trial := p.admin(t, "PUT", alter+"?dryRun=true", test.body)
		if trial.status != 200 || trial.body != starts(test.zero, test.one) {
			t.Errorf("%s by trial: %d %s", test.body, trial.status, trial.body)
		}
		if got := p.admin(t, "GET", groupPath(group, "offsets"), "").body; !first && got != before {
			t.Errorf("%s by trial has changed %s to %s", test.body, before, got)
		}
		before, first = starts(test.zero, test.one, 11-test.zero, 10-test.one), false
		p.exchange(t, []exchange{
			{"PUT", alter, test.body, 200, before},
			{"GET", groupPath(group, "offsets"), "", 200, before},
		})
	}
	p.exchange(t, []exchange{
		{"PUT", alter, `[{"partition":2,"offset":0}]`, 400, `INVALID_VALUE: [0]: "partition" is 2`},
		{"PUT", alter, `[{"partition":1,"offset":11}]`, 400, `INVALID_VALUE: [0]: "offset" must be from 0 to 10`},
		{"GET", groupPath(group, "offsets"), "", 200, before},
	})
}

// idsOf returns the ids of records by their values.
func idsOf(all map[string]string, values []string) (ids []string) {
	for _, v := range values {
		ids = append(ids, all[v])
	}
	return ids
}

// TestAdminSessionsTellWhatWorkersHold on their own replica.
func TestAdminSessionsTellWhatWorkersHold(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		a, b := k.twoReplicas(t)
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 5, 1, 0)...)
		w := a.worker(t, topic, group, "clientId=worker", "confirm=true")
		b.out(t, topic, "clientId=reader")
		got := w.records(5)
		heldAt := func(p *proxy) string {
			for _, s := range p.sessions(t) {
				if s.Client != "worker" && s.Held != nil {
					t.Errorf("a consumer holds %d", *s.Held)
				}
				if s.Client == "worker" && (s.Kind != "consumer" || s.Group != group || s.Replica != "a") {
					t.Errorf("got %+v", s)
				}
				if s.Client == "worker" && s.Held != nil {
					return fmt.Sprint(*s.Held)
				}
				if s.Client == "worker" {
					return "untold"
				}
			}
			return "none"
		}
		if held := heldAt(a); held != "5" {
			t.Errorf("its own replica tells %s", held)
		}
		w.send(acknowledgement("accept", got["0"], got["3"]))
		w.frame()
		if held := heldAt(a); held != "3" {
			t.Errorf("when two are settled: %s", held)
		}
		eventually(t, "the other replica lists it, and does not tell what it holds", func() bool { return heldAt(b) == "untold" })
	})
}

// TestEachReplicaTellsTheLagOfAQueue in its metrics, whole: the greatest is the group's, and the sum is not.
func TestEachReplicaTellsTheLagOfAQueue(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		a, b := k.twoReplicas(t)
		topic, group := k.topic(t, 4), k.group()
		k.produce(t, topic, numbered(0, 20, 4, 0)...)
		for i, p := range []*proxy{a, b} {
			p.worker(t, topic, group, fmt.Sprint("clientId=", i), "window=2").records(2)
		}
		for _, p := range []*proxy{a, b} {
			eventually(t, "the whole lag is told", func() bool {
				return p.series(t, "wsproxy_queue_lag") == fmt.Sprintf(`wsproxy_queue_lag{group=%q,topic=%q} 20`, group, topic)
			})
			if got := p.series(t, "wsproxy_group_lag"); got != "" {
				t.Errorf("a queue is among the consumers: %s", got)
			}
		}
	})
}

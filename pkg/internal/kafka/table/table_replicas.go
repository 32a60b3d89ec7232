package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// inSyncOf returns how many replicas must have a record of a topic with this many replicas.
func inSyncOf(factor int) int {
	if factor > tableMinInSync {
		return tableMinInSync
	}
	return 1
}

// checkReplicas warns if the topic has fewer replicas than it should have although there are brokers
// enough: it may have been created before they were started. configs is nil if they are unknown.
func (t *Table) checkReplicas(place tablePlace, configs map[string]string) {
	want := min(max(t.options.ReplicationFactor, 1), len(place.brokers))
	if is := len(place.replicas); 0 < is && is < want {
		t.log.Warn("the topic has fewer replicas than it should have: the loss of a broker can stop its use, or lose its records",
			"replicationFactor", is, "configured", t.options.ReplicationFactor, "brokers", len(place.brokers), "run", t.reassign(place, want))
	}
	if configs == nil {
		return
	}
	if need := inSyncOf(want); cluster.Number(configs[minInSync], 1) < int64(need) {
		t.log.Warn("a record of the topic counts as written when too few replicas have it", "is", minInSync+"="+configs[minInSync],
			"run", t.configure([]string{fmt.Sprintf("%s=%d", minInSync, need)}))
	}
}

// reassign returns the command that gives the topic's partition more replicas, and keeps those that it
// has.
func (t *Table) reassign(place tablePlace, want int) string {
	replicas := slices.Clone(place.replicas)
	for _, id := range place.brokers {
		if len(replicas) < want && !slices.Contains(replicas, id) {
			replicas = append(replicas, id)
		}
	}
	ids := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(replicas)), ","), "[]")
	return fmt.Sprintf(`echo '{"version":1,"partitions":[{"topic":"%s","partition":0,"replicas":[%s]}]}' > reassign.json && `+
		`kafka-reassign-partitions.sh --bootstrap-server %s --reassignment-json-file reassign.json --execute`,
		t.options.Topic, ids, t.bootstrap())
}

// brokerIDs returns the sorted ids of all brokers.
func brokerIDs(brokers []kmsg.MetadataResponseBroker) []int32 {
	ids := make([]int32, len(brokers))
	for i := range brokers {
		ids[i] = brokers[i].NodeID
	}
	slices.Sort(ids)
	return ids
}

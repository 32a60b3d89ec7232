package outside

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// TestConsumerGroupCommandShowsWhatWasCommitted reads a part of a topic with autoCommit=false and
// compares the group's offsets with Apache's tool.
func TestConsumerGroupCommandShowsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	const partitions, each = 2, 10
	k := realKafka(t)
	topic := k.topic(partitions)
	k.fill(topic, partitions, partitions*each, 10)
	p := serve(t, k.addr)
	conn := dial(t, p.url("/socket/out?clientId=c&autoCommit=false&groupId="+topic+"&topic="+topic))
	commits := map[int32]int64{0: 3, 1: 7} // the last record of each partition that is committed
	for range partitions * each {
		r := next[record](t, conn)
		if r.Offset == commits[r.Partition] {
			send(t, conn, fmt.Sprintf(`{"wsProxyMessageId":%q}`, r.ID))
		}
	}
	must(t, conn.Close(websocket.StatusNormalClosure, ""))
	await(t, "the commits", func() bool { return len(k.committed(topic, topic)) == partitions })

	want := map[string]string{"0": "4 of 10", "1": "8 of 10"}
	if got := k.described(topic); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// described returns the committed offsets that Apache's tool shows of a group that reads one topic, by
// partition.
func (c *cluster) described(group string) map[string]string {
	c.t.Helper()
	lines := apache(c.t, "", consumerGroups, "--bootstrap-server", c.addr, "--describe", "--group", group)
	described := map[string]string{}
	columns := map[string]int{}
	for _, line := range lines {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case fields[0] == "GROUP":
			for i, name := range fields {
				columns[name] = i
			}
		case fields[0] == group:
			described[fields[columns["PARTITION"]]] = fields[columns["CURRENT-OFFSET"]] + " of " + fields[columns["LOG-END-OFFSET"]]
		}
	}
	return described
}

// TestKeysGoToThePartitionsOfJavasPartitioner writes the same keys with Apache's producer and
// through the proxy.
func TestKeysGoToThePartitionsOfJavasPartitioner(t *testing.T) {
	t.Parallel()
	const partitions = 7
	k := realKafka(t)
	theirs, ours := k.topic(partitions), k.topic(partitions)
	keys := []string{"a", "grüße", "🐘", "key with spaces", strings.Repeat("long", 100)}
	for i := range 200 {
		keys = append(keys, "key-"+strconv.Itoa(i*i*i))
	}
	var lines strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&lines, "%s\tv\n", key)
	}
	apache(t, lines.String(), consoleProducer, "--bootstrap-server", k.addr, "--topic", theirs,
		"--reader-property", "parse.key=true")

	p := serve(t, k.addr)
	conn := dial(t, p.url("/socket/in?clientId=p&topic="+ours))
	for _, key := range keys {
		send(t, conn, fmt.Sprintf(`{"key":{"value":%q},"value":{"value":"v"}}`, key))
		if a := next[answer](t, conn); a.Error != nil {
			t.Fatal(*a.Error)
		}
	}
	want, got := k.partitionsOfKeys(theirs), k.partitionsOfKeys(ours)
	if len(want) != len(keys) {
		t.Fatalf("Apache's producer wrote %d keys, not %d", len(want), len(keys))
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func (c *cluster) partitionsOfKeys(topic string) map[string]int32 {
	c.t.Helper()
	partitions := map[string]int32{}
	for partition, records := range c.log(topic) {
		for _, r := range records {
			partitions[string(r.Key)] = partition
		}
	}
	return partitions
}

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// consumerGroups is Kafka's own tool for consumer groups.
const consumerGroups = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"

// judged runs ConsumerGroupCommand and returns the rows of the table that it prints, by the names of
// the columns.
func (k *cluster) judged(t *testing.T, args ...string) (rows []map[string]string) {
	t.Helper()
	printed := runTool(t, "", consumerGroups, append([]string{"--bootstrap-server", k.addr}, args...)...)
	printed = strings.NewReplacer("COORDINATOR (ID)", "COORDINATOR", " (1)", "").Replace(printed) // of broker 1
	var header []string
	for line := range strings.Lines(printed) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || len(fields) < len(header):
		case fields[0] == "GROUP":
			header = fields
		case header != nil:
			row := make(map[string]string)
			for i, name := range header {
				row[name] = fields[i]
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// judgedOffsets returns the committed offsets that ConsumerGroupCommand shows of a group, in the form of
// the admin API.
func (k *cluster) judgedOffsets(t *testing.T, group string) string {
	t.Helper()
	var entries []string
	for _, row := range k.judged(t, "--describe", "--offsets", "--group", group) {
		if row["CURRENT-OFFSET"] != "-" {
			entries = append(entries, fmt.Sprintf(`{"topic":%q,"partition":%s,"offset":%s,"metadata":null}`, row["TOPIC"], row["PARTITION"], row["CURRENT-OFFSET"]))
		}
	}
	slices.Sort(entries)
	return "[" + strings.Join(entries, ",") + "]"
}

// TestConsumerGroupCommandAgrees compares the answers and the effects of the admin API with Kafka's own
// tool.
func TestConsumerGroupCommandAgrees(t *testing.T) {
	t.Parallel()
	onReal(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		left, group := k.group(), k.group()
		k.commit(t, left, topic, 4)
		for _, client := range []string{"one", "two"} {
			p.out(t, topic, "groupId="+group, "clientId="+client, "autoCommit=false")
		}
		eventually(t, "both are members", func() bool {
			got := p.group(t, group)
			return got.State == "STABLE" && len(got.Members) == 2
		})

		t.Run("list", func(t *testing.T) {
			want := map[string]string{left: "empty", group: "stable"}
			// Both are asked until they agree: a member may just be joining again.
			eventually(t, "we and Kafka's tool list the groups", func() bool {
				ours, theirs := make(map[string]string), make(map[string]string)
				for _, g := range []string{left, group} {
					state, _, _ := strings.Cut(p.listed(t, g, ""), " ")
					ours[g] = strings.ToLower(state)
				}
				for _, row := range k.judged(t, "--list", "--state") {
					if ours[row["GROUP"]] != "" {
						theirs[row["GROUP"]] = strings.ToLower(row["STATE"])
					}
				}
				return maps.Equal(ours, want) && maps.Equal(theirs, want)
			})
		})
		t.Run("describe", func(t *testing.T) {
			ours := p.group(t, group)
			var members []string
			for _, row := range k.judged(t, "--describe", "--members", "--group", group) {
				members = append(members, row["CLIENT-ID"])
			}
			slices.Sort(members)
			states := k.judged(t, "--describe", "--state", "--group", group)
			if len(states) != 1 || !strings.EqualFold(states[0]["STATE"], ours.State) || states[0]["ASSIGNMENT-STRATEGY"] != ours.PartitionAssignor ||
				!slices.Equal(members, ours.Members) || len(members) != 2 {
				t.Errorf("we say %+v, Kafka's tool %v, %v", ours, states, members)
			}
		})
		t.Run("partitions", func(t *testing.T) {
			for _, g := range []string{left, group} {
				eventually(t, "we and Kafka's tool tell the same of "+g, func() bool {
					var theirs []string
					for _, row := range k.judged(t, "--describe", "--group", g) {
						theirs = append(theirs, fmt.Sprintf("%s of %s: %s of %s, %s left",
							row["PARTITION"], row["CLIENT-ID"], row["CURRENT-OFFSET"], row["LOG-END-OFFSET"], row["LAG"]))
					}
					slices.Sort(theirs)
					ours := p.group(t, g).held(topic)
					return slices.Equal(ours, theirs) && len(ours) > 0
				})
			}
		})
		t.Run("alter and delete", func(t *testing.T) {
			path := groupPath(left, "offsets")
			compare := func(when, want string) {
				t.Helper()
				ours, theirs := p.admin(t, http.MethodGet, path, "").body, k.judgedOffsets(t, left)
				if ours != want || theirs != want {
					t.Errorf("%s: we say %s, Kafka's tool %s, want %s", when, ours, theirs, want)
				}
			}
			compare("before", offsetsBody(topic, 0, 4))
			p.change(t, http.MethodPut, groupPath(left, "offsets/alter/"+topic), offsetsBody(topic, 0, 10, 1, 6))
			compare("altered", offsetsBody(topic, 0, 10, 1, 6))
			k.judged(t, "--reset-offsets", "--to-offset", "2", "--execute", "--topic", topic+":1", "--group", left)
			compare("altered by Kafka's tool", offsetsBody(topic, 0, 10, 1, 2))
			p.change(t, http.MethodDelete, path, "")
			compare("deleted", "[]")
		})
	})
}

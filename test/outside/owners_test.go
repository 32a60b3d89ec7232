package outside

import (
	"context"
	"testing"
	"time"
)

// watchedEvery is how often owners looks, and lookSlack within which of a change it has noticed that surely.
const (
	watchedEvery = 100 * time.Millisecond
	lookSlack    = time.Second
)

// owners knows which members of a consumer group have had the partitions of a topic, and since when.
type owners struct {
	changes map[int32][]change // by partition; to be read when done is closed
	done    chan struct{}
}

type change struct {
	at     time.Time
	member string // its instance id; "" for none
}

// gap is the time between two records of a partition at the same connection.
type gap struct {
	partition int32
	from, to  time.Time
}

func (g gap) length() time.Duration { return g.to.Sub(g.from) }

// watchOwners looks at the assignments of a group until ctx ends.
func watchOwners(ctx context.Context, t testing.TB, k *cluster, group, topic string, partitions int32) *owners {
	t.Helper()
	o := &owners{changes: make(map[int32][]change), done: make(chan struct{})}
	go func() {
		defer close(o.done)
		ticker := time.NewTicker(watchedEvery)
		defer ticker.Stop()
		for ctx.Err() == nil {
			if now, stable := k.assigned(ctx, group, topic); stable {
				o.add(time.Now(), now, partitions)
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	}()
	return o
}

// assigned returns the instance ids of the members that have the partitions of a topic. While the group rebalances that is not known.
func (c *cluster) assigned(ctx context.Context, group, topic string) (members map[int32]string, stable bool) {
	groups, err := c.admin.DescribeGroups(ctx, group)
	if err != nil || groups[group].State != "Stable" {
		return nil, false
	}
	members = make(map[int32]string)
	for _, m := range groups[group].Members {
		a, ok := m.Assigned.AsConsumer()
		if !ok || m.InstanceID == nil {
			continue
		}
		for _, t := range a.Topics {
			for _, partition := range t.Partitions {
				if t.Topic == topic {
					members[partition] = *m.InstanceID
				}
			}
		}
	}
	return members, true
}

func (o *owners) add(at time.Time, members map[int32]string, partitions int32) {
	for p := range partitions {
		all := o.changes[p]
		if len(all) == 0 || all[len(all)-1].member != members[p] {
			o.changes[p] = append(all, change{at, members[p]})
		}
	}
}

// stayed tells whether a partition stayed where it was during a gap. It waits for the end of the watching.
func (o *owners) stayed(g gap) bool {
	<-o.done
	for i, c := range o.changes[g.partition] {
		if i > 0 && c.at.After(g.from.Add(-lookSlack)) && c.at.Before(g.to.Add(lookSlack)) {
			return false
		}
	}
	return true
}

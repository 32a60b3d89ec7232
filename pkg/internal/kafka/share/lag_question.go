package share

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// question is one lookup of the lags of groups in topics.
type question map[groupTopic]asked

// told is what Kafka tells of a partition. It has the start offset from the first acknowledgement on.
type told = kmsg.DescribeShareGroupOffsetsResponseGroupTopicPartition

// ask runs the lookup. What Kafka does not tell is left out; then there is an error, too.
func (q question) ask(ctx context.Context, client *kgo.Client) (map[groupTopic]finding, error) {
	ctx, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	at := time.Now()
	described, failed := q.describe(ctx, client)
	logs, err := q.logsOf(ctx, client, described)
	failed = errors.Join(failed, err)
	found := make(map[groupTopic]finding)
	for of, partitions := range described {
		f, err := sum(partitions, q[of].earliest, func(partition int32) (start, end int64) { return logs.of(of.topic, partition) })
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("the lag of %s in %s: %w", of.group, of.topic, err))
			continue
		}
		f.at = at
		found[of] = f
	}
	return found, failed
}

// describe asks the coordinators of the groups, all at the same time.
func (q question) describe(ctx context.Context, client *kgo.Client) (described map[groupTopic][]told, failed error) {
	described = make(map[groupTopic][]told)
	coordinators, failed := cluster.FindCoordinators(ctx, client, q.groups())
	var mu sync.Mutex // guards described and failed
	var asking sync.WaitGroup
	for coordinator, groups := range coordinators {
		asking.Go(func() {
			answer, err := cluster.Ask[*kmsg.DescribeShareGroupOffsetsResponse](ctx, client.Broker(int(coordinator)), q.request(groups))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("asking broker %d for the offsets of share groups: %w", coordinator, err))
				return
			}
			for _, g := range answer.Groups {
				if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
					failed = errors.Join(failed, fmt.Errorf("the offsets of %s: %w", g.GroupID, err))
				}
				for _, t := range g.Topics {
					described[groupTopic{proxy.GroupID(g.GroupID), t.Topic}] = t.Partitions
				}
			}
		})
	}
	asking.Wait()
	return described, failed
}

// groups returns the groups that are asked about.
func (q question) groups() (all []proxy.GroupID) {
	for of := range q {
		all = append(all, of.group)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// request asks about some of the groups.
func (q question) request(groups []proxy.GroupID) *kmsg.DescribeShareGroupOffsetsRequest {
	request, at := kmsg.NewPtrDescribeShareGroupOffsetsRequest(), make(map[proxy.GroupID]int)
	for i, group := range groups {
		at[group] = i
		g := kmsg.NewDescribeShareGroupOffsetsRequestGroup()
		g.GroupID = string(group)
		request.Groups = append(request.Groups, g)
	}
	for of, a := range q {
		i, is := at[of.group]
		if !is {
			continue
		}
		t := kmsg.NewDescribeShareGroupOffsetsRequestGroupTopic()
		t.Topic = of.topic
		for p := range a.partitions {
			t.Partitions = append(t.Partitions, p)
		}
		request.Groups[i].Topics = append(request.Groups[i].Topics, t)
	}
	return request
}

// logs are the ends of logs, and where they start.
type logs struct{ starts, ends kadm.ListedOffsets }

// logsOf looks up the logs of topics with a partition whose lag Kafka does not tell: before 4.2 it tells none (KIP-1226), and of a partition
// in which nothing was settled yet it knows none.
func (q question) logsOf(ctx context.Context, client *kgo.Client, described map[groupTopic][]told) (l logs, err error) {
	var topics []string
	for of, partitions := range described {
		if slices.ContainsFunc(partitions, func(p told) bool { return p.Lag < 0 }) {
			topics = append(topics, of.topic)
		}
	}
	if topics == nil {
		return l, nil
	}
	admin := kadm.NewClient(client)
	if l.ends, err = admin.ListEndOffsets(ctx, topics...); err == nil {
		l.starts, err = admin.ListStartOffsets(ctx, topics...)
	}
	if err != nil {
		return l, fmt.Errorf("asking where logs start and end: %w", err)
	}
	return l, nil
}

// of returns where the log of a partition starts and ends, and proxy.Unknown for what is not known.
func (l *logs) of(topic string, partition int32) (start, end int64) {
	at := func(listed kadm.ListedOffsets) int64 {
		if o, ok := listed.Lookup(topic, partition); ok && o.Err == nil {
			return o.Offset
		}
		return proxy.Unknown
	}
	return at(l.starts), at(l.ends)
}

var (
	errNothingKnown = errors.New("nothing was settled in any partition yet")
	errLogNotKnown  = errors.New("it is not known where the log of a partition starts and ends")
)

// sum adds up the lags of partitions. A group that begins with the earliest record has yet to settle all of a partition in which it has
// settled nothing; where another group would begin is not known, and such a partition is left out.
func sum(partitions []told, earliest bool, log func(partition int32) (start, end int64)) (f finding, err error) {
	known := 0
	for i := range partitions {
		p := &partitions[i]
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return f, fmt.Errorf("partition %d: %w", p.Partition, err)
		}
		start, lag := p.StartOffset, p.Lag
		if start < 0 && !earliest {
			continue
		}
		if lag < 0 {
			first, end := log(p.Partition)
			if start = max(start, first); start < 0 || end < 0 {
				return f, errLogNotKnown
			}
			lag = max(0, end-start)
		}
		known++
		f.records += lag
	}
	if known == 0 {
		return f, errNothingKnown
	}
	f.whole = known == len(partitions)
	return f, nil
}

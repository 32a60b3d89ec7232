package read

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// askTimeout is how long the leaders may take to answer in a round.
	askTimeout = 2 * time.Second
	// askRounds is how often leaders are asked that give no answer: a leader may just have moved.
	askRounds = 2
	// askPause is the pause between two rounds.
	askPause = 250 * time.Millisecond
)

// query is what is asked about the logs of partitions.
type query struct {
	timestamps []func(partition int32) int64 // whose offsets are asked for
	isolation  int8
	places     proxy.Places // the ends of whose epochs are asked for
}

// answer is what a leader has told about a log.
type answer struct {
	leader
	offsets  []int64 // of the timestamps, -1 where there is none
	epochEnd int64   // behind the last record of the place's epoch, -1 where that is not known
}

// asked holds the partitions about which a broker is asked, as their leader.
type asked map[int32]leader

// same is the same timestamp in all partitions.
func same(timestamp int64) func(partition int32) int64 { return func(int32) int64 { return timestamp } }

// everything wants all partitions.
func everything(int32) bool { return true }

// ask asks the leaders of the wanted partitions. The error tells why the answers are not complete.
func (s *Source) ask(ctx context.Context, q query, wanted func(int32) bool) (map[int32]answer, error) {
	client, err := s.lookups()
	if err != nil {
		return nil, s.unavailable(err)
	}
	answers := make(map[int32]answer)
	for round := range askRounds {
		if round > 0 {
			cluster.Pause(ctx, askPause)
		}
		last := round == askRounds-1
		err = s.askOnce(ctx, client, q, last, answers, func(p int32) bool {
			_, answered := answers[p]
			return !answered && wanted(p)
		})
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if end := s.end(); end != nil {
		return nil, end
	}
	if err != nil {
		return answers, s.unavailable(err)
	}
	return answers, nil
}

// askOnce asks each leader once, and adds what they answer.
func (s *Source) askOnce(ctx context.Context, client *kgo.Client, q query, last bool, into map[int32]answer, wanted func(int32) bool) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	leaders, err := s.leaders(ctx, client)
	if err != nil {
		return err
	}
	var failed []error
	brokers := make(map[int32]asked)
	for partition, l := range leaders {
		switch {
		case !wanted(partition):
		case l.broker < 0:
			failed = append(failed, fmt.Errorf("partition %d: %w", partition, errNoLeader))
		case !last && isOutdated(l.epoch, q.places[partition]):
			failed = append(failed, fmt.Errorf("partition %d: the metadata is old", partition))
		default:
			if brokers[l.broker] == nil {
				brokers[l.broker] = asked{}
			}
			brokers[l.broker][partition] = l
		}
	}
	var mu sync.Mutex // guards into and failed
	var asking sync.WaitGroup
	for id, partitions := range brokers {
		asking.Go(func() {
			told, err := s.askLeader(ctx, client.Broker(int(id)), q, partitions)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(into, told)
			failed = append(failed, err)
		})
	}
	asking.Wait()
	return errors.Join(failed...)
}

// isOutdated tells whether a place is of a later epoch than the metadata shows. If it stays so, the place is of
// another log, or made up.
func isOutdated(epoch int32, place proxy.Place) bool { return epoch >= 0 && place.Epoch > epoch }

// askLeader sends all requests to one broker, and returns the answers of partitions about which it has answered all.
func (s *Source) askLeader(ctx context.Context, broker *kgo.Broker, q query, partitions asked) (map[int32]answer, error) {
	lists, errs := make([]offsets, len(q.timestamps)), make([]error, len(q.timestamps)+1)
	var ends offsets
	var asking sync.WaitGroup
	for i, timestamp := range q.timestamps {
		asking.Go(func() { lists[i], errs[i] = s.list(ctx, broker, timestamp, q.isolation, partitions) })
	}
	asking.Go(func() { ends, errs[len(lists)] = s.epochEnds(ctx, broker, q.places, partitions) })
	asking.Wait()
	answers := make(map[int32]answer, len(partitions))
	for partition, l := range partitions {
		if a, complete := collect(partition, l, lists, ends); complete {
			answers[partition] = a
		}
	}
	return answers, errors.Join(errs...)
}

func collect(partition int32, l leader, lists []offsets, ends offsets) (a answer, complete bool) {
	end, complete := ends[partition]
	a = answer{leader: l, epochEnd: end}
	for _, list := range lists {
		offset, told := list[partition]
		a.offsets = append(a.offsets, offset)
		complete = complete && told
	}
	return a, complete
}

//go:build synctests

package virtual

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// topicState is the state of the schedule's topic: its current instance, and the contents of earlier
// ones.
type topicState struct {
	instance atomic.Int64 // how often it was created again
	reading  atomic.Bool  // the suite reads: the brokers serve it without faults
	frozen   atomic.Bool  // and accept no writes

	mu    sync.Mutex // guards what follows
	there bool
	ids   map[string]int                  // the instances, by id
	ended []checker.Instance              // those that were deleted
	seen  map[int32]map[int64]*kgo.Record // records that were read of the current one
	empty map[int32]bool                  // the partitions of the current one that have lost all records once
}

// make creates the topic.
func (w *world) make(partitions int32) error {
	err := w.kafka.CreateTopic(topic, partitions, map[string]string{"max.message.bytes": strconv.Itoa(maxMessageBytes)})
	if err != nil {
		return fmt.Errorf("creating the topic: %w", err)
	}
	instance, id := int(w.topic.instance.Load()), w.kafka.TopicInfo(topic).TopicID
	w.topic.mu.Lock()
	clear(w.topic.empty)
	w.topic.there = true
	w.topic.ids[hex.EncodeToString(id[:])] = instance
	w.topic.mu.Unlock()
	if w.plan.family.name != "" {
		w.recorder.Add(history.Event{Kind: history.Made, Instance: instance, Count: int(partitions)})
	}
	return nil
}

func (w *world) isThere() bool {
	w.topic.mu.Lock()
	defer w.topic.mu.Unlock()
	return w.topic.there
}

// instanceOf returns the instance of the topic that has an id.
func (w *world) instanceOf(id [16]byte) int {
	w.topic.mu.Lock()
	defer w.topic.mu.Unlock()
	return w.topic.ids[hex.EncodeToString(id[:])]
}

// remove deletes the topic, and keeps its contents.
func (w *world) remove() error {
	w.topic.frozen.Store(true)
	defer w.topic.frozen.Store(false)
	if err := w.archive(); err != nil {
		return err
	}
	w.topic.mu.Lock()
	w.topic.there = false
	w.topic.ended = append(w.topic.ended, finished(w.topic.seen))
	clear(w.topic.seen)
	w.topic.mu.Unlock()
	w.recorder.Add(history.Event{Kind: history.Ended, Instance: int(w.topic.instance.Load())})
	if err := w.kafka.DeleteTopic(topic); err != nil {
		return fmt.Errorf("deleting the topic: %w", err)
	}
	w.topic.instance.Add(1)
	return nil
}

// finished returns an instance that has ended. Records that were not committed by then are open.
func finished(seen map[int32]map[int64]*kgo.Record) checker.Instance {
	instance := checker.Instance{Log: make(map[int32][]checker.Record), Open: make(map[string]bool)}
	for partition, records := range seen {
		ordered := inOrder(records)
		instance.Log[partition] = committed(ordered)
		for _, r := range unfinished(ordered) {
			instance.Open[r.ID] = true
		}
	}
	return instance
}

// grow adds partitions.
func (w *world) grow(more int32) error {
	if !w.isThere() {
		return nil
	}
	count := int32(len(w.kafka.PartitionInfos(topic))) + more
	request := kmsg.NewPtrCreatePartitionsRequest()
	added := kmsg.NewCreatePartitionsRequestTopic()
	added.Topic, added.Count = topic, count
	request.Topics = append(request.Topics, added)
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.Dialer(w.clients.Dial))
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	w.topic.reading.Store(true)
	defer w.topic.reading.Store(false)
	if _, err := request.RequestWith(context.Background(), client); err != nil {
		return fmt.Errorf("adding partitions: %w", err)
	}
	w.recorder.Add(history.Event{Kind: history.Grown, Instance: int(w.topic.instance.Load()), Count: int(count)})
	return nil
}

// trim removes a share of a partition's records; 1 means all.
func (w *world) trim(partition int32, share float64) error {
	if !w.isThere() {
		return nil
	}
	info := w.kafka.PartitionInfo(topic, partition)
	if info == nil {
		return nil
	}
	if err := w.archive(); err != nil {
		return err
	}
	to := info.LogStartOffset + int64(share*float64(info.HighWatermark-info.LogStartOffset))
	w.recorder.Add(history.Event{Kind: history.Trim, Instance: int(w.topic.instance.Load()), Partition: partition, Offset: to})
	if to == info.HighWatermark {
		w.topic.mu.Lock()
		w.topic.empty[partition] = true
		w.topic.mu.Unlock()
	}
	if err := w.kafka.DeleteRecords(topic, partition, to); err != nil {
		return fmt.Errorf("deleting records: %w", err)
	}
	return nil
}

// archiveLimit is the time that the brokers in memory have for returning the log.
const archiveLimit = time.Minute

var errNoTopic = errors.New("the topic is not there")

// archive reads the current contents of the topic.
func (w *world) archive() error {
	w.topic.reading.Store(true)
	defer w.topic.reading.Store(false)
	infos := w.kafka.PartitionInfos(topic)
	if infos == nil {
		return errNoTopic
	}
	left := int64(0)
	for _, p := range infos {
		left += p.HighWatermark - p.LogStartOffset
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.Dialer(w.clients.Dial), kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), archiveLimit)
	defer cancel()
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("reading the log: %d records are left: %w", left, ctx.Err())
		}
		for r := range fetches.RecordsAll() {
			left--
			w.keep(r)
		}
	}
	return nil
}

func (w *world) keep(r *kgo.Record) {
	w.topic.mu.Lock()
	defer w.topic.mu.Unlock()
	if w.topic.seen[r.Partition] == nil {
		w.topic.seen[r.Partition] = make(map[int64]*kgo.Record)
	}
	w.topic.seen[r.Partition][r.Offset] = r
}

func inOrder(records map[int64]*kgo.Record) []*kgo.Record {
	ordered := make([]*kgo.Record, 0, len(records))
	for _, offset := range slices.Sorted(maps.Keys(records)) {
		ordered = append(ordered, records[offset])
	}
	return ordered
}

// log returns what readers of committed records see, and have seen, of the current topic.
func (w *world) log() (map[int32][]checker.Record, error) {
	if err := w.archive(); err != nil {
		return nil, err
	}
	w.topic.mu.Lock()
	defer w.topic.mu.Unlock()
	log := make(map[int32][]checker.Record)
	for partition, records := range w.topic.seen {
		log[partition] = committed(inOrder(records))
	}
	return log, nil
}

// events returns the history. Commits in it name their instance; commits that identify a topic by name
// alone belong to the instance that existed at that time. Commits by the id of an instance that another
// has replaced are left out: Kafka refuses them, see TestATopicMadeAgainGetsNoPositionOfTheOneBefore. A
// consumer that was opened before may have read the next instance under the same name by then.
func (w *world) events() []history.Event {
	events := w.recorder.Events()
	w.topic.mu.Lock()
	defer w.topic.mu.Unlock()
	present, kept := 0, events[:0]
	for _, e := range events {
		instance, byID := w.topic.ids[e.ID]
		switch {
		case e.Kind == history.Made:
			present = e.Instance
		case e.Kind != history.Commit:
		case byID && instance < present:
			continue
		case byID:
			e.Instance = instance
		default:
			e.Instance = present
		}
		kept = append(kept, e)
	}
	return kept
}

//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// tries is how often a record is delivered until workers reject it.
	tries = 5
	// poisonTime is for how long workers fail at all records.
	poisonTime = 5 * time.Second
	// failing is the prefix of their clientIds.
	failing = "fail-"
)

// tryPoison has healthy workers fail at each record, and reject it in the end: none of its deliveries may be spent on nobody, since Kafka gives up a
// record after a few.
func (w *world) tryPoison() {
	var workers sync.WaitGroup
	defer workers.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.calmWorkersLike(ctx, &workers, failing, workload.Worker{Window: 1, Tries: tries})
	workload.Pause(ctx, joinTime)
	from := time.Now()
	workload.Pause(ctx, poisonTime)
	if spent := w.spent(from); len(spent) > 0 {
		w.failed(checker.Spent, "%d records, of which %v", len(spent), spent[:min(len(spent), shown)])
	}
}

// spent returns the records of which failing workers have had deliveries since a time, and not those in between.
func (w *world) spent(from time.Time) (all []string) {
	queues, counts := make(map[int]string), make(map[string][]int)
	events := w.recorder.Events()
	for i := range events {
		e := &events[i]
		switch {
		case e.Kind == history.QueueOpen && strings.HasPrefix(e.ID, failing):
			queues[e.Conn] = e.Group
		case e.Kind == history.QueueRecord && queues[e.Conn] != "" && e.At.After(from):
			record := fmt.Sprintf("%s %d/%d", queues[e.Conn], e.Partition, e.Offset)
			counts[record] = append(counts[record], e.Count)
		}
	}
	for record, seen := range counts {
		slices.Sort(seen)
		if last := len(seen) - 1; seen[last]-seen[0] != last {
			all = append(all, fmt.Sprintf("%s, delivered for the %v. time", record, seen))
		}
	}
	slices.Sort(all)
	return all
}

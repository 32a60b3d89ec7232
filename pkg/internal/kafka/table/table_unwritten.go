package table

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// unwrittenPause is the least time between two questions why records are not acknowledged.
const unwrittenPause = time.Second

// writeTrouble is what was told of a writer whose records are not acknowledged.
type writeTrouble struct {
	mu    sync.Mutex // guards what follows
	told  string     // the last reason; empty while records are acknowledged
	asked time.Time
}

// begin reports whether it is time to ask for the reason.
func (w *writeTrouble) begin(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.asked) < unwrittenPause {
		return false
	}
	w.asked = now
	return true
}

// tell notes a reason, and reports whether it is another one than before.
func (w *writeTrouble) tell(why string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.told
	w.told = why
	return why != before
}

// end notes that records are acknowledged, and reports whether the contrary was told.
func (w *writeTrouble) end() bool { return w.tell("") }

// tellUnwritten logs why records are not acknowledged, when it is noticed and when the reason changes: the followers of
// a leader count as in sync for replica.lag.time.max.ms after they were lost.
func (t *Table) tellUnwritten(w *tableWriter, failure error) {
	if !w.trouble.begin(time.Now()) {
		return
	}
	ctx, cancel := context.WithTimeout(t.life, tableRequestTimeout)
	defer cancel()
	why := t.unwritten(ctx)
	if t.life.Err() == nil && w.trouble.tell(why) {
		t.log.Warn("Kafka does not acknowledge what is written to the topic; it is retried", "err", failure, "why", why)
	}
}

// unwritten asks Kafka why records are not acknowledged.
func (t *Table) unwritten(ctx context.Context) string {
	place, _, err := t.lookUp(ctx)
	if err != nil {
		return t.explain(err).Error()
	}
	need := int64(0)
	if len(place.inSync) < len(place.replicas) {
		configs, _ := t.describe(ctx) // what Kafka does not tell is left out
		need = cluster.Number(configs[minInSync], 0)
	}
	return place.unwritten(need)
}

// unwritten returns why records are not acknowledged, as far as that follows from the topic's place and from how many
// replicas must be in sync (0 if unknown), and what helps.
func (p *tablePlace) unwritten(need int64) string {
	behind := p.behind()
	if behind == "" {
		return fmt.Sprintf("broker %d, which leads the topic, or its followers do not answer in time; all %d replicas count as in sync", p.leader, len(p.replicas))
	}
	is := fmt.Sprintf("%d of %d replicas of the topic are in sync; broker %d leads it, and behind are brokers %s", len(p.inSync), len(p.replicas), p.leader, behind)
	if int64(len(p.inSync)) >= need {
		return is
	}
	return fmt.Sprintf("%s, where %s=%d: Kafka refuses all records until enough are in sync; start the brokers that are behind, and see that they reach broker %d", is, minInSync, need, p.leader)
}

// behind returns the ids of the replicas that are not in sync.
func (p *tablePlace) behind() string {
	var ids []string
	for _, id := range p.replicas {
		if !slices.Contains(p.inSync, id) {
			ids = append(ids, fmt.Sprint(id))
		}
	}
	return strings.Join(ids, ", ")
}

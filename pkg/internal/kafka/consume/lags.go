package consume

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// lagInterval is the interval of the lookups of end offsets. Fetches return end offsets too, but not
	// while a client takes no records, which is when a group falls behind.
	lagInterval = 15 * time.Second
	// lagDelay is a pause that collects partitions that are assigned at about the same time.
	lagDelay = 500 * time.Millisecond
	// lagTimeout bounds one lookup.
	lagTimeout = 5 * time.Second
	// lagsAtOnce bounds for how many identities lookups run concurrently.
	lagsAtOnce = 16
)

// lags knows the groups' lags in the partitions that members in this process hold. It follows committed
// offsets with each commit; it looks up end offsets at an interval, once for all members that use Kafka
// with the same credentials, and only while there are any.
type lags struct {
	fresh chan struct{} // there are partitions of which no offsets are known
	stop  context.CancelFunc
	done  chan struct{}

	mu   sync.Mutex // guards what follows
	held map[*holding]struct{}
}

func newLags(c *cluster.Cluster) *lags {
	ctx, stop := context.WithCancel(context.Background())
	l := &lags{
		fresh: make(chan struct{}, 1), stop: stop, done: make(chan struct{}),
		held: make(map[*holding]struct{}),
	}
	c.Metrics.GroupLag(l.each)
	go l.follow(ctx)
	return l
}

func (l *lags) close() {
	l.stop()
	<-l.done
}

// begin returns a member's holding, without partitions. end removes it.
func (l *lags) begin(c *Consumer) *holding {
	h := &holding{lags: l, consumer: c, partitions: make(map[int32]*place)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[h] = struct{}{}
	return h
}

func (l *lags) end(h *holding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, h)
}

func (l *lags) all() []*holding {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.held))
}

// each calls tell with the lag of each partition that is held.
func (l *lags) each(tell func(metrics.Lag)) {
	for _, h := range l.all() {
		h.each(tell)
	}
}

// wake requests a lookup before the next one is due.
func (l *lags) wake() {
	select {
	case l.fresh <- struct{}{}:
	default:
	}
}

func (l *lags) follow(ctx context.Context) {
	defer close(l.done)
	ticker := time.NewTicker(lagInterval)
	defer ticker.Stop()
	for {
		known := true
		select {
		case <-ticker.C:
		case <-l.fresh:
			known = false
			cluster.Pause(ctx, lagDelay)
		case <-ctx.Done():
			return
		}
		l.ask(ctx, known)
	}
}

// ask runs all lookups, some concurrently: a broker that does not answer one does not delay the others.
func (l *lags) ask(ctx context.Context, known bool) {
	var asking sync.WaitGroup
	places := make(chan struct{}, lagsAtOnce)
	for _, q := range l.questions(known) {
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			q.ask(ctx)
		})
	}
	asking.Wait()
}

// asker is the identity that looks up end offsets, and their kind. It contains secrets: do not print it.
type asker struct {
	credentials   proxy.KafkaCredentials
	readCommitted bool
}

// question is one lookup for several members.
type question struct {
	admin         *kadm.Client
	readCommitted bool
	holdings      []*holding
	topics        map[string]bool // and whether their start offsets are looked up, too
}

// questions returns the lookups to run: for all held partitions, or only where offsets are unknown.
func (l *lags) questions(known bool) map[asker]*question {
	questions := make(map[asker]*question)
	for _, h := range l.all() {
		ends, starts := h.lacks()
		if h.isEmpty() || !known && !ends && !starts {
			continue
		}
		o := &h.consumer.options
		who := asker{o.Topic.Credentials(), o.ReadCommitted}
		q := questions[who]
		if q == nil {
			client, err := o.Topic.Lookups()
			if err != nil {
				continue // it is being closed
			}
			q = &question{kadm.NewClient(client), o.ReadCommitted, nil, make(map[string]bool)}
			questions[who] = q
		}
		q.holdings = append(q.holdings, h)
		q.topics[o.Topic.Name] = q.topics[o.Topic.Name] || starts
	}
	return questions
}

// ask runs the lookup. Offsets that Kafka does not return keep their last values.
func (q *question) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	list := q.admin.ListEndOffsets
	if q.readCommitted {
		list = q.admin.ListCommittedOffsets
	}
	var begun []string
	for topic, starts := range q.topics {
		if starts {
			begun = append(begun, topic)
		}
	}
	var starts kadm.ListedOffsets
	ends, err := list(ctx, slices.Collect(maps.Keys(q.topics))...)
	if err == nil && len(begun) > 0 {
		starts, err = q.admin.ListStartOffsets(ctx, begun...)
	}
	if err != nil {
		q.holdings[0].consumer.log.Debug("the end offsets of the topics that groups read are not known", "err", err)
	}
	for _, h := range q.holdings {
		h.learn(ends, starts)
	}
}

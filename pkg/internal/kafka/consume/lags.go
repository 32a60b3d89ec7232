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
	// lagInterval is how often the ends of what is held are looked up. The fetches tell them too,
	// but not while a client takes nothing, which is when a group falls behind.
	lagInterval = 15 * time.Second
	// lagDelay collects partitions that are assigned at about the same time.
	lagDelay = 500 * time.Millisecond
	// lagTimeout bounds one look.
	lagTimeout = 5 * time.Second
	// lagsAtOnce bounds how many identities are asked for at a time.
	lagsAtOnce = 16
)

// lags knows how far the groups are behind in the partitions that members in this process hold.
// Positions are followed as they are committed; the ends are looked up at an interval, once for all
// members that use Kafka with the same credentials, and only where there are any.
type lags struct {
	fresh chan struct{} // there are partitions that nothing is known of
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

// begin returns a member's holding, without partitions. end forgets it.
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

// each tells the lag of each partition that is held.
func (l *lags) each(tell func(metrics.Lag)) {
	for _, h := range l.all() {
		h.each(tell)
	}
}

// wake asks for a look before the next is due.
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

// ask asks all questions, some at a time: a broker that is silent to one does not hold up the others.
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

// asker is who asks for which kind of ends. It holds secrets: it is not to be printed.
type asker struct {
	credentials   proxy.KafkaCredentials
	readCommitted bool
}

// question is one look for several members.
type question struct {
	admin         *kadm.Client
	calls         *cluster.Calls // of admin
	readCommitted bool
	holdings      []*holding
	topics        map[string]bool // and whether their starts are asked for, too
}

// questions returns what to ask Kafka: for everything that is held, or for what nothing is known of.
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
			client, calls, err := o.Topic.Lookups()
			if err != nil {
				continue // it is being closed
			}
			q = &question{kadm.NewClient(client), calls, o.ReadCommitted, nil, make(map[string]bool)}
			questions[who] = q
		}
		q.holdings = append(q.holdings, h)
		q.topics[o.Topic.Name] = q.topics[o.Topic.Name] || starts
	}
	return questions
}

// ask asks Kafka. What it does not tell stays as it was known last.
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
	type offsets struct{ ends, starts kadm.ListedOffsets }
	told, err := cluster.Within(ctx, q.calls, func(ctx context.Context) (told offsets, err error) {
		told.ends, err = list(ctx, slices.Collect(maps.Keys(q.topics))...)
		if err == nil && len(begun) > 0 {
			told.starts, err = q.admin.ListStartOffsets(ctx, begun...)
		}
		return told, err
	})
	if err != nil {
		q.holdings[0].consumer.log.Debug("the ends of the topics that groups read are not known", "err", err)
	}
	for _, h := range q.holdings {
		h.learn(told.ends, told.starts)
	}
}

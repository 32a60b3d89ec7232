package share

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// lagInterval is the interval of the lookups.
	lagInterval = 15 * time.Second
	// lagDelay is a pause that collects workers that are opened at about the same time. It is also the first of the pauses,
	// each twice as long as the one before, between the lookups of a lag that is not known in some partition.
	lagDelay = 500 * time.Millisecond
	// lagAge is how old a lag may be that is told: the greatest of all replicas' counts, so that one that has lost sight of
	// Kafka must not go on telling what it has seen last.
	lagAge = 4 * lagInterval
	// lagTimeout bounds one lookup.
	lagTimeout = 5 * time.Second
	// lagsAtOnce bounds for how many identities lookups run concurrently.
	lagsAtOnce = 16
)

// lags knows the lags of the groups that have workers in this process, each in the whole of a topic: members share partitions, so that
// none of them has a part of its own to count. What must hold: every replica with workers tells the lag of the whole topic, or
// nothing, so that the greatest is right however many tell it.
type lags struct {
	groups *Groups
	fresh  chan struct{} // a worker was opened for a topic of which no lag may be known
	stop   context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex // guards what follows; it is held for no call
	found map[groupTopic]finding
}

// groupTopic is a group's part in a topic.
type groupTopic struct {
	group proxy.GroupID
	topic string
}

// finding is a lag that was looked up.
type finding struct {
	records int64
	whole   bool // it is known in all partitions
	at      time.Time
}

// asked is what a lookup needs.
type asked struct {
	client     *kgo.Client // of an identity that may read
	partitions int32
	earliest   bool // the group begins with the first record of a partition
}

func newLags(g *Groups) *lags {
	ctx, stop := context.WithCancel(context.Background())
	l := &lags{groups: g, fresh: make(chan struct{}, 1), stop: stop, done: make(chan struct{}), found: make(map[groupTopic]finding)}
	g.cluster.Metrics.QueueLag(l.each)
	go l.follow(ctx)
	return l
}

func (l *lags) close() {
	l.stop()
	<-l.done
}

// each calls tell with the lag of each group in each topic that workers of this process want records of.
func (l *lags) each(tell func(metrics.Lag)) {
	oldest := time.Now().Add(-lagAge)
	for of := range l.groups.asked() {
		if f, known := l.finding(of); known && f.at.After(oldest) {
			tell(metrics.Lag{Group: of.group, Topic: of.topic, Records: f.records})
		}
	}
}

func (l *lags) finding(of groupTopic) (f finding, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, known = l.found[of]
	return f, known
}

func (l *lags) follow(ctx context.Context) {
	defer close(l.done)
	ticker := time.NewTicker(lagInterval)
	defer ticker.Stop()
	pause := lagDelay
	var again <-chan time.Time
	for {
		all := false
		select {
		case <-ticker.C:
			all = true
		case <-l.fresh:
			pause = lagDelay
			cluster.Pause(ctx, pause)
		case <-again:
		case <-ctx.Done():
			return
		}
		again = nil
		if l.ask(ctx, all) {
			pause = min(2*pause, lagInterval)
			again = time.After(pause)
		}
	}
}

// ask looks up all lags, or those that are not known in all partitions. Lookups of several identities run concurrently: a broker that does
// not answer one does not delay the others. It reports whether there is a lag that is still not known in all partitions.
func (l *lags) ask(ctx context.Context, all bool) (lacking bool) {
	wanted := l.groups.asked()
	l.forget(wanted)
	questions := make(map[*kgo.Client]question)
	for of, a := range wanted {
		if all || l.lacks(of) {
			if questions[a.client] == nil {
				questions[a.client] = make(question)
			}
			questions[a.client][of] = a
		}
	}
	l.askEach(ctx, questions)
	return slices.ContainsFunc(slices.Collect(maps.Keys(wanted)), l.lacks)
}

func (l *lags) askEach(ctx context.Context, questions map[*kgo.Client]question) {
	var asking sync.WaitGroup
	places := make(chan struct{}, lagsAtOnce)
	for client, q := range questions {
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			found, err := q.ask(ctx, client)
			if err != nil {
				l.groups.cluster.Log.Debug("the lags of queues are not known", "err", err)
			}
			l.learn(found)
		})
	}
	asking.Wait()
}

// lacks reports whether a lag is not known in all partitions.
func (l *lags) lacks(of groupTopic) bool {
	f, _ := l.finding(of)
	return !f.whole
}

func (l *lags) learn(found map[groupTopic]finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.Copy(l.found, found)
}

// forget drops the lags that are no longer wanted.
func (l *lags) forget(wanted map[groupTopic]asked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.found, func(of groupTopic, _ finding) bool {
		_, is := wanted[of]
		return !is
	})
}

// asked returns which groups have workers here, and in which topics. Those that are being closed are left out.
func (g *Groups) asked() map[groupTopic]asked {
	g.mu.Lock()
	members := slices.Collect(maps.Values(g.members))
	g.mu.Unlock()
	all := make(map[groupTopic]asked)
	for _, m := range members {
		begins := m.begins.Load()
		earliest := begins != nil && *begins == string(BeginEarliest)
		m.mu.Lock()
		for _, h := range m.workers {
			of := groupTopic{m.key.group, h.topic.Name}
			if _, is := all[of]; is {
				continue
			}
			if client, err := h.topic.Lookups(); err == nil {
				all[of] = asked{client, h.topic.Partitions(), earliest}
			}
		}
		m.mu.Unlock()
	}
	return all
}

package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// mostTailTopics is how many topics a tail may have at a time.
	mostTailTopics = 16
	// mostKeysInURL is how many keys a tail may name when it is opened, and mostKeys how many it may have.
	mostKeysInURL, mostKeys = 1000, 10_000
	// cursorEvery is how often a cursor is sent where the client does not say.
	cursorEvery = time.Second
)

// socketTail serves /socket/tail: live reading.
func (s *Server) socketTail(w http.ResponseWriter, r *http.Request) {
	s.handshake(w, r, metrics.Tail, s.parseTail)
}

// parseTail reads the parameters of /socket/tail.
func (s *Server) parseTail(q *query, who *proxy.Identity) flow {
	client := q.identifier("clientId", q.text("clientId"))
	t := &tailing{server: s, who: who, client: proxy.ClientID(client), topics: make(map[string]*tailed)}
	t.asked = q.topics()
	t.frames = s.parseFrames(q)
	t.readCommitted = q.choice("isolationLevel", "read_uncommitted", "read_committed") == "read_committed"
	t.from = q.from(t.asked)
	t.selection = q.selection(t.from)
	t.slow = q.slow()
	var credit *socket.Credit
	if n, given := q.count("credit"); given {
		credit = socket.NewCredit(n)
	}
	cursors := q.milliseconds("cursors", cursorEvery)
	batch := q.boolean("batch", false)
	payload, _ := t.frames.codec()
	if t.frames.avro && batch {
		q.fault("batch", "is not available with socketPayload=avro.")
	}
	if t.snapshot = q.boolean("snapshot", false); t.snapshot && !t.from.allowsSnapshot() {
		q.fault("snapshot", "goes with from=latest or from=cursor:TOKEN alone.")
	}
	t.untilEnd = q.option("until", "end") == "end"
	if t.every = q.milliseconds("every", 0); t.every > 0 {
		t.slow, t.from.after = feed.SlowLatest, nil // an older record of another key may wait for the end of its interval
	}
	asked := clientcfg.Limits{MessagesPerSecond: q.positive("rate")}
	topic := strings.Join(t.asked, ",")
	return flow{
		direction: metrics.Tail, payload: payload, topic: t.asked[0], client: proxy.ClientID(client), tailing: t,
		log: []any{"clientId", client, "topic", topic},
		serve: func(c *socket.Conn, _ *admission) {
			pace, stop := s.follow(clientcfg.Consumer, client, asked)
			defer stop()
			t.serve(c, socket.TailOptions{
				Binary: t.frames.avro, Batch: batch, Longest: t.frames.settings.MaxMessageBytes,
				Rate: pace.rate, Credit: credit, Cursors: cursors,
			})
		},
	}
}

// topics returns the topics that a tail asks for, at least one.
func (q *query) topics() []string {
	names := strings.Split(q.required("topic"), ",")
	if len(names) > mostTailTopics {
		q.fault("topic", "names more than "+strconv.Itoa(mostTailTopics)+" topics.")
	}
	for i, name := range names {
		if q.topicName(name); name == "" && len(names) > 1 || slices.Contains(names[:i], name) {
			q.fault("topic", "names a topic twice, or one without a name.")
		}
	}
	return names
}

// milliseconds returns a duration of at least 0.
func (q *query) milliseconds(name string, otherwise time.Duration) time.Duration {
	if q.text(name) == "" {
		return otherwise
	}
	return time.Duration(q.atLeast(name, 0)) * time.Millisecond
}

// slow reads what becomes of a tail that cannot keep up.
func (q *query) slow() feed.Slow {
	switch q.choice("slow", "wait", "skip", "latest", "close") {
	case "skip":
		return feed.SlowSkip
	case "close":
		return feed.SlowClose
	case "latest":
		return feed.SlowLatest
	}
	return feed.SlowWait
}

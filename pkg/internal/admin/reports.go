package admin

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
)

// Peers are the other replicas.
type Peers interface {
	// Ask asks those that a question concerns, and tells who has not answered within seconds.
	Ask(ctx context.Context, q session.Question) session.Reports
}

// Connection is the connection of a session. A session.Holder may be one.
type Connection interface {
	// Records returns how many records the client was sent, or has written.
	Records() int64
}

// Member is the connection of a member of a consumer group. A session.Holder may be one.
type Member interface {
	// Lag returns the group's lag in the partitions that the member holds, if it is known.
	Lag() (records int64, known bool)
}

// Worker is the connection of a worker of a queue. A session.Holder may be one.
type Worker interface {
	// Held returns how many records the worker holds now.
	Held() int
}

// figures are what the replica of a connection alone knows of it. What does not apply to it, or is not known, is nil.
type figures struct {
	Records *int64 `json:"records,omitempty"`
	Lag     *int64 `json:"lag,omitempty"`
	Held    *int   `json:"held,omitempty"`
}

func figuresOf(holder session.Holder) (f figures) {
	if has, is := holder.(Connection); is {
		f.Records = new(has.Records())
	}
	if m, is := holder.(Member); is {
		if lag, known := m.Lag(); known {
			f.Lag = &lag
		}
	}
	if w, is := holder.(Worker); is {
		f.Held = new(w.Held())
	}
	return f
}

// report is what a replica tells another one.
type report struct {
	Sessions map[string]figures `json:"sessions,omitempty"` // by their ids
	Tails    map[string]int     `json:"tails,omitempty"`    // connections that read live, by topic
	Closes   []Close            `json:"closes,omitempty"`
}

// Reporter answers the questions of other replicas. It is a session.Reporter's owner.
type Reporter struct {
	Closes *Closes
	Tails  func() map[string]int // as Sessions.Tails
}

// Report answers a question. It leaves out what would make the answer longer than session.MostReported: the oldest closes first.
func (r *Reporter) Report(q session.Question, held map[string]session.Holder) []byte {
	var answer report
	answer.Sessions = make(map[string]figures, len(held))
	for id, holder := range held {
		answer.Sessions[id] = figuresOf(holder)
	}
	if q.Tails != nil {
		answer.Tails = someTails(r.Tails(), q.Tails.Topic)
	}
	text, err := json.Marshal(answer)
	if err != nil || q.Closes == nil {
		return text
	}
	room := session.MostReported - len(text) - len(`,"closes":[]`)
	of := q.Closes
	for _, c := range r.Closes.All(ListedCloses{Client: of.Client, Group: of.Group, Topic: of.Topic, Limit: of.Limit}) {
		c.Meaning = "" // who asks knows it
		one, err := json.Marshal(c)
		if room -= len(one) + len(","); err != nil || room < 0 {
			break
		}
		answer.Closes = append(answer.Closes, c)
	}
	text, _ = json.Marshal(answer)
	return text
}

// mostTails is about how many bytes of JSON a report has for live readers. Figures of session.MostAsked sessions take half of it at most.
const mostTails = session.MostReported / 3

// someTails returns the counts of a topic, or of the first topics.
func someTails(counts map[string]int, topic string) map[string]int {
	if topic != "" {
		maps.DeleteFunc(counts, func(name string, _ int) bool { return name != topic })
		return counts
	}
	some, room := make(map[string]int), mostTails
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if room -= len(name) + len(`"":1000000,`); room < 0 {
			break
		}
		some[name] = counts[name]
	}
	return some
}

// told is the report of a replica.
type told struct {
	report

	replica string
}

// ask asks the other replicas. Those whose report cannot be read are silent, too.
func ask(ctx context.Context, peers Peers, q session.Question) (reports []told, silent []string) {
	answered := peers.Ask(ctx, q)
	silent = slices.Clone(answered.Silent)
	for _, one := range answered.All {
		r := told{replica: one.Replica}
		if json.Unmarshal(one.Body, &r.report) != nil {
			silent = append(silent, one.Replica)
			continue
		}
		reports = append(reports, r)
	}
	slices.Sort(silent)
	return reports, slices.Compact(silent)
}

package session

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// MostAsked is how many sessions a question may name, how many closes it may ask for, and how many replicas it asks at most.
const MostAsked = 200

// MostReported is how many bytes of JSON a report may have. What is longer is not written.
const MostReported = 48 << 10

// maxQuestion and maxReport bound the values in the log, in bytes: another program may have written them.
const (
	maxQuestion = 256 << 10
	maxReport   = MostReported + 4<<10
)

// Question is what a replica wants to know of connections to others. A question that names no sessions, and asks for nothing else, is
// answered by nobody.
type Question struct {
	Sessions []string     `json:"sessions,omitzero"` // ids, of which it wants figures: those of the replicas that have them
	Closes   *EndsOfWhom  `json:"closes,omitzero"`   // it wants the last closes, of all replicas
	Tails    *TailsOfWhat `json:"tails,omitzero"`    // it wants to know how many connections read live, of all replicas
}

// EndsOfWhom selects closes of connections. An empty member selects all.
type EndsOfWhom struct {
	Client proxy.ClientID `json:"client,omitzero"`
	Group  proxy.GroupID  `json:"group,omitzero"`
	Topic  string         `json:"topic,omitzero"`
	Limit  int            `json:"limit"` // at most so many of each replica
}

// TailsOfWhat selects connections that read live.
type TailsOfWhat struct {
	Topic string `json:"topic,omitzero"` // empty for all
}

// Report is what another replica has answered.
type Report struct {
	Replica string // its name
	Body    []byte // JSON, as its Reporter has made it; not to be changed
}

// Reports are the answers to a question.
type Reports struct {
	All    []Report
	Silent []string // the names of the replicas that have not answered in time, sorted, each once
}

// Reporter answers a question of another replica in JSON, at most MostReported bytes. held are the connections of those sessions in it
// that this replica has, by their ids. It must return quickly.
type Reporter func(q Question, held map[string]Holder) []byte

// question is the value of a question's key: it is for who reads it live, and not for who reads it in a replay.
type question struct {
	By     string   `json:"by"`     // the run that asks
	Number int64    `json:"number"` // which its questions do not share
	To     []string `json:"to"`     // the runs that are to answer

	Question
}

// report is the value of a report's key.
type report struct {
	By     string         `json:"by"`     // the run that answers
	To     string         `json:"to"`     // the run that has asked
	Number int64          `json:"number"` // of the question
	Body   jsontext.Value `json:"body"`
}

func (q *question) valid(key string) bool {
	if !isRun(q.By) || key != questionKey+q.By || len(q.To) > MostAsked || len(q.Sessions) > MostAsked {
		return false
	}
	for _, text := range append(slices.Clip(q.Sessions), q.To...) {
		if len(text) > maxText || !utf8.ValidString(text) {
			return false
		}
	}
	return q.Closes == nil || q.Closes.Limit > 0 && q.Closes.Limit <= MostAsked
}

func (p *report) key() string { return reportKey + p.By + "/" + p.To }

func (p *report) valid(key string) bool { return isRun(p.By) && isRun(p.To) && key == p.key() }

// parseReporting reads the value of the key of a question or a report.
func parseReporting(key string, value []byte) (any, error) {
	switch {
	case strings.HasPrefix(key, questionKey) && len(value) <= maxQuestion:
		q := new(question)
		return q, decode(value, q, func() bool { return q.valid(key) })
	case strings.HasPrefix(key, reportKey) && len(value) <= maxReport:
		p := new(report)
		return p, decode(value, p, func() bool { return p.valid(key) })
	default:
		return nil, errNotARecord
	}
}

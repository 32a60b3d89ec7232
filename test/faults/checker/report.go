package checker

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Rule names a rule that can be violated.
type Rule string

// The rules.
const (
	Missing          Rule = "answered but missing"
	AnsweredTwice    Rule = "answered twice"
	Mismatch         Rule = "answer of another message"
	Unasked          Rule = "answer without a message"
	RefusedWritten   Rule = "refused but written"
	WrittenTwice     Rule = "written twice"
	Torn             Rule = "written in part"
	Reordered        Rule = "reordered within a partition"
	WrongBytes       Rule = "wrong bytes"
	Invented         Rule = "record that nobody sent"
	Skipped          Rule = "skipped"
	Undelivered      Rule = "not delivered in the end"
	CommittedUnread  Rule = "committed but not received"
	CommittedUnasked Rule = "committed but not asked for"
	Rewound          Rule = "position went back"
	Overrun          Rule = "more taken than the window allows"
	Beyond           Rule = "position beyond the log"
	Mixed            Rule = "two instances of the topic on one connection"
	WronglyGone      Rule = "refused though the topic is there"
	Outlived         Rule = "connection outlives its topic"
	HotLoop          Rule = "requests without a pause"
	Silent           Rule = "error that stays kept from a client"
	// Of tails.
	Untold     Rule = "not given to a tail, and not told"
	GivenTwice Rule = "given twice to a tail"
	Unwanted   Rule = "given to a tail that did not ask for it"
	Groundless Rule = "gap without a reason"
	LostPlace  Rule = "place of a cursor lost without a reason"
	Unfolded   Rule = "snapshot is not the newest records"
	// Of queues.
	SettledTwice Rule = "settled twice"
	CameAgain    Rule = "given to a worker after it was settled"
	SameDelivery Rule = "one delivery given to two workers"
	BeyondLimit  Rule = "delivered more often than Kafka's limit"
	HeldTwice    Rule = "given to a worker that holds it"
	Overfull     Rule = "more held than the window"
	Unheld       Rule = "settled what the worker does not hold"
	Late         Rule = "settled though its lock had ended"
	Disowned     Rule = "held, and called unknown"
	Unanswered   Rule = "acknowledgement without an outcome"
	NotTold      Rule = "settled, and Kafka was not told"
	OwnAccord    Rule = "told Kafka what no worker has said"
	Lost         Rule = "settled by nobody"
	// The suites themselves check the following, since these need a client that waits.
	Unsettled   Rule = "not settled in the end"
	Spent       Rule = "delivery that no worker was given"
	Kept        Rule = "kept from the others after its worker had left"
	Unserved    Rule = "healthy client not served"
	Uncommitted Rule = "not read and committed in the end"
	Unnamed     Rule = "error that stays not in the log"
	Thrashing   Rule = "Kafka clients made again and again"
)

// Violation is one violation of a rule.
type Violation struct {
	Rule Rule
	At   time.Time // zero if it is found in the log alone
	Conn int       // 0 if it belongs to no connection
	Text string
}

// String implements fmt.Stringer.
func (v Violation) String() string {
	text := string(v.Rule) + ": " + v.Text
	if v.Conn != 0 {
		text += fmt.Sprintf(" (connection %d)", v.Conn)
	}
	if !v.At.IsZero() {
		text += " at " + v.At.Format("15:04:05.000")
	}
	return text
}

// Report is the result of a check.
type Report struct {
	Sent       int // messages
	Answered   int // messages that Kafka acknowledged
	Refused    int // definite errors
	Aborted    int // messages of aborted transactions
	Unknown    int // retriable errors
	Delivered  int // records read by clients, the first time in a group
	Duplicates int // records read again in a group
	Tailed     int // records that tails were given
	Gaps       int // that tails were told
	Handed     int // records that workers were given, each time counted
	Settled    int // records that were accepted or rejected, as workers were told
	Violations []Violation
}

// add adds the report of another check.
func (r *Report) add(other Report) {
	r.Sent += other.Sent
	r.Answered += other.Answered
	r.Refused += other.Refused
	r.Aborted += other.Aborted
	r.Unknown += other.Unknown
	r.Delivered += other.Delivered
	r.Duplicates += other.Duplicates
	r.Tailed += other.Tailed
	r.Gaps += other.Gaps
	r.Handed += other.Handed
	r.Settled += other.Settled
	r.Violations = append(r.Violations, other.Violations...)
}

// Count returns how often a rule was violated.
func (r *Report) Count(rule Rule) int {
	n := 0
	for i := range r.Violations {
		if r.Violations[i].Rule == rule {
			n++
		}
	}
	return n
}

// Lines returns the violations as text, with the number of violations of each rule that has more than
// most.
func (r *Report) Lines(most int) []string {
	var lines []string
	times := make(map[Rule]int)
	for _, v := range r.Violations {
		if times[v.Rule]++; times[v.Rule] <= most {
			lines = append(lines, v.String())
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(times)) {
		if times[rule] > most {
			lines = append(lines, fmt.Sprintf("%s: %d times", rule, times[rule]))
		}
	}
	return lines
}

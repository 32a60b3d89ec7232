package goclients

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

const records = 6

func at(offset int64) Place { return Place{0, offset} }

func event(offset int64) client.Event {
	return client.Event{Record: &client.Record{Offset: offset, Value: fmt.Append(nil, offset)}}
}

// healthy is a ledger of which all holds, of one partition: record 2 lies in a gap of the tail, message 4 was sent twice and is there
// twice, as record 4 and 5, and nobody knows whether record 5 is accepted. Message 6 has failed.
func healthy() (*Ledger, []Record) {
	l := NewLedger()
	var log []Record
	for i := range int64(records) {
		r := Record{at(i), fmt.Sprint(min(i, 4))}
		log = append(log, r)
		l.group = append(l.group, r)
		l.handed(r, 1)
		switch i {
		case 0:
			l.accepted(r.Place, 1, &client.Error{Code: "LOCK_EXPIRED"})
			l.handed(r, 2)
			l.accepted(r.Place, 2, nil)
			l.handed(r, 1) // was on its way
		case records - 1:
			l.accepted(r.Place, 1, client.ErrNotHeld)
		default:
			l.accepted(r.Place, 1, nil)
		}
		if i == 2 {
			l.tail = append(l.tail, client.Event{Gap: &client.Gap{From: 2, To: 3}})
			continue
		}
		e := event(i)
		e.Record.Value = []byte(r.Value)
		l.tail = append(l.tail, e)
	}
	for i := range int64(5) {
		l.sent(fmt.Sprint(i))
		l.answered(fmt.Sprint(i), client.Ack{Offset: i, Sends: 1 + int(i/4)}, nil)
	}
	l.sent("6")
	l.answered("6", client.Ack{Sends: 1}, errors.New("no"))
	return l, log
}

func TestWhatHoldsIsNoViolation(t *testing.T) {
	l, log := healthy()
	for _, v := range l.Check(log) {
		t.Error(v)
	}
	if s := l.Summary(log); !strings.HasPrefix(s, "6 messages, 5 acknowledged, 1 sent again; 6 records in Kafka, 1 of them doubles;") {
		t.Error(s)
	}
}

// TestWhatDoesNotHoldIsFound changes one thing of what is well.
func TestWhatDoesNotHoldIsFound(t *testing.T) {
	for name, test := range map[string]struct {
		plant func(l *Ledger, log []Record) []Record
		want  string
	}{
		"an acknowledged message is lost": {func(_ *Ledger, log []Record) []Record { return log[:4] }, `"4" is lost: its ack says {0 4}`},
		"it is elsewhere": {func(_ *Ledger, log []Record) []Record {
			log[0].Value, log[1].Value = log[1].Value, log[0].Value
			return log
		}, `"1" is lost: its ack says {0 1}`},
		"a message is there twice": {func(l *Ledger, log []Record) []Record {
			l.sends["4"].ack.Sends = 1
			return log
		}, `"4" is there 2 times, and the client says that it was sent 1 times`},
		"one that was never sent is there": {func(l *Ledger, log []Record) []Record {
			l.sends["3"].ack, l.sends["3"].err = client.Ack{}, client.ErrClosed
			return log
		}, `"3" is there 1 times, and the client says that it was sent 0 times`},
		"a message has no answer":   {func(l *Ledger, log []Record) []Record { l.sent("x"); return log }, `"x" has 0 answers`},
		"a message has two answers": {func(l *Ledger, log []Record) []Record { l.answered("6", client.Ack{}, nil); return log }, `"6" has 2 answers`},
		"a record is from nobody": {func(_ *Ledger, log []Record) []Record {
			return append(log, Record{at(records), "x"})
		}, `{0 6}: nobody has sent "x"`},
		"the group was not given one":  {func(l *Ledger, log []Record) []Record { l.group = l.group[1:]; return log }, "{0 0} was not given to the group"},
		"the group was given another":  {func(l *Ledger, log []Record) []Record { l.group[0].Value = "x"; return log }, `the group was given "x" at {0 0}`},
		"the tail was not given one":   {func(l *Ledger, log []Record) []Record { l.tail = l.tail[1:]; return log }, "{0 0} was not given to the tail"},
		"the tail was not told a gap":  {func(l *Ledger, log []Record) []Record { l.tail[2].Gap.To = 2; return log }, "{0 2} was not given to the tail"},
		"the tail's gap begins late":   {func(l *Ledger, log []Record) []Record { l.tail[2].Gap.From = 3; return log }, "{0 2} was not given to the tail"},
		"the tail was given one twice": {func(l *Ledger, log []Record) []Record { l.tail = append(l.tail, event(3)); return log }, "the tail was given {0 3}, and had come to 6"},
		"the tail is out of order": {func(l *Ledger, log []Record) []Record {
			l.tail[0], l.tail[1] = l.tail[1], l.tail[0]
			return log
		}, "the tail was given {0 0}, and had come to 2"},
		"a record was accepted twice":    {func(l *Ledger, log []Record) []Record { l.accepted(at(1), 2, nil); return log }, "{0 1} was accepted twice"},
		"an accepted one is handed out":  {func(l *Ledger, log []Record) []Record { l.handed(log[1], 2); return log }, "{0 1} was accepted, and is handed out again"},
		"a record was never accepted":    {func(l *Ledger, log []Record) []Record { l.tasks[at(1)].accepted = 0; return log }, "{0 1} was accepted by no worker"},
		"a refusal is not an acceptance": {func(l *Ledger, log []Record) []Record { refuse(l, "UNKNOWN_MESSAGE_ID"); return log }, "{0 1} was accepted by no worker"},
		"no worker had it":               {func(l *Ledger, log []Record) []Record { delete(l.tasks, at(1)); return log }, "{0 1} was accepted by no worker"},
	} {
		t.Run(name, func(t *testing.T) {
			l, log := healthy()
			if got := strings.Join(l.Check(test.plant(l, log)), "\n"); !strings.Contains(got, test.want) {
				t.Errorf("got:\n%s\nwant: %s", got, test.want)
			}
		})
	}
}

// refuse has the acceptance of record 1 refused.
func refuse(l *Ledger, code string) {
	l.tasks[at(1)].accepted = 0
	l.accepted(at(1), 1, &client.Error{Code: code})
}

// TestARecordNeedNotBeAcceptedWhereNobodyKnows or Kafka does not hand it out anymore.
func TestARecordNeedNotBeAcceptedWhereNobodyKnows(t *testing.T) {
	for name, plant := range map[string]func(l *Ledger, log []Record){
		"refused for now": func(l *Ledger, _ []Record) { refuse(l, "COMMIT_FAILED") },
		"handed out often": func(l *Ledger, log []Record) {
			l.tasks[at(1)].accepted = 0
			l.handed(log[1], MostDeliveries-unseen)
		},
		"the program has ended": func(l *Ledger, _ []Record) {
			l.tasks[at(1)].accepted = 0
			l.accepted(at(1), 1, context.Canceled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, log := healthy()
			plant(l, log)
			for _, v := range l.Check(log) {
				t.Error(v)
			}
		})
	}
}

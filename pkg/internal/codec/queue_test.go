package codec

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func queueRecord(value []byte) *proxy.Delivery {
	return &proxy.Delivery{Record: proxy.Record{Offset: 1, Timestamp: 2, Value: value}, Count: 3, Until: 4}
}

func TestADeliveryIsARecordAndHowItWasHandedOut(t *testing.T) {
	q := NewQueue(OutSettings{Topic: "foo", ValueFormat: proxy.FormatInt})
	for value, want := range map[string]struct {
		text        string
		undecodable bool
	}{
		"\x00\x00\x00\x05": {`"value":{"value":5,"format":"int"}`, false},
		"v":                {`"value":{"value":"dg==","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format int: its length is not 4 bytes"}}`, true},
	} {
		frame, undecodable := q.AppendDelivery([]byte("x"), queueRecord([]byte(value)))
		if got, want := string(frame), "x"+fittedStart+want.text+`,"delivery":{"count":3,"until":4}}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if undecodable != want.undecodable {
			t.Errorf("%q is undecodable: %t", value, undecodable)
		}
	}
}

// TestDeliveriesAreFittedToALimit has the longest names and numbers that Kafka has.
func TestDeliveriesAreFittedToALimit(t *testing.T) {
	long := strings.Repeat("x", 2000)
	q := NewQueue(OutSettings{Topic: strings.Repeat("t", 249), MaxMessageBytes: LeastMessageLimit})
	for n := range 600 {
		d := queueRecord([]byte(long[:n]))
		d.Key, d.Headers = []byte(long), []proxy.Header{{Key: "h", Value: []byte(long)}}
		d.Partition, d.Offset, d.Timestamp, d.Count, d.Until = math.MaxInt32, math.MaxInt64, 9999999999999, math.MaxInt16, 9999999999999
		frame, _ := q.AppendDelivery(nil, d)
		if len(frame) > LeastMessageLimit || !isJSON(frame) {
			t.Fatalf("%d bytes: %s", len(frame), frame)
		}
	}
}

func TestSettlementsAreTold(t *testing.T) {
	at := func(offset int64, result proxy.SettleResult) proxy.SettledPosition {
		return proxy.SettledPosition{Position: proxy.Position{Topic: "foo", Offset: offset, Timestamp: 9}, Result: result}
	}
	settled := &proxy.Settlement{Acknowledgement: proxy.Accept, Results: []proxy.SettledPosition{
		at(1, proxy.SettleDone), at(2, proxy.SettleExpired), at(3, proxy.SettleFailed), at(4, proxy.SettleUnknown), at(5, proxy.SettleDone),
	}}
	renewed := &proxy.Settlement{Acknowledgement: proxy.Renew, Until: 77, Results: []proxy.SettledPosition{at(1, proxy.SettleRenewed), at(2, proxy.SettleExpired)}}
	for want, got := range map[string][]byte{
		`{"settled":["foo-0-1-9","foo-0-5-9"]}`:        AppendSettled(nil, settled),
		`{"settled":[]}`:                               AppendSettled(nil, &proxy.Settlement{}),
		`{"renewed":{"until":77,"ids":["foo-0-1-9"]}}`: AppendRenewed(nil, renewed),
		`{"renewed":{"ids":[]}}`:                       AppendRenewed(nil, &proxy.Settlement{Acknowledgement: proxy.Renew}),
		`x{"expired":["foo-0-1-9","foo-0-2-9"]}`:       AppendExpired([]byte("x"), []proxy.Position{settled.Results[0].Position, settled.Results[1].Position}),
	} {
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAcknowledgementsAreRead(t *testing.T) {
	q := NewQueue(OutSettings{Topic: "foo-1"})
	one := proxy.Position{Topic: "foo-1", Partition: 2, Offset: 3, Timestamp: -1}
	two := proxy.Position{Topic: "foo-1", Offset: 4, Timestamp: 5}
	for frame, want := range map[string]Acknowledgements{
		`{"accept":["foo-1-2-3--1","foo-1-0-4-5"]}`:          {Acknowledgement: proxy.Accept, Positions: []proxy.Position{one, two}},
		`{ "release" :"foo-1-0-4-5" }`:                       {Acknowledgement: proxy.Release, Positions: []proxy.Position{two}},
		`{"x":{"accept":1},"reject":["foo-1-0-4-5"],"y":[]}`: {Acknowledgement: proxy.Reject, Positions: []proxy.Position{two}},
		`{"re\u006eew":["foo-1-0-4-5","foo-1-0-4-5"]}`:       {Acknowledgement: proxy.Renew, Positions: []proxy.Position{two, two}},
		`{"accept":[]}`: {Acknowledgement: proxy.Accept},
		`{"accept":["","foo-2-0-4-5","foo-1-0-4-5","foo-1-0-04-5"]}`: {Acknowledgement: proxy.Accept, Positions: []proxy.Position{two}, Unknown: []string{"", "foo-2-0-4-5", "foo-1-0-04-5"}},
		`{"accept":"x"}`: {Acknowledgement: proxy.Accept, Unknown: []string{"x"}},
	} {
		got, err := q.DecodeAcknowledgements([]byte(frame))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, %v, want %v", frame, got, err, want)
		}
	}
}

func TestMessagesThatAreNoAcknowledgementsAreRefused(t *testing.T) {
	q := NewQueue(OutSettings{Topic: "foo"})
	ids := func(n int) string { return `{"accept":[` + strings.Repeat(`"foo-0-1-2",`, n-1) + `"foo-0-1-2"]}` }
	for name, test := range map[string]struct {
		frame string
		want  proxy.Kind
	}{
		"nothing": {"", proxy.KindInvalidJSON}, "no JSON": {`{"accept":["foo-0-1-2"`, proxy.KindInvalidJSON}, "more behind it": {`{"accept":[]}{}`, proxy.KindInvalidJSON},
		"no verb": {`{"Accept":[]}`, proxy.KindInvalidMessage}, "an array": {`["foo-0-1-2"]`, proxy.KindInvalidMessage}, "credit": {`{"credit":1}`, proxy.KindInvalidMessage},
		"a commit": {`{"wsProxyMessageId":"foo-0-1-2"}`, proxy.KindInvalidMessage}, "two verbs": {`{"accept":[],"reject":[]}`, proxy.KindInvalidMessage},
		"a verb twice": {`{"accept":[],"accept":[]}`, proxy.KindInvalidMessage}, "a number": {`{"accept":1}`, proxy.KindInvalidMessage},
		"null": {`{"accept":null}`, proxy.KindInvalidMessage}, "an object": {`{"accept":{"id":"foo-0-1-2"}}`, proxy.KindInvalidMessage},
		"a number among ids": {`{"accept":["foo-0-1-2",1]}`, proxy.KindInvalidMessage}, "nested": {`{"accept":[["foo-0-1-2"]]}`, proxy.KindInvalidMessage},
		"too many": {ids(MostAcknowledgements + 1), proxy.KindInvalidMessage},
	} {
		got, err := q.DecodeAcknowledgements([]byte(test.frame))
		if err == nil || err.Kind != test.want || got.Positions != nil || got.Unknown != nil || len(err.Message) > 300 {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if got, err := q.DecodeAcknowledgements([]byte(ids(MostAcknowledgements))); err != nil || len(got.Positions) != MostAcknowledgements {
		t.Errorf("the most ids: got %d, %v", len(got.Positions), err)
	}
}

// FuzzAcknowledgements states that a message is taken exactly if it has one verb with an id or an array of at most MostAcknowledgements of them,
// and that each id is in the result once.
func FuzzAcknowledgements(f *testing.F) {
	for _, seed := range []string{`{"accept":["foo-0-1-2"]}`, `{"release":"foo-0-1-2"}`, `{"reject":[1]}`, `{"ren\u0065w":[]}`, `{"accept":[],"x":1}`, `{"accept":["\ud800"]}`, `[]`} {
		f.Add([]byte(seed))
	}
	q := NewQueue(OutSettings{Topic: "foo"})
	f.Fuzz(func(t *testing.T, frame []byte) {
		got, err := q.DecodeAcknowledgements(frame)
		if err != nil {
			if got.Positions != nil || got.Unknown != nil || !isJSON(AppendError(nil, err, "", "")) {
				t.Fatalf("%q: got %v, %v", frame, got, err)
			}
			return
		}
		if !isJSON(frame) || got.Acknowledgement < proxy.Accept || got.Acknowledgement > proxy.Renew || len(got.Positions)+len(got.Unknown) > MostAcknowledgements {
			t.Fatalf("%q: got %v", frame, got)
		}
		for _, p := range got.Positions {
			if p.Topic != "foo" {
				t.Fatalf("%q: got %v", frame, got)
			}
		}
	})
}

package codec

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// clientRecords are records of all kinds that a client can send.
func clientRecords() []proxy.Record {
	records := []proxy.Record{
		{Partition: proxy.AnyPartition, Value: []byte("text")},
		{Partition: 3, HasTimestamp: true, Timestamp: 1554896731782, Key: []byte(`k"`), Value: []byte{}},
		{Partition: proxy.AnyPartition, Key: []byte{}, Value: nil},
		{Partition: 0, Key: []byte{0xff, 0}, Value: []byte("\x00\n\u2028\xf0\x9f\x90\x98")},
		{
			Partition: proxy.AnyPartition, Value: []byte{0xc0},
			Headers: []proxy.Header{{Key: "a", Value: []byte("b")}, {Key: "a"}, {Key: "", Value: []byte{}}, {Key: "c", Value: []byte{0xff}}},
		},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		b := make([]byte, random.IntN(12))
		for i := range b {
			b[i] = byte(random.UintN(256) & random.UintN(255))
		}
		records = append(records, proxy.Record{Partition: proxy.AnyPartition, Key: b, Value: b})
	}
	return records
}

// TestTheProxyReadsWhatAClientSends compares what the proxy makes of a message with what the client was to have written.
func TestTheProxyReadsWhatAClientSends(t *testing.T) {
	in := NewJSONIn(InSettings{Topic: "t"})
	for _, want := range clientRecords() {
		frame, err := AppendMessage(nil, &want, proxy.FormatNone, proxy.FormatNone)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := in.Decode(frame, nil)
		if len(got) != 1 || got[0].Err != nil || !reflect.DeepEqual(got[0].Record, want) {
			t.Errorf("%+v became %s, which is read as %+v", want, frame, got)
		}
	}
}

// TestAClientReadsWhatTheProxyDelivers holds for every format that the client may have asked for: what does not fit it
// comes as bytes.
func TestAClientReadsWhatTheProxyDelivers(t *testing.T) {
	for format := proxy.FormatJSON; format <= proxy.FormatFloat; format++ {
		queue := NewQueue(OutSettings{Topic: "a-b", KeyFormat: format, ValueFormat: format})
		var decoder RecordDecoder
		for i, record := range clientRecords() {
			record.Offset, record.Partition, record.HasTimestamp = int64(i), 2, true
			want := proxy.Delivery{Record: record, Count: i, Until: 7}
			frame, _ := queue.AppendDelivery(nil, &want)
			var got Delivered
			if is, err := decoder.Decode(frame, &got); !is || err != nil || got.Topic != "a-b" || !reflect.DeepEqual(got.Delivery, want) {
				t.Errorf("%s: %+v became %s, which is read as %+v (%v, %v)", format, want, frame, got, is, err)
			}
		}
	}
}

func TestAMessageOfAFormatThatDoesNotFitIsRefusedBeforeItIsSent(t *testing.T) {
	record := proxy.Record{Partition: proxy.AnyPartition, Key: []byte("k"), Value: []byte("{")}
	frame, err := AppendMessage([]byte("x"), &record, proxy.FormatNone, proxy.FormatJSON)
	if err == nil || err.Message != "value does not fit format json: it is not JSON" || string(frame) != "x" {
		t.Errorf("got %q, %v", frame, err)
	}
}

func TestDecodeAnswers(t *testing.T) {
	in := NewJSONIn(InSettings{Topic: "t"})
	ack := proxy.Ack{Partition: 2, Offset: 1 << 60, Timestamp: 5}
	written := string(in.AppendAck(nil, ack, "m", true))
	refused := string(AppendError(nil, proxy.Errorf(proxy.KindTimeout, "It is late."), "messageId", "m"))
	refusal := &Refusal{Code: "TIMEOUT", Message: "It is late.", Retriable: true}
	for name, test := range map[string]struct {
		frame   string
		want    []Answer
		isBatch bool
	}{
		"ack":   {written, []Answer{{Ack: ack}}, false},
		"error": {refused, []Answer{{Refusal: refusal}}, false},
		"batch": {"[" + written + "," + refused + "]", []Answer{{Ack: ack}, {Refusal: refusal}}, true},
		"none":  {"[]", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, isBatch, err := DecodeAnswers([]byte(test.frame), nil)
			if err != nil || isBatch != test.isBatch || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s is read as %+v, %v, %v", test.frame, got, isBatch, err)
			}
		})
	}
	for _, frame := range []string{"", "x", "{}", "[1]", "[" + written, `{"partition":1,"offset":"2","timestamp":3}`, written + written} {
		if got, _, err := DecodeAnswers([]byte(frame), nil); err == nil {
			t.Errorf("%s is read as %+v", frame, got)
		}
	}
}

// FuzzRecordDecoder checks that no frame has the client fail, whoever sent it.
func FuzzRecordDecoder(f *testing.F) {
	for i, record := range clientRecords()[:5] {
		frame, _ := NewQueue(OutSettings{Topic: "t"}).AppendDelivery(nil, &proxy.Delivery{Record: record, Count: i})
		f.Add(frame)
	}
	f.Add([]byte(`{"wsProxyMessageId":"x","offset":1,"topic":7,"value":{"value":{"a":[1]},"format":"json"},"key":null}`))
	f.Fuzz(func(_ *testing.T, frame []byte) {
		var decoder RecordDecoder
		var got Delivered
		_, _ = decoder.Decode(frame, &got)
		_, _, _ = DecodeAnswers(frame, nil)
	})
}

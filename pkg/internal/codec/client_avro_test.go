package codec

import (
	"reflect"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestTheProxyReadsWhatAClientSendsInAvro compares what the proxy makes of a message with what the client was to have written, or was told
// that it cannot be.
func TestTheProxyReadsWhatAClientSendsInAvro(t *testing.T) {
	in := NewAvroIn(InSettings{Topic: "t"})
	read := 0
	for _, want := range clientRecords() {
		frame, err := AppendAvroMessage(nil, &want, proxy.FormatNone, proxy.FormatNone)
		if err != nil {
			if want.Partition == proxy.AnyPartition && !want.HasTimestamp && want.Headers == nil {
				t.Errorf("%+v is refused: %v", want, err)
			}
			continue
		}
		read++
		got, _ := in.Decode(frame, nil)
		if len(got) == 1 && len(got[0].Record.Headers) == 0 {
			got[0].Record.Headers = nil
		}
		if len(got) != 1 || got[0].Err != nil || !got[0].HasID || !reflect.DeepEqual(got[0].Record, want) {
			t.Errorf("%+v became %q, which is read as %+v", want, frame, got)
		}
	}
	if read < 200 {
		t.Errorf("%d records were read", read)
	}
}

func TestWhatAvroHasNoPlaceForIsRefused(t *testing.T) {
	value := []byte("{")
	for name, test := range map[string]struct {
		record proxy.Record
		format proxy.Format
	}{
		"a partition":    {proxy.Record{Value: value}, proxy.FormatNone},
		"a timestamp":    {proxy.Record{Partition: proxy.AnyPartition, Value: value, HasTimestamp: true}, proxy.FormatNone},
		"a null header":  {proxy.Record{Partition: proxy.AnyPartition, Value: value, Headers: []proxy.Header{{Key: "h"}}}, proxy.FormatNone},
		"a bytes header": {proxy.Record{Partition: proxy.AnyPartition, Value: value, Headers: []proxy.Header{{Key: "h", Value: []byte{0xff}}}}, proxy.FormatNone},
		"no JSON":        {proxy.Record{Partition: proxy.AnyPartition, Value: value}, proxy.FormatJSON},
	} {
		t.Run(name, func(t *testing.T) {
			if frame, err := AppendAvroMessage([]byte("x"), &test.record, proxy.FormatNone, test.format); err == nil || string(frame) != "x" {
				t.Errorf("got %q, %v", frame, err)
			}
		})
	}
}

// TestAClientReadsWhatTheProxyDeliversInAvro holds for every format that the client may have asked for. A null header comes as an empty one.
func TestAClientReadsWhatTheProxyDeliversInAvro(t *testing.T) {
	for format := proxy.FormatJSON; format <= proxy.FormatFloat; format++ {
		out := NewAvroOut(OutSettings{Topic: "a-b", KeyFormat: format, ValueFormat: format})
		var decoder RecordDecoder
		for i, want := range clientRecords() {
			want.Offset, want.Partition, want.HasTimestamp = int64(i), 2, true
			frame, _ := out.AppendRecord(nil, &want)
			for h := range want.Headers {
				if want.Headers[h].Value == nil {
					want.Headers[h].Value = []byte{}
				}
			}
			var got Delivered
			if err := decoder.DecodeAvro(frame, format, format, &got); err != nil || got.Topic != "a-b" || !reflect.DeepEqual(got.Record, want) {
				t.Errorf("%s: %+v became %q, which is read as %+v (%v)", format, want, frame, got, err)
			}
			for cut := range frame {
				if decoder.DecodeAvro(frame[:cut], format, format, new(Delivered)) == nil {
					t.Fatalf("%q is read as a record", frame[:cut])
				}
			}
		}
	}
}

func TestDecodeAvroAnswer(t *testing.T) {
	in := NewAvroIn(InSettings{Topic: "t"})
	ack := proxy.Ack{Partition: 2, Offset: 1 << 60, Timestamp: 5}
	frame := in.AppendAck(nil, ack, avroMessageID, true)
	if got, err := DecodeAvroAnswer(frame); err != nil || got.Ack != ack {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := DecodeAvroAnswer(frame[1:]); err == nil {
		t.Error("a part of it is read as one")
	}
	commit, err := NewAvroOut(OutSettings{Topic: "t"}).DecodeCommit(AppendAvroCommit(nil, "t-1-2-3"))
	if err != nil || commit.Position != (proxy.Position{Topic: "t", Partition: 1, Offset: 2, Timestamp: 3}) {
		t.Errorf("a commit is read as %+v, %v", commit, err)
	}
}

package codec

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func BenchmarkDecodeAvro(b *testing.B) {
	in := NewAvroIn(InSettings{Topic: "foobar"})
	frame := avroMessage(avroText("0123456789"), avroText(benchValue()), nil, nil)
	messages := make([]Message, 0, 1)
	b.ReportAllocs()
	for b.Loop() {
		if messages, _ = in.Decode(frame, messages[:0]); messages[0].Err != nil {
			b.Fatal(messages[0].Err)
		}
	}
}

func BenchmarkEncodeAvro(b *testing.B) {
	for _, format := range []proxy.Format{proxy.FormatString, proxy.FormatByteArray} {
		b.Run(format.String(), func(b *testing.B) {
			out := NewAvroOut(OutSettings{Topic: "foobar", KeyFormat: proxy.FormatString, ValueFormat: format})
			record := &proxy.Record{
				Partition: 3, Offset: 123456, Timestamp: 1554402266846,
				Key: []byte("0123456789"), Value: []byte(benchValue()),
			}
			dst := make([]byte, 0, 1024)
			b.ReportAllocs()
			for b.Loop() {
				frame, undecodable := out.AppendRecord(dst, record)
				if undecodable || len(frame) < len(record.Value) {
					b.Fatalf("undecodable: %s", frame)
				}
			}
		})
	}
}

func BenchmarkAppendAckAvro(b *testing.B) {
	in := NewAvroIn(InSettings{Topic: "foobar"})
	dst := make([]byte, 0, 256)
	ack := proxy.Ack{Partition: 3, Offset: 123456, Timestamp: 1554402266846}
	b.ReportAllocs()
	for b.Loop() {
		if len(in.AppendAck(dst, ack, "m1", true)) == 0 {
			b.Fatal("nothing appended")
		}
	}
}

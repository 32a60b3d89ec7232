package codec

import (
	"encoding/base64"
	"math/rand/v2"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// benchValue returns 200 characters of base64, from 150 random bytes that are always the same.
func benchValue() string {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 150)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

func benchFrame(format string) []byte {
	return []byte(`{"key":{"value":"0123456789","format":"string"},"value":{"value":"` + benchValue() + `","format":"` + format + `"}}`)
}

func BenchmarkDecode(b *testing.B) {
	json := NewJSONIn(InSettings{Topic: "foobar"})
	for name, test := range map[string]struct {
		in    In
		frame []byte
	}{
		"json/string":    {json, benchFrame("string")},
		"json/bytearray": {json, benchFrame("bytearray")},
		"avro/string":    {NewAvroIn(InSettings{Topic: "foobar"}), avroMessage(avroText("0123456789"), avroText(benchValue()), nil, nil)},
	} {
		b.Run(name, func(b *testing.B) {
			messages := make([]Message, 0, 1)
			b.ReportAllocs()
			for b.Loop() {
				if messages, _ = test.in.Decode(test.frame, messages[:0]); messages[0].Err != nil {
					b.Fatal(messages[0].Err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for payload, newOut := range map[string]func(OutSettings) Out{"json": NewJSONOut, "avro": NewAvroOut} {
		for _, format := range []proxy.Format{proxy.FormatString, proxy.FormatByteArray} {
			b.Run(payload+"/"+format.String(), func(b *testing.B) {
				out := newOut(OutSettings{Topic: "foobar", KeyFormat: proxy.FormatString, ValueFormat: format})
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
}

// A value of the format json is checked before it is passed on.
func BenchmarkCheckJSON(b *testing.B) {
	object := []byte(`{"sensor":1234,"temperature":17.31,"ok":true,"tags":["a","b"],"place":{"room":132,"floor":null},"note":"`)
	object = append(append(object, benchValue()[:200-len(object)-2]...), `"}`...)
	b.ReportAllocs()
	for b.Loop() {
		if complaint := checkJSON(object, DefaultMaxDepth); complaint != "" {
			b.Fatal(complaint)
		}
	}
}

func BenchmarkAppendAck(b *testing.B) {
	for payload, newIn := range map[string]func(InSettings) In{"json": NewJSONIn, "avro": NewAvroIn} {
		b.Run(payload, func(b *testing.B) {
			in := newIn(InSettings{Topic: "foobar"})
			dst := make([]byte, 0, 256)
			ack := proxy.Ack{Partition: 3, Offset: 123456, Timestamp: 1554402266846}
			b.ReportAllocs()
			for b.Loop() {
				if len(in.AppendAck(dst, ack, "m1", true)) == 0 {
					b.Fatal("nothing appended")
				}
			}
		})
	}
}

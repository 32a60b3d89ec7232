package codec

import (
	"bytes"
	"math"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestAvroDecodeAllocates(t *testing.T) {
	for name, test := range map[string]struct {
		frame []byte
		want  float64
	}{
		"key and value":   {avroMessage(avroText("0123456789"), avroText(benchValue()), nil, nil), 1},
		"numbers":         {avroMessage(avroBig(1), avroDoubleOf(1.5), nil, nil), 1},
		"tombstone":       {avroMessage(avroText("k"), avroBlob(""), avroHeaders("wsproxy.tombstone", "true"), nil), 2},
		"clientMessageId": {avroMessage(avroText("k"), avroText("v"), nil, avroTexts("m1")), 2},
		"three headers":   {avroMessage(avroText("k"), avroText("v"), avroHeaders("a", "1", "b", "2", "c", "3"), nil), 5},
	} {
		t.Run(name, func(t *testing.T) {
			in := NewAvroIn(InSettings{Topic: "foo"})
			messages := make([]Message, 0, 1)
			got := testing.AllocsPerRun(100, func() { messages, _ = in.Decode(test.frame, messages[:0]) })
			if messages[0].Err != nil {
				t.Fatal(messages[0].Err)
			}
			if got > test.want { // strings of one byte may need none
				t.Errorf("%v allocations, want %v", got, test.want)
			}
		})
	}
}

func TestAvroAppendersAllocateNothing(t *testing.T) {
	in := NewAvroIn(InSettings{Topic: "foo"})
	dst := make([]byte, 0, 4096)
	appenders := map[string]func(){
		"ack": func() { in.AppendAck(dst, proxy.Ack{Partition: 1, Offset: 2, Timestamp: 3}, "m1", true) },
	}
	headers := []proxy.Header{{Key: "h", Value: []byte("v")}, {Key: "n"}, {Key: "b", Value: []byte{0xff}}}
	for f := proxy.FormatNone; f <= proxy.FormatFloat; f++ {
		out := NewAvroOut(OutSettings{Topic: "foo", KeyFormat: f, ValueFormat: f})
		for name, value := range map[string][]byte{
			"text": []byte("value"), "JSON": []byte(` {"a":[1]} `), "2 bytes": []byte("ab"), "4 bytes": []byte("abcd"),
			"8 bytes": []byte("12345678"), "not UTF-8": {0xfe, 0xff}, "null": nil,
		} {
			r := &proxy.Record{Partition: math.MaxInt32, Offset: math.MaxInt64, Timestamp: math.MaxInt64, Key: value, Value: value, Headers: headers}
			appenders[f.String()+" of "+name] = func() { out.AppendRecord(dst, r) }
		}
	}
	for name, do := range appenders {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(20, do); got != 0 {
				t.Errorf("%v allocations", got)
			}
		})
	}
}

// The memory that a frame causes must be in proportion to it, or one client can exhaust the pod.
func TestAvroDecodeMemoryIsBounded(t *testing.T) {
	const size = 1 << 18
	start := []byte{0, 2, 2, 'v', 2} // up to the headers
	repeat := func(head, unit []byte) []byte {
		return append(bytes.Clone(head), bytes.Repeat(unit, size/len(unit))...)
	}
	one := avroHeaders("h", "v")
	for name, test := range map[string]struct {
		frame []byte
		times uint64 // bytes allocated in all per byte of the frame, garbage of growth included
	}{
		"a value":                    {append([]byte{0, 2}, avroTexts(string(make([]byte, size)))...), 2},
		"a block of empty headers":   {append(append(append(bytes.Clone(start), avroNumber(size/2)...), make([]byte, size)...), 0, 0), 24},
		"cut in a block":             {append(append(bytes.Clone(start), avroNumber(size/2)...), make([]byte, size-1)...), 24},
		"many small blocks":          {append(repeat(start, one[:len(one)-1]), 0, 0), 60},
		"blocks with sizes":          {append(repeat(start, []byte{1, 4, 0, 0}), 0, 0), 60},
		"a block of 2^33":            {append(append(bytes.Clone(start), avroNumber(1<<33)...), make([]byte, size)...), 2},
		"a block of -2^63":           {append(append(bytes.Clone(start), avroNumber(math.MinInt64)...), make([]byte, size)...), 2},
		"a length of a gigabyte":     {append(append([]byte{0, 2}, avroNumber(1<<30)...), make([]byte, size)...), 2},
		"blocks of all that is left": {repeat(start, append(avroNumber(1), avroTexts("a")...)), 60},
		"JSON that is all brackets":  {avroMessage(avroNoKey(), avroText(string(bytes.Repeat([]byte("["), size))), nil, nil), 8},
	} {
		t.Run(name, func(t *testing.T) {
			in := NewAvroIn(InSettings{Topic: "foo", ValueFormat: proxy.FormatJSON})
			allocated := allocatedBy(func() { in.Decode(test.frame, nil) })
			if limit := test.times*uint64(len(test.frame)) + 4096; allocated > limit {
				t.Errorf("%d bytes allocated for a frame of %d, %d times as much", allocated, len(test.frame), allocated/uint64(len(test.frame)))
			}
		})
	}
}

package codec

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// allocatedBy returns how many bytes do allocates, kept or not.
func allocatedBy(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestDecodeAllocates(t *testing.T) {
	for name, test := range map[string]struct {
		frame string
		want  float64
	}{
		"key and value":      {string(benchFrame("string")), 0},
		"base64":             {string(benchFrame("bytearray")), 0},
		"no key":             {`{"value":{"value":"bar"}}`, 0},
		"escapes":            {`{"key":{"value":"\u00e9"},"value":{"value":"a\nb"}}`, 0},
		"json":               {`{"value":{"value":{"a":[1,2,{"b":null}]},"format":"json"}}`, 0},
		"numbers":            {`{"key":{"value":1,"format":"long"},"value":{"value":1.5,"format":"double"}}`, 0},
		"partition and time": {`{"value":{"value":"bar"},"partition":2,"timestamp":1554896731782}`, 0},
		"unknown members":    {`{"value":{"value":"bar"},"x":{"y":[1]}}`, 0},
		"tombstone":          {`{"value":null}`, 0},
		"messageId":          {`{"value":{"value":"bar"},"messageId":"m1"}`, 1},
		"batch of three":     {`[{"value":{"value":"a"}},{"value":{"value":"b"}},{"value":{"value":"c"}}]`, 1},
		"long":               {`{"value":{"value":"` + strings.Repeat("x", slabSize) + `"}}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			in := NewJSONIn(InSettings{Topic: "foo"})
			frame, messages := []byte(test.frame), make([]Message, 0, 3)
			got := testing.AllocsPerRun(100, func() { messages, _ = in.Decode(frame, messages[:0]) })
			for _, m := range messages {
				if m.Err != nil {
					t.Fatal(m.Err)
				}
			}
			if got != test.want {
				t.Errorf("%v allocations, want %v", got, test.want)
			}
		})
	}
}

func TestAppendersAllocateNothing(t *testing.T) {
	record := func(key, value string) *proxy.Record {
		return &proxy.Record{
			Partition: math.MaxInt32, Offset: math.MaxInt64, Timestamp: math.MaxInt64, Key: []byte(key), Value: []byte(value),
			Headers: []proxy.Header{{Key: "h", Value: []byte("v")}, {Key: "n"}, {Key: "b", Value: []byte{0xff}}},
		}
	}
	in := NewJSONIn(InSettings{Topic: "foo"})
	dst := make([]byte, 0, 4096)
	appenders := map[string]func(){
		"ack": func() { in.AppendAck(dst, proxy.Ack{Partition: 1, Offset: 2, Timestamp: 3}, "m\n1", true) },
		"error": func() {
			AppendError(dst, errNoValue, "messageId", "m1")
		},
	}
	for f := proxy.FormatJSON; f <= proxy.FormatFloat; f++ {
		out := NewJSONOut(OutSettings{Topic: "foo", KeyFormat: f, ValueFormat: f})
		for name, r := range map[string]*proxy.Record{
			"text": record("key", "va\x01lue é"), "JSON": record(`{"a":[1]}`, " null "), "2 bytes": record("\x00\x01", "ab"),
			"4 bytes": record("\x00\x00\x00\x01", "abcd"), "8 bytes": record("12345678", "\x00\x01\x02\x03\x04\x05\x06\x07"), "not UTF-8": record("\xff", "\xfe\xff"),
		} {
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
func TestDecodeMemoryIsBounded(t *testing.T) {
	const size = 1 << 18
	repeat := func(head, unit, tail string) string { return head + strings.Repeat(unit, size/len(unit)) + tail }
	for name, test := range map[string]struct {
		frame string
		times uint64 // bytes allocated in all per byte of the frame, garbage of growth included
	}{
		"open brackets":        {repeat("", "[", ""), 8},
		"deep json value":      {repeat(`{"value":{"format":"json","value":`, "[", "") + strings.Repeat("]", size) + "}}", 8},
		"escaped names":        {repeat(`{`, `"\u0061":1,`, `"b":1}`), 8},
		"batch of numbers":     {repeat(`[`, `0,`, `0]`), 64},
		"batch of empty":       {repeat(`[`, `{},`, `{}]`), 48},
		"batch of tombstones":  {repeat(`[`, `{"value":null},`, `{}]`), 48},
		"batch of bad values":  {repeat(`[`, `{"value":0},`, `{}]`), 48},
		"batch of bad formats": {repeat(`[`, `{"value":{"value":0}},`, `{}]`), 48},
		"headers":              {repeat(`{"value":null,"headers":[`, `{"key":"","value":""},`, `{"key":"","value":""}]}`), 40},
		"long number":          {repeat(`{"value":{"format":"double","value":1`, "0", "e-99}}"), 8},
		"long bad string":      {repeat(`{"value":{"format":"int","value":"`, "é", `"}}`), 8},
	} {
		t.Run(name, func(t *testing.T) {
			in := NewJSONIn(InSettings{Topic: "foo"})
			frame := []byte(test.frame)
			allocated := allocatedBy(func() { in.Decode(frame, nil) })
			if limit := test.times * uint64(len(frame)); allocated > limit {
				t.Errorf("%d bytes allocated for a frame of %d, %d times as much", allocated, len(frame), allocated/uint64(len(frame)))
			}
		})
	}
}

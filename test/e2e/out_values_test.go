package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestOutDeliversEveryFormat(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		byFormat := make(map[string][]value)
		for _, v := range bothWays() {
			byFormat[v.format] = append(byFormat[v.format], v)
		}
		for format, values := range byFormat {
			topic := k.topic(t, 1)
			for _, v := range values {
				k.produce(t, topic, &kgo.Record{Key: v.bytes, Value: v.bytes})
			}
			c := k.run(t).out(t, topic, "keyType="+strings.ToUpper(format), "valType="+format)
			for _, v := range values {
				d := c.delivery()
				for what, f := range map[string]*field{"key": d.Key, "value": d.Value} {
					if f == nil || string(f.Value) != v.json || f.Format != format || f.Error != nil {
						t.Errorf("%s as %s: got %+v, want %s as %s", v.name, what, f, v.json, format)
					}
				}
			}
			c.close()
		}
	})
}

func TestOutLongsAreTextWhereThatIsAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, &kgo.Record{Key: big64(math.MinInt64), Value: big64(9007199254740993)})
		for longs, quote := range map[string]string{"string": `"`, "number": "", "": ""} {
			d := k.run(t).out(t, topic, "keyType=long", "valType=long", "longs="+longs).delivery()
			key, value := quote+"-9223372036854775808"+quote, quote+"9007199254740993"+quote
			if string(d.Key.Value) != key || string(d.Value.Value) != value || d.Key.Format != "long" || d.Value.Format != "long" {
				t.Errorf("longs=%s: got %+v, %+v", longs, d.Key, d.Value)
			}
		}
	})
}

func TestOutRecordSaysWhereItIs(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 3)
		k.produce(t, topic, &kgo.Record{Partition: 2, Value: []byte("first")}, &kgo.Record{Partition: 2, Key: []byte("k"), Value: []byte("v")})
		want := k.records(t, topic)
		c := k.run(t).out(t, topic)
		for i, d := range c.deliveries(2) {
			ms := want[i].Timestamp.UnixMilli()
			id := fmt.Sprintf("%s-2-%d-%d", topic, i, ms)
			if d.ID != id || d.Topic != topic || d.Partition != 2 || d.Offset != int64(i) || d.Timestamp != ms {
				t.Errorf("got %+v, want %s", d, id)
			}
		}
	})
}

func TestOutOmitsKeyAndHeadersThatARecordLacks(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, &kgo.Record{Value: []byte("v")}, &kgo.Record{Key: []byte{}, Value: []byte{}})
		c := k.run(t).out(t, topic)
		var frame map[string]json.RawMessage
		frame = parse[map[string]json.RawMessage](t, c.read())
		if len(frame) != 6 || frame["key"] != nil || frame["headers"] != nil {
			t.Errorf("got %s", frame)
		}
		frame = parse[map[string]json.RawMessage](t, c.read())
		if string(frame["key"]) != `{"value":"","format":"string"}` || string(frame["value"]) != `{"value":"","format":"string"}` {
			t.Errorf("got %s", frame)
		}
	})
}

func TestOutKeyWithoutAKeyTypeIsTextWhereItIsUTF8(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, &kgo.Record{Key: []byte("grün"), Value: []byte("1")}, &kgo.Record{Key: []byte{0xFF, 0}, Value: []byte("2")})
		c := k.run(t).out(t, topic)
		for _, want := range []field{{Value: []byte(`"grün"`), Format: "string"}, {Value: []byte(`"/wA="`), Format: "bytearray"}} {
			if got := c.delivery().Key; got == nil || string(got.Value) != string(want.Value) || got.Format != want.Format || got.Error != nil {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	})
}

func TestOutHeadersAreTextNullOrBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, &kgo.Record{Value: []byte("v"), Headers: []kgo.RecordHeader{
			{Key: "b", Value: []byte("1")},
			{Key: "a", Value: []byte("grün \"")},
			{Key: "b", Value: nil},
			{Key: "e", Value: []byte{}},
			{Key: "x", Value: []byte{0xFF}},
		}})
		want := []string{`b="1"`, `a="grün \""`, `b=null`, `e=""`, `x={"value":"/w==","format":"bytearray"}`}
		got := k.run(t).out(t, topic).delivery().Headers
		if len(got) != len(want) {
			t.Fatalf("got %v", got)
		}
		for i, h := range got {
			if text := h.Key + "=" + string(h.Value); text != want[i] {
				t.Errorf("header %d is %s, want %s", i, text, want[i])
			}
		}
	})
}

func TestOutTombstoneInTheMiddleOfATopic(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		for _, format := range []string{"string", "json", "int", "bytearray"} {
			topic := k.topic(t, 1)
			k.produce(t, topic, &kgo.Record{Value: big32(1)}, &kgo.Record{Key: []byte("k")}, &kgo.Record{Value: big32(2)})
			c := k.run(t).out(t, topic, "valType="+format)
			all := c.deliveries(3)
			if got := all[1]; string(got.Value.Value) != "null" || got.Value.Format != format || got.Value.Error != nil {
				t.Errorf("%s: the tombstone is %+v", format, got.Value)
			}
			if all[2].Offset != 2 {
				t.Errorf("%s: after the tombstone comes %+v", format, all[2])
			}
			c.close()
		}
	})
}

// undecodable are bytes that do not fit a format.
func undecodable() []value {
	deep := strings.Repeat("[", 513) + strings.Repeat("]", 513)
	return []value{
		{name: "no JSON", format: "json", bytes: []byte(`{"a":`)},
		{name: "nothing as JSON", format: "json", bytes: []byte{}},
		{name: "two JSON values", format: "json", bytes: []byte(`1 2`)},
		{name: "JSON with a leading zero", format: "json", bytes: []byte(`01`)},
		{name: "JSON with a raw control character", format: "json", bytes: []byte("\"\n\"")},
		{name: "JSON nested too deep", format: "json", bytes: []byte(deep)},
		{name: "JSON that is not UTF-8", format: "json", bytes: []byte("\"\xff\"")},
		{name: "text that is not UTF-8", format: "string", bytes: []byte{'a', 0xFF}},
		{name: "three bytes as short", format: "short", bytes: []byte{1, 2, 3}},
		{name: "no bytes as int", format: "int", bytes: []byte{}},
		{name: "eight bytes as int", format: "int", bytes: big64(7)},
		{name: "four bytes as long", format: "long", bytes: big32(7)},
		{name: "seven bytes as double", format: "double", bytes: make([]byte, 7)},
		{name: "text as float", format: "float", bytes: []byte("3.25!")},
	}
}

func TestSorePointOneUndecodableRecordDoesNotStopTheStream(t *testing.T) {
	good := map[string][]byte{
		"json": []byte("{}"), "string": []byte("ok"), "short": big16(1), "int": big32(1), "long": big64(1),
		"double": bigDouble(1), "float": bigFloat(1),
	}
	onBoth(t, func(t *testing.T, k *cluster) {
		for _, bad := range undecodable() {
			topic, group := k.topic(t, 1), k.group()
			fine := good[bad.format]
			k.produce(t, topic, &kgo.Record{Key: fine, Value: fine}, &kgo.Record{Key: fine, Value: bad.bytes},
				&kgo.Record{Key: bad.bytes, Value: fine}, &kgo.Record{Key: fine, Value: fine})
			c := k.run(t).out(t, topic, "groupId="+group, "keyType="+bad.format, "valType="+bad.format)
			all := c.deliveries(4)
			wantUndecodable(t, bad, all[1].Value)
			wantUndecodable(t, bad, all[2].Key)
			for i, f := range []*field{all[0].Key, all[0].Value, all[1].Key, all[2].Value, all[3].Key, all[3].Value} {
				if f.Error != nil || f.Format != bad.format {
					t.Errorf("%s: the good field %d is %+v", bad.name, i, f)
				}
			}
			go func() { _, _ = c.next() }() // answers the ping
			k.awaitCommit(t, group, topic, 4)
		}
	})
}

func wantUndecodable(t *testing.T, bad value, got *field) {
	t.Helper()
	want := `"` + base64.StdEncoding.EncodeToString(bad.bytes) + `"`
	if got == nil || string(got.Value) != want || got.Format != "bytearray" || got.Error == nil || got.Error.Code != "UNDECODABLE" || got.Error.Message == "" {
		t.Errorf("%s: got %+v, want %s with an error", bad.name, got, want)
	}
}

func TestOutTakesJSONAsDeepAsAllowed(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		deep := strings.Repeat("[", 512) + strings.Repeat("]", 512)
		k.produce(t, topic, &kgo.Record{Value: []byte(deep)})
		if got := k.run(t).out(t, topic, "valType=json").delivery().Value; string(got.Value) != deep || got.Error != nil {
			t.Errorf("got %+v", got)
		}
	})
}

func TestOutDeliversARecordOfMebibytes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1, "max.message.bytes", "6000000")
		big := strings.Repeat("x", 5<<20)
		k.produce(t, topic, &kgo.Record{Value: []byte("before")}, &kgo.Record{Value: []byte(big)}, &kgo.Record{Value: []byte("after")})
		all := k.run(t).out(t, topic).deliveries(3)
		if string(all[1].Value.Value) != `"`+big+`"` || string(all[2].Value.Value) != `"after"` {
			t.Errorf("got %d bytes, then %s", len(all[1].Value.Value), all[2].Value.Value)
		}
	})
}

func TestWhatGoesInComesOut(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 2)
		out := k.run(t).out(t, topic, "keyType=long", "valType=json")
		in := k.run(t).in(t, topic, "keyType=long", "valType=json")
		in.send(`{"headers":[{"key":"h","value":"1"},{"key":"h","value":null}],"key":{"value":-7},"value":{"value":{"a" : [1.0]}}}`)
		a := in.ack()
		d := out.delivery()
		if d.Partition != a.Partition || d.Offset != a.Offset || d.Timestamp != a.Timestamp || string(d.Key.Value) != "-7" ||
			string(d.Value.Value) != `{"a" : [1.0]}` || len(d.Headers) != 2 {
			t.Errorf("in: %+v, out: %+v", a, d)
		}
	})
}

package e2e

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/api"
)

// avroValue is a value in a format: the datum that it is in Avro, whose Go type stands for the
// branch, and the bytes that it has in Kafka.
type avroValue struct {
	format string
	datum  any
	bytes  []byte
}

func avroValues() []avroValue {
	rawJSON := ` {"b":1.0,"a":[1e2, "\u00e9\/" , null],"b":0.10}`
	return []avroValue{
		{"string", "grüße, 世界 😀", []byte("grüße, 世界 😀")},
		{"string", "", []byte{}},
		{"json", rawJSON, []byte(rawJSON)},
		{"json", "12345678901234567890.10", []byte("12345678901234567890.10")},
		{"json", "null", []byte("null")},
		{"bytearray", []byte{0, 0xFF, '\n'}, []byte{0, 0xFF, '\n'}},
		{"avro", []byte{}, []byte{}},
		{"short", math.MinInt16, big16(math.MinInt16)},
		{"short", math.MaxInt16, big16(math.MaxInt16)},
		{"int", math.MinInt32, big32(math.MinInt32)},
		{"int", math.MaxInt32, big32(math.MaxInt32)},
		{"long", int64(math.MinInt64), big64(math.MinInt64)},
		{"long", int64(9007199254740993), big64(9007199254740993)},
		{"double", -0.1, bigDouble(-0.1)},
		{"double", math.Inf(1), bigDouble(math.Inf(1))},
		{"float", float32(0.1), bigFloat(0.1)},
		{"float", float32(math.Inf(-1)), bigFloat(float32(math.Inf(-1)))},
	}
}

func TestAvroSchemasAreServed(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		for _, name := range []string{"producer/record", "producer/result", "consumer/record", "consumer/commit"} {
			want, err := api.AvroSchema(name)
			if err != nil {
				t.Fatal(err)
			}
			got := k.run(t).get(t, "/schemas/avro/"+name).body
			if !reflect.DeepEqual(parse[any](t, got), parse[any](t, string(want))) {
				t.Errorf("%s is %s", name, got)
			}
		}
	})
}

func TestAvroInWritesEveryFormatAsItsBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, values := k.topic(t, 1), append(avroValues(), avroValue{"LONG", -7, big64(-7)}) // an int is a long too
		for i, v := range values {
			c := k.run(t).avroIn(t, topic, "keyType="+v.format, "valType="+v.format)
			id := fmt.Sprint("m", i)
			c.produce(avroMessage{Key: v.datum, Value: v.datum, ID: &id})
			if r := c.result(); r.Topic != topic || r.Partition != 0 || r.Offset != int64(i) || r.Timestamp == 0 || r.ID == nil || *r.ID != id {
				t.Errorf("got %+v", r)
			}
			c.close()
		}
		for i, r := range k.records(t, topic) {
			wantBytes(t, fmt.Sprintf("%v of %s as key", values[i].datum, values[i].format), r.Key, values[i].bytes)
			wantBytes(t, fmt.Sprintf("%v of %s as value", values[i].datum, values[i].format), r.Value, values[i].bytes)
		}
	})
}

func TestAvroInWithoutTypesTheBranchDecides(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).avroIn(t, topic, "valType=")
		var want [][]byte
		for _, v := range avroValues() {
			if v.format == "short" { // has no branch of its own
				continue
			}
			c.produce(avroMessage{Key: v.datum, Value: v.datum})
			if r := c.result(); r.ID != nil {
				t.Errorf("got %+v", r)
			}
			want = append(want, v.bytes)
		}
		c.produce(avroMessage{Value: "no key"})
		c.result()
		for i, r := range k.records(t, topic) {
			if i == len(want) {
				wantBytes(t, "no key", r.Key, nil)
				continue
			}
			wantBytes(t, fmt.Sprint("key ", i), r.Key, want[i])
			wantBytes(t, fmt.Sprint("value ", i), r.Value, want[i])
		}
	})
}

func TestAvroOutDeliversEveryFormat(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		byFormat := make(map[string][]avroValue)
		for _, v := range avroValues() {
			byFormat[v.format] = append(byFormat[v.format], v)
		}
		for format, values := range byFormat {
			topic := k.topic(t, 1)
			for _, v := range values {
				k.produce(t, topic, &kgo.Record{Key: v.bytes, Value: v.bytes})
			}
			stored := k.records(t, topic)
			c := k.run(t).avroOut(t, topic, "keyType="+format, "valType="+strings.ToUpper(format))
			for i, v := range values {
				ms := stored[i].Timestamp.UnixMilli()
				want := avroRecord{
					ID: fmt.Sprintf("%s-0-%d-%d", topic, i, ms), Topic: topic, Offset: int64(i), Timestamp: ms, Key: v.datum, Value: v.datum,
				}
				if got := c.record(); !reflect.DeepEqual(got, want) {
					t.Errorf("%s: got %+v, want %+v", format, got, want)
				}
			}
			c.close()
		}
	})
}

func TestAvroOutWithoutTypes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, &kgo.Record{Key: []byte("text"), Value: []byte("grün")}, &kgo.Record{Value: []byte{0xFF}}, &kgo.Record{Key: []byte{}, Value: []byte{}})
		c := k.run(t).avroOut(t, topic)
		for _, want := range [][2]any{{[]byte("text"), "grün"}, {nil, []byte{0xFF}}, {[]byte{}, ""}} {
			if got := c.record(); !reflect.DeepEqual([2]any{got.Key, got.Value}, want) || got.Headers != nil {
				t.Errorf("got %+v, want %v", got, want)
			}
		}
	})
}

func TestAvroHeaders(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		in := k.run(t).avroIn(t, topic)
		sent := []avroHeader{{"h", "1"}, {"h", ""}, {"", "grün"}, {"b;base64", "/w=="}, {"wsproxy.tombstone", "false"}}
		in.produce(avroMessage{Value: "v", Headers: &sent})
		in.result()
		in.produce(avroMessage{Value: "v", Headers: &[]avroHeader{}})
		in.result()
		k.produce(t, topic, &kgo.Record{Value: []byte("v"), Headers: []kgo.RecordHeader{
			{Key: "n"}, {Key: "e", Value: []byte{}}, {Key: "b", Value: []byte{0xFF, 0}}, {Key: "b", Value: []byte("text")},
		}})
		for i, h := range k.records(t, topic)[0].Headers {
			if h.Key != sent[i].Key || string(h.Value) != sent[i].Value || h.Value == nil {
				t.Errorf("header %d is %q=%q, sent was %+v", i, h.Key, h.Value, sent[i])
			}
		}
		out := k.run(t).avroOut(t, topic)
		for i, want := range []*[]avroHeader{&sent, nil, {{"n", ""}, {"e", ""}, {"b;base64", "/wA="}, {"b", "text"}}} {
			if got := out.record().Headers; !reflect.DeepEqual(got, want) {
				t.Errorf("the headers of record %d are %+v, want %+v", i, got, want)
			}
		}
	})
}

func TestAvroTombstones(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, mark := k.topic(t, 1), avroHeader{"wsproxy.tombstone", "true"}
		for _, parameters := range [][]string{nil, {"valType=int"}, {"valType=json"}} {
			in := k.run(t).avroIn(t, topic, parameters...)
			in.produce(avroMessage{Key: "k", Value: []byte{}, Headers: &[]avroHeader{{"a", "1"}, mark, {"b", "2"}}})
			in.result()
			in.close()
		}
		stored := k.records(t, topic)
		for _, r := range stored {
			wantBytes(t, "the value", r.Value, nil)
			if len(r.Headers) != 2 || r.Headers[0].Key != "a" || r.Headers[1].Key != "b" {
				t.Errorf("the headers are %v", r.Headers)
			}
		}
		for _, format := range []string{"string", "int", "json", "bytearray"} {
			out := k.run(t).avroOut(t, topic, "keyType=string", "valType="+format)
			for range stored {
				got := out.record()
				want := []avroHeader{{"a", "1"}, {"b", "2"}, mark}
				if got.Key != "k" || !reflect.DeepEqual(got.Value, []byte{}) || got.Headers == nil || !reflect.DeepEqual(*got.Headers, want) {
					t.Errorf("%s: got %+v", format, got)
				}
			}
			out.close()
		}
	})
}

func TestAvroErrorsAreTextInTheirTurn(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).avroIn(t, topic, "valType=short")
		whole := c.encode("producer/record", avroMessage{Value: 1, ID: new("cut")})
		c.produce(avroMessage{Value: 1, ID: new("first")})
		c.produce(avroMessage{Value: "text", ID: new("misfit")})
		c.produce(avroMessage{Value: 32768, ID: new("too large")})
		c.sendBinary(whole[:len(whole)-1])
		c.sendBinary(whole + "\x00")
		c.sendBinary("")
		c.send(`{"value":{"value":1}}`)
		c.sendBinary(`{"value":{"value":1}}`)
		c.produce(avroMessage{Value: 2})
		if r := c.result(); r.Offset != 0 || *r.ID != "first" {
			t.Errorf("got %+v", r)
		}
		for _, id := range []string{"misfit", "too large"} {
			if e := c.failure("INVALID_VALUE"); e.MessageID != id {
				t.Errorf("got %+v, want the error of %s", e, id)
			}
		}
		for range 5 {
			c.failure("INVALID_MESSAGE")
		}
		if r := c.result(); r.Offset != 1 || r.ID != nil {
			t.Errorf("got %+v", r)
		}
	})
}

func TestAvroOnAJSONSocketIsAnswered(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		in := &avroClient{p.in(t, topic), avroSchemas(t, p)}
		in.produce(avroMessage{Key: "k", Value: "v", ID: new("m1")})
		in.failure("INVALID_JSON")
		in.send(`{"value":{"value":"v"}}`)
		in.ack()
		out := &avroClient{p.out(t, topic, "autoCommit=false"), avroSchemas(t, p)}
		id := out.delivery().ID
		out.commit(id)
		out.failure("INVALID_JSON")
	})
}

func TestAvroCommits(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		c := k.run(t).avroOut(t, topic, "groupId="+group, "autoCommit=false")
		var ids []string
		for range 3 {
			ids = append(ids, c.record().ID)
		}
		c.commit(topic + "-0-7-1")
		if e := c.failure("UNKNOWN_MESSAGE_ID"); e.WsProxyMessageID != topic+"-0-7-1" {
			t.Errorf("got %+v", e)
		}
		c.commit("")
		if e := c.failure("UNKNOWN_MESSAGE_ID"); e.WsProxyMessageID != "" {
			t.Errorf("got %+v", e)
		}
		c.send(fmt.Sprintf(`{"wsProxyMessageId":%q}`, ids[2]))
		c.failure("INVALID_MESSAGE")
		c.sendBinary(c.encode("consumer/commit", avroCommit{ids[2]}) + "x")
		c.failure("INVALID_MESSAGE")
		c.commit(ids[1])
		k.awaitCommit(t, group, topic, 2)
		other := k.run(t).avroOut(t, topic, "groupId="+k.group(), "autoCommit=true")
		for range 3 {
			other.record()
		}
		other.commit(ids[2])
		other.failure("INVALID_MESSAGE")
		other.commit("")
		other.failure("INVALID_MESSAGE")
	})
}

func TestAvroUndecodableIsBytesAndCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.start(t)
		for _, bad := range undecodable() {
			topic := k.topic(t, 1)
			k.produce(t, topic, &kgo.Record{Value: bad.bytes}, &kgo.Record{Key: bad.bytes})
			c := p.avroOut(t, topic, "keyType="+bad.format, "valType="+bad.format)
			if got := c.record(); !reflect.DeepEqual(got.Value, bad.bytes) || got.Headers != nil {
				t.Errorf("%s: got %+v", bad.name, got)
			}
			if got := c.record(); !reflect.DeepEqual(got.Key, bad.bytes) {
				t.Errorf("%s: got %+v", bad.name, got)
			}
			c.close()
			metric := fmt.Sprintf("wsproxy_records_undecodable_total{topic=%q} 2\n", topic)
			eventually(t, metric, func() bool { return strings.Contains(p.manage(t, "/metrics").body, metric) })
		}
	})
}

func TestAvroConnectionsAreCountedByPayload(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.start(t)
		in, _, out := p.avroIn(t, topic), p.in(t, topic, "socketPayload=JSON"), p.avroOut(t, topic)
		for _, labels := range []string{`direction="in",payload="avro"`, `direction="in",payload="json"`, `direction="out",payload="avro"`} {
			metric := "wsproxy_connections{" + labels + "} 1\n"
			eventually(t, metric, func() bool { return strings.Contains(p.manage(t, "/metrics").body, metric) })
		}
		in.close()
		out.close()
		metric := "wsproxy_connections{direction=\"in\",payload=\"avro\"} 0\n"
		eventually(t, metric, func() bool { return strings.Contains(p.manage(t, "/metrics").body, metric) })
	})
}

// Records written with one socketPayload are read with the other.
func TestAvroAndJSONTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		p.in(t, topic, "keyType=long", "valType=double").send(`{"key":{"value":"9007199254740993"},"value":{"value":0.1},"headers":[{"key":"h","value":null}]}`)
		out := p.avroOut(t, topic, "keyType=long", "valType=double")
		got := out.record()
		if want := []avroHeader{{"h", ""}}; got.Key != int64(9007199254740993) || got.Value != 0.1 || !reflect.DeepEqual(*got.Headers, want) {
			t.Errorf("got %+v", got)
		}
		in := p.avroIn(t, topic, "keyType=long", "valType=double")
		in.produce(avroMessage{Key: int64(9007199254740993), Value: 0.1})
		in.result()
		d := p.out(t, topic, "keyType=long", "valType=double").deliveries(2)[1]
		if string(d.Key.Value) != "9007199254740993" || string(d.Value.Value) != "0.1" {
			t.Errorf("got %s, %s", d.Key.Value, d.Value.Value)
		}
	})
}

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// value is a value in a format: as JSON and as the bytes that it has in Kafka, which are made
// here without the proxy's code.
type value struct {
	name, format, json string
	bytes              []byte
}

func big16(n int16) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func big32(n int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func big64(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func bigFloat(x float32) []byte {
	return binary.BigEndian.AppendUint32(nil, math.Float32bits(x))
}

func bigDouble(x float64) []byte {
	return binary.BigEndian.AppendUint64(nil, math.Float64bits(x))
}

// bothWays are values that come out of /socket/out with the same text that goes into
// /socket/in.
func bothWays() []value {
	binaryBytes := []byte{0, 1, 0xFF, 0xFE, 0x80, '\n'}
	inBase64 := `"` + base64.StdEncoding.EncodeToString(binaryBytes) + `"`
	rawJSON := `{"b":1.0,"a":[1e2, "\u00e9\/" , null],"b":0.10}`
	return []value{
		{"text", "string", `"foo"`, []byte("foo")},
		{"text that is not ASCII", "string", `"grüße, 世界 😀"`, []byte("grüße, 世界 😀")},
		{"empty text", "string", `""`, []byte{}},
		{"JSON kept byte for byte", "json", rawJSON, []byte(rawJSON)},
		{"a JSON string", "json", `"foo"`, []byte(`"foo"`)},
		{"a JSON number beyond a double", "json", `12345678901234567890.10`, []byte(`12345678901234567890.10`)},
		{"a lone surrogate in JSON", "json", `"\ud800"`, []byte(`"\ud800"`)},
		{"bytes", "bytearray", inBase64, binaryBytes},
		{"no bytes", "bytearray", `""`, []byte{}},
		{"Avro bytes", "avro", inBase64, binaryBytes},
		{"smallest short", "short", "-32768", big16(math.MinInt16)},
		{"largest short", "short", "32767", big16(math.MaxInt16)},
		{"smallest int", "int", "-2147483648", big32(math.MinInt32)},
		{"largest int", "int", "2147483647", big32(math.MaxInt32)},
		{"smallest long", "long", "-9223372036854775808", big64(math.MinInt64)},
		{"largest long", "long", "9223372036854775807", big64(math.MaxInt64)},
		{"a long that a double rounds", "long", "9007199254740993", big64(9007199254740993)},
		{"double", "double", "-0.1", bigDouble(-0.1)},
		{"largest double", "double", "1.7976931348623157e+308", bigDouble(math.MaxFloat64)},
		{"double NaN", "double", `"NaN"`, big64(0x7ff8000000000000)},
		{"double infinity", "double", `"Infinity"`, bigDouble(math.Inf(1))},
		{"float", "float", "3.25", bigFloat(3.25)},
		{"float that is no short decimal", "float", "0.1", bigFloat(0.1)},
		{"float NaN", "float", `"NaN"`, big32(0x7fc00000)},
		{"float minus infinity", "float", `"-Infinity"`, bigFloat(float32(math.Inf(-1)))},
	}
}

// inOnly are further spellings that /socket/in takes.
func inOnly() []value {
	return []value{
		{"escapes in text", "string", `"a\u00e9\n\"\ud83d\ude00"`, []byte("aé\n\"😀")},
		{"a name in capitals", "STRING", `"foo"`, []byte("foo")},
		{"the other name of bytearray", "byte_array", `"AQI="`, []byte{1, 2}},
		{"an integer with a fraction of zero", "int", "1.0", big32(1)},
		{"an integer with an exponent", "short", "1e2", big16(100)},
		{"a long as text", "long", `"9007199254740993"`, big64(9007199254740993)},
	}
}

func TestInWritesEveryFormatAsItsBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		values := append(bothWays(), inOnly()...)
		for _, v := range values {
			c.send(fmt.Sprintf(`{"key":{"value":%s,"format":%q},"value":{"value":%s,"format":%q}}`, v.json, v.format, v.json, v.format))
			c.ack()
		}
		for i, r := range k.records(t, topic) {
			wantBytes(t, values[i].name+" as key", r.Key, values[i].bytes)
			wantBytes(t, values[i].name+" as value", r.Value, values[i].bytes)
		}
	})
}

func TestInTakesFormatsFromItsParameters(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		values := append(bothWays(), inOnly()...)
		for _, v := range values {
			c := k.run(t).in(t, topic, "keyType="+v.format, "valType="+v.format)
			c.send(fmt.Sprintf(`{"key":{"value":%s},"value":{"value":%s}}`, v.json, v.json))
			c.ack()
			c.close()
		}
		for i, r := range k.records(t, topic) {
			wantBytes(t, values[i].name+" as key", r.Key, values[i].bytes)
			wantBytes(t, values[i].name+" as value", r.Value, values[i].bytes)
		}
	})
}

func TestInFormatOfAMessageWinsOverTheParameter(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic, "keyType=int", "valType=long")
		c.send(`{"key":{"value":"k","format":"string"},"value":{"value":7,"format":"short"}}`)
		c.ack()
		r := k.records(t, topic)[0]
		wantBytes(t, "key", r.Key, []byte("k"))
		wantBytes(t, "value", r.Value, big16(7))
	})
}

func TestInNullAndEmptyKeysAndValues(t *testing.T) {
	cases := []struct {
		name, message string
		key, value    []byte
	}{
		{"value null", `{"key":{"value":"k"},"value":null}`, []byte("k"), nil},
		{"value object null", `{"key":{"value":"k"},"value":{"value":null}}`, []byte("k"), nil},
		{"tombstone with a format", `{"key":{"value":"k"},"value":{"value":null,"format":"int"}}`, []byte("k"), nil},
		{"tombstone as json", `{"key":{"value":"k"},"value":{"value":null,"format":"json"}}`, []byte("k"), nil},
		{"no key", `{"value":{"value":"v"}}`, nil, []byte("v")},
		{"key null", `{"key":null,"value":{"value":"v"}}`, nil, []byte("v")},
		{"key object null", `{"key":{"value":null},"value":{"value":"v"}}`, nil, []byte("v")},
		{"empty key and value", `{"key":{"value":""},"value":{"value":""}}`, []byte{}, []byte{}},
		{"unknown members", `{"x":{"y":[1]},"value":{"value":"v","z":0}}`, nil, []byte("v")},
		{"optional members null", `{"headers":null,"partition":null,"timestamp":null,"messageId":null,"value":{"value":"v"}}`, nil, []byte("v")},
	}
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		for _, test := range cases {
			c.send(test.message)
			c.ack()
		}
		for i, r := range k.records(t, topic) {
			wantBytes(t, cases[i].name+": key", r.Key, cases[i].key)
			wantBytes(t, cases[i].name+": value", r.Value, cases[i].value)
		}
	})
}

func TestInHeadersKeepOrderDuplicatesNullsAndBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		c.send(`{"headers":[{"key":"b","value":"1"},{"key":"a","value":"ü"},{"key":"b","value":"2"},{"key":"n","value":null},` +
			`{"key":"e","value":""},{"key":"x","value":{"value":"/wA=","format":"bytearray"}},{"key":"","value":"no name"}],"value":{"value":"v"}}`)
		c.ack()
		want := []kgo.RecordHeader{
			{Key: "b", Value: []byte("1")},
			{Key: "a", Value: []byte("ü")},
			{Key: "b", Value: []byte("2")},
			{Key: "n"},
			{Key: "e", Value: []byte{}},
			{Key: "x", Value: []byte{0xFF, 0}},
			{Key: "", Value: []byte("no name")},
		}
		got := k.records(t, topic)[0].Headers
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for i := range want {
			if got[i].Key != want[i].Key {
				t.Errorf("header %d is %q, want %q", i, got[i].Key, want[i].Key)
			}
			wantBytes(t, fmt.Sprintf("header %d", i), got[i].Value, want[i].Value)
		}
	})
}

func TestInPinsPartitionAndTimestamp(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 3)
		c := k.run(t).in(t, topic)
		for partition := range int32(3) {
			// All with one key, which alone would put them into one partition.
			c.send(fmt.Sprintf(`{"key":{"value":"k"},"value":{"value":"v"},"partition":%d,"timestamp":%d}`, partition, 1554896731782+int64(partition)))
			a := c.ack()
			if a.Topic != topic || a.Partition != partition || a.Offset != 0 || a.Timestamp != 1554896731782+int64(partition) {
				t.Errorf("answered %+v for partition %d", a, partition)
			}
		}
		for i, r := range k.records(t, topic) {
			if r.Partition != int32(i) || r.Timestamp.UnixMilli() != 1554896731782+int64(i) {
				t.Errorf("record %d is in partition %d at %v", i, r.Partition, r.Timestamp)
			}
		}
	})
}

// badMessages are messages that cannot be produced, with the code of their error and what its
// message names.
func badMessages() []struct{ name, message, code, names string } {
	return []struct{ name, message, code, names string }{
		{"nothing", ``, "INVALID_JSON", "empty"},
		{"white space", ` `, "INVALID_JSON", "JSON"},
		{"not JSON", `hello`, "INVALID_JSON", "JSON"},
		{"half of an object", `{"value":{"value":"v"}`, "INVALID_JSON", "JSON"},
		{"two objects", `{"value":null}{"value":null}`, "INVALID_JSON", "JSON"},
		{"a leading zero", `{"value":{"value":01,"format":"json"}}`, "INVALID_JSON", "JSON"},
		{"a raw control character", "{\"value\":{\"value\":\"\x01\"}}", "INVALID_JSON", "JSON"},
		{"a number", `7`, "INVALID_MESSAGE", "object"},
		{"no value", `{"key":{"value":"k"}}`, "INVALID_MESSAGE", "value"},
		{"a bare value", `{"value":"v"}`, "INVALID_MESSAGE", "value"},
		{"an object without value", `{"value":{"format":"string"}}`, "INVALID_MESSAGE", "value.value"},
		{"an unknown format", `{"value":{"value":"v","format":"integer"}}`, "INVALID_MESSAGE", "value.format"},
		{"an unknown format of a tombstone", `{"value":{"value":null,"format":"integer"}}`, "INVALID_MESSAGE", "value.format"},
		{"a key of another shape", `{"key":"k","value":null}`, "INVALID_MESSAGE", "key"},
		{"headers of another shape", `{"headers":{"a":"b"},"value":null}`, "INVALID_MESSAGE", "headers"},
		{"a header with a number", `{"headers":[{"key":"a","value":1}],"value":null}`, "INVALID_MESSAGE", "headers[0]"},
		{"a messageId that is a number", `{"messageId":1,"value":null}`, "INVALID_MESSAGE", "messageId"},
		{"a partition as text", `{"partition":"0","value":null}`, "INVALID_MESSAGE", "partition"},
		{"text as int", `{"value":{"value":"7","format":"int"}}`, "INVALID_VALUE", "value"},
		{"a fraction as int", `{"value":{"value":1.5,"format":"int"}}`, "INVALID_VALUE", "value"},
		{"too large for short", `{"value":{"value":32768,"format":"short"}}`, "INVALID_VALUE", "value"},
		{"too small for int", `{"value":{"value":-2147483649,"format":"int"}}`, "INVALID_VALUE", "value"},
		{"too large for long", `{"value":{"value":9223372036854775808,"format":"long"}}`, "INVALID_VALUE", "value"},
		{"too large for double", `{"value":{"value":1e309,"format":"double"}}`, "INVALID_VALUE", "value"},
		{"too large for float", `{"value":{"value":1e39,"format":"float"}}`, "INVALID_VALUE", "value"},
		{"a number as string", `{"value":{"value":7}}`, "INVALID_VALUE", "value"},
		{"a lone surrogate", `{"value":{"value":"\ud800"}}`, "INVALID_VALUE", "value"},
		{"base64 without padding", `{"value":{"value":"AQI","format":"bytearray"}}`, "INVALID_VALUE", "value"},
		{"base64 of URLs", `{"value":{"value":"_-8=","format":"bytearray"}}`, "INVALID_VALUE", "value"},
		{"base64 with a line end", `{"value":{"value":"AQI\n=","format":"bytearray"}}`, "INVALID_VALUE", "value"},
		{"a header's base64", `{"headers":[{"key":"a","value":{"value":"!","format":"bytearray"}}],"value":null}`, "INVALID_VALUE", "headers[0]"},
		{"a key that does not fit", `{"key":{"value":"k","format":"long"},"value":null}`, "INVALID_VALUE", "key"},
		{"a negative timestamp", `{"timestamp":-1,"value":null}`, "INVALID_VALUE", "timestamp"},
		{"a timestamp beyond long", `{"timestamp":9223372036854775808,"value":null}`, "INVALID_VALUE", "timestamp"},
		{"a timestamp years ahead", `{"timestamp":99999999999999,"value":null}`, "INVALID_VALUE", "timestamp"},
		{"a partition beyond the last", `{"partition":1,"value":null}`, "INVALID_PARTITION", "partition"},
		{"a negative partition", `{"partition":-1,"value":null}`, "INVALID_PARTITION", "partition"},
		{"a partition beyond int", `{"partition":4294967296,"value":null}`, "INVALID_PARTITION", "partition"},
		{"JSON nested too deep", nested("json", 513), "INVALID_VALUE", "value"},
		{"JSON nested a hundred thousand deep", nested("json", 100_000), "INVALID_VALUE", "value"},
		{"a hundred thousand open brackets", strings.Repeat("[", 100_000), "INVALID_JSON", "JSON"},
	}
}

// nested is a message whose value is an array in an array, depth deep.
func nested(format string, depth int) string {
	return `{"value":{"value":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `,"format":"` + format + `"}}`
}

func TestSorePointInvalidInputDoesNotCloseTheSocket(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		for i, bad := range badMessages() {
			c.send(bad.message)
			f := c.refusal(bad.code)
			if !strings.Contains(f.Message, bad.names) || f.Retriable {
				t.Errorf("%s: %+v should name %q and not be retriable", bad.name, f, bad.names)
			}
			c.send(fmt.Sprintf(`{"value":{"value":"after %d"}}`, i))
			if a := c.ack(); a.Offset != int64(i) {
				t.Errorf("%s: the message after it has offset %d, want %d", bad.name, a.Offset, i)
			}
		}
		if got, want := len(k.records(t, topic)), len(badMessages()); got != want {
			t.Errorf("%d records in Kafka, want %d", got, want)
		}
	})
}

func TestSorePointKeyOfWrongTypeIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic, "keyType=long")
		c.send(`{"messageId":"m1","key":{"value":"not a number"},"value":{"value":"v"}}`)
		frame := c.read()
		a := parse[answer](t, frame)
		if a.Error == nil || a.Error.Code != "INVALID_VALUE" || !strings.Contains(a.Error.Message, "key") || a.MessageID == nil || *a.MessageID != "m1" {
			t.Errorf("got %s", frame)
		}
		if got := k.records(t, topic); len(got) != 0 {
			t.Errorf("%d records were written", len(got))
		}
	})
}

func TestInTakesJSONAsDeepAsAllowed(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		c.send(nested("json", 512))
		c.ack()
		wantBytes(t, "value", k.records(t, topic)[0].Value, []byte(strings.Repeat("[", 512)+strings.Repeat("]", 512)))
	})
}

func wantBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		t.Errorf("%s: Kafka has %#v, want %#v", what, got, want)
	}
}

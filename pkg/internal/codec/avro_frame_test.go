package codec

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/wsproxy/kafka-websocket-proxy/api"
)

// The frames of these tests are made by hand here, and read by the library from the schemas
// that clients get: the code under test is on neither side.

// avroNumber is a long, or whatever is encoded like one.
func avroNumber(n int64) []byte { return binary.AppendVarint(nil, n) }

// avroTexts is a string, or bytes.
func avroTexts(s string) []byte { return append(avroNumber(int64(len(s))), s...) }

// avroUnion is a key or a value: a branch, numbered as in a key, and what is in it.
type avroUnion struct {
	branch avroBranch
	datum  []byte
}

func avroText(s string) avroUnion      { return avroUnion{avroString, avroTexts(s)} }
func avroBlob(s string) avroUnion      { return avroUnion{avroBytes, avroTexts(s)} }
func avroInteger(n int32) avroUnion    { return avroUnion{avroInt, avroNumber(int64(n))} }
func avroBig(n int64) avroUnion        { return avroUnion{avroLong, avroNumber(n)} }
func avroNoKey() avroUnion             { return avroUnion{branch: avroNull} }
func avroDoubleOf(x float64) avroUnion { return avroDoubleBits(math.Float64bits(x)) }
func avroFloatOf(x float32) avroUnion  { return avroFloatBits(math.Float32bits(x)) }

func avroDoubleBits(bits uint64) avroUnion {
	return avroUnion{avroDouble, binary.LittleEndian.AppendUint64(nil, bits)}
}

func avroFloatBits(bits uint32) avroUnion {
	return avroUnion{avroFloat, binary.LittleEndian.AppendUint32(nil, bits)}
}

// avroMessage is an AvroProducerRecord. Headers are the branch with the array if not nil, and
// so is the id.
func avroMessage(key, value avroUnion, headers, id []byte) []byte {
	frame := append(avroNumber(int64(key.branch)), key.datum...)
	frame = append(append(frame, avroNumber(int64(value.branch-avroBytes))...), value.datum...)
	for _, optional := range [][]byte{headers, id} {
		if optional == nil {
			frame = append(frame, 0)
			continue
		}
		frame = append(append(frame, 2), optional...)
	}
	return frame
}

// avroHeaders is an array of one block: keys and values alternate.
func avroHeaders(texts ...string) []byte {
	var array []byte
	if len(texts) > 0 {
		array = avroNumber(int64(len(texts) / 2))
	}
	for _, text := range texts {
		array = append(array, avroTexts(text)...)
	}
	return append(array, 0)
}

// avroSchema parses the schema of a kind of message.
func avroSchema(t testing.TB, message string) avro.Schema {
	t.Helper()
	text, err := api.AvroSchema(message)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// avroRead decodes a frame by the schema of a kind of message.
func avroRead(t testing.TB, message string, frame []byte) map[string]any {
	t.Helper()
	return avroReadAs(t, avroSchema(t, message), frame)
}

// avroReadAs decodes a frame by a schema and checks that nothing is behind it.
func avroReadAs(t testing.TB, schema avro.Schema, frame []byte) map[string]any {
	t.Helper()
	r := avro.NewReader(nil, 0).Reset(frame)
	var datum map[string]any
	r.ReadVal(schema, &datum)
	if r.Error != nil {
		t.Fatalf("%.200x is no %s: %v", frame, schema, r.Error)
	}
	if r.Peek(); r.Error == nil {
		t.Fatalf("%.200x is longer than a %s", frame, schema)
	}
	return datum
}

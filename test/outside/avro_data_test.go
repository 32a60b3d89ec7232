package outside

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tombstoneName is the header that marks tombstones (docs/protocol.md).
const tombstoneName = "wsproxy.tombstone"

// content is a key or a value: the branch of its union, and what is in it as text. Bytes,
// doubles and floats are the hexadecimal digits of what Kafka holds.
type content [2]string

// avroRecord is a record in the form in which the scripts get it, and print what they read.
type avroRecord struct {
	Key     *content    `json:"key"`
	Value   content     `json:"value"`
	Headers [][2]string `json:"headers"`
	ID      *string     `json:"clientMessageId"`
}

// avroSample is a record for /socket/in with its expected results.
type avroSample struct {
	sent      avroRecord
	written   kgo.Record // key, value and headers
	delivered avroRecord
}

// formats are all formats, in an order in which adjacent ones have different branches.
func formats() []string {
	return []string{"json", "bytearray", "string", "int", "avro", "short", "long", "double", "float"}
}

// avroSamples makes records whose keys and values have formats; the same at each call.
func avroSamples(count int, keyFormat, valFormat func(i int) string) []*avroSample {
	random := rand.New(rand.NewPCG(3, 4))
	samples := make([]*avroSample, count)
	for i := range samples {
		samples[i] = avroSampleOf(random, keyFormat(i), valFormat(i), i)
	}
	return samples
}

func avroSampleOf(random *rand.Rand, keyFormat, valFormat string, i int) *avroSample {
	s := new(avroSample)
	s.sent.Value, s.written.Value = valueOf(random, valFormat, i)
	if random.IntN(5) > 0 {
		key, raw := valueOf(random, keyFormat, i/2)
		s.sent.Key, s.written.Key = &key, raw
	}
	if random.IntN(3) > 0 {
		id := randomString(random)
		s.sent.ID = &id
	}
	s.sent.Headers = randomHeaders(random)
	for _, h := range s.sent.Headers {
		s.written.Headers = append(s.written.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	s.delivered = s.sent
	if len(s.delivered.Headers) == 0 {
		s.delivered.Headers = nil
	}
	if random.IntN(10) == 0 {
		s.bury(random)
	}
	return s
}

// bury makes the record a tombstone, by a header anywhere among the others. The value does not matter
// then.
func (s *avroSample) bury(random *rand.Rand) {
	s.sent.Value, _ = valueOf(random, formats()[random.IntN(len(formats()))], random.IntN(100))
	s.written.Value = nil
	mark := [2]string{tombstoneName, "true"}
	s.sent.Headers = slices.Insert(slices.Clone(s.sent.Headers), random.IntN(len(s.sent.Headers)+1), mark)
	s.delivered.Value = content{"bytes", ""}
	s.delivered.Headers = append(slices.Clone(s.delivered.Headers), mark)
}

// randomHeaders returns null, none, or some with keys that come more than once.
func randomHeaders(random *rand.Rand) [][2]string {
	if random.IntN(3) == 0 {
		return nil
	}
	headers := [][2]string{}
	for range random.IntN(4) {
		headers = append(headers, [2]string{"h" + strconv.Itoa(random.IntN(2)), randomString(random)})
	}
	return headers
}

// valueOf returns the i-th value of a format, and its bytes in Kafka. The first ones are the
// extremes.
func valueOf(random *rand.Rand, format string, i int) (content, []byte) {
	switch format {
	case "bytearray", "avro":
		raw := randomBytes(random)
		return content{"bytes", hex.EncodeToString(raw)}, raw
	case "string":
		text := randomString(random)
		return content{"string", text}, []byte(text)
	case "json":
		text := randomJSON(random)
		return content{"string", text}, []byte(text)
	case "double":
		raw := binary.BigEndian.AppendUint64(nil, pick(i, doubles(), random.Uint64()&^(1<<62))) // never NaN
		return content{"double", hex.EncodeToString(raw)}, raw
	case "float":
		raw := binary.BigEndian.AppendUint32(nil, pick(i, floats(), random.Uint32()&^(1<<30)))
		return content{"float", hex.EncodeToString(raw)}, raw
	}
	return integerOf(random, format, i)
}

func integerOf(random *rand.Rand, format string, i int) (content, []byte) {
	switch format {
	case "int":
		n := pick(i, []int32{math.MinInt32, math.MaxInt32, 0, -1}, int32(random.Uint32()))
		return content{"int", strconv.Itoa(int(n))}, binary.BigEndian.AppendUint32(nil, uint32(n))
	case "short":
		n := pick(i, []int16{math.MinInt16, math.MaxInt16, 0, -1}, int16(random.Uint32()))
		return content{"int", strconv.Itoa(int(n))}, binary.BigEndian.AppendUint16(nil, uint16(n))
	default:
		n := pick(i, []int64{math.MinInt64, math.MaxInt64, 0, -1, 1<<53 + 1}, int64(random.Uint64()))
		return content{"long", strconv.FormatInt(n, 10)}, binary.BigEndian.AppendUint64(nil, uint64(n))
	}
}

// pick returns the i-th of some, or where there is none, another.
func pick[T any](i int, some []T, other T) T {
	if i < len(some) {
		return some[i]
	}
	return other
}

// doubles are bits of doubles; the only NaN is the one that languages make.
func doubles() []uint64 {
	bits := []uint64{0x7ff8_0000_0000_0000, 1, math.Float64bits(math.Copysign(0, -1))}
	for _, f := range []float64{0, math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, 0.1} {
		bits = append(bits, math.Float64bits(f))
	}
	return bits
}

func floats() []uint32 {
	bits := []uint32{0x7fc0_0000, 1, 1 << 31}
	for _, f := range []float32{0, float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, -math.MaxFloat32, 0.1} {
		bits = append(bits, math.Float32bits(f))
	}
	return bits
}

func randomBytes(random *rand.Rand) []byte {
	raw := make([]byte, random.IntN(300))
	for i := range raw {
		raw[i] = byte(random.Uint32())
	}
	return raw
}

// randomString returns text of characters of all lengths in UTF-8.
func randomString(random *rand.Rand) string {
	characters := []rune("a\x00\"\\\n\u007füß\u2028語\ufffd🐘\U0010ffff")
	var text strings.Builder
	for range random.IntN(40) {
		text.WriteRune(characters[random.IntN(len(characters))])
	}
	return text.String()
}

// randomJSON returns JSON with what a parser would change: white space, forms of numbers,
// members that come twice.
func randomJSON(random *rand.Rand) string {
	text, err := json.Marshal(randomString(random))
	if err != nil {
		panic(err) // a string can be encoded
	}
	return pick(random.IntN(5), []string{
		string(text), "1.0e+02", "9007199254740993", `{"b":` + string(text) + `, "a" : [1.50,null] ,"b":-0}`,
	}, " [ ] \n")
}

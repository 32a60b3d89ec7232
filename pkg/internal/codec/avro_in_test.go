package codec

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// decodeAvro decodes a frame, which is always one message.
func decodeAvro(t testing.TB, settings InSettings, frame []byte) Message {
	t.Helper()
	sent := bytes.Clone(frame)
	messages, batch := NewAvroIn(settings).Decode(sent, nil)
	clear(sent) // the message must not share memory with it
	if batch != nil || len(messages) != 1 {
		t.Fatalf("%d messages, batch %v, want 1, nil", len(messages), batch)
	}
	return messages[0]
}

// blocks is an array of several blocks, which say their sizes.
func blocks(headers ...[]string) []byte {
	var array []byte
	for _, texts := range headers {
		var elements []byte
		for _, text := range texts {
			elements = append(elements, avroTexts(text)...)
		}
		array = append(array, avroNumber(-int64(len(texts)/2))...)
		array = append(array, avroNumber(int64(len(elements)))...)
		array = append(array, elements...)
	}
	return append(array, 0)
}

func TestAvroDecode(t *testing.T) {
	record := func(key, value []byte, headers ...proxy.Header) proxy.Record {
		return proxy.Record{Partition: proxy.AnyPartition, Key: key, Value: value, Headers: headers}
	}
	header := func(key, value string) proxy.Header { return proxy.Header{Key: key, Value: []byte(value)} }
	none := proxy.FormatNone
	v := avroText("v")
	for name, test := range map[string]struct {
		key, value proxy.Format
		frame      []byte
		want       Message
	}{
		"everything": {
			none, none, avroMessage(avroText("foo"), avroText("bar"), avroHeaders("h", "v", "h", "", "", "grün"), avroTexts("m1")),
			Message{Record: record([]byte("foo"), []byte("bar"), header("h", "v"), header("h", ""), header("", "grün")), ID: "m1", HasID: true},
		},
		"value only":             {none, none, avroMessage(avroNoKey(), v, nil, nil), Message{Record: record(nil, []byte("v"))}},
		"no key of a given type": {proxy.FormatInt, none, avroMessage(avroNoKey(), v, nil, nil), Message{Record: record(nil, []byte("v"))}},
		"empty texts":            {none, none, avroMessage(avroText(""), avroBlob(""), nil, avroTexts("")), Message{Record: record([]byte{}, []byte{}), HasID: true}},
		"no headers":             {none, none, avroMessage(avroNoKey(), v, avroHeaders(), nil), Message{Record: record(nil, []byte("v"))}},
		"blocks that say their size": {
			none, none, avroMessage(avroNoKey(), v, blocks([]string{"a", "1"}, []string{"b", "2", "c", "3"}), nil),
			Message{Record: record(nil, []byte("v"), header("a", "1"), header("b", "2"), header("c", "3"))},
		},
		"numbers that are longer than they must be": {
			none, none,
			[]byte{0x80, 0x00, 0x82, 0x00, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 'v', 0x00, 0x00},
			Message{Record: record(nil, []byte("v"))},
		},

		"no type, bytes":  {none, none, avroMessage(avroBlob("\x00\xff"), avroBlob("\xfe"), nil, nil), Message{Record: record([]byte{0, 0xff}, []byte{0xfe})}},
		"no type, int":    {none, none, avroMessage(avroInteger(math.MinInt32), avroInteger(math.MaxInt32), nil, nil), Message{Record: record([]byte{0x80, 0, 0, 0}, []byte{0x7f, 0xff, 0xff, 0xff})}},
		"no type, long":   {none, none, avroMessage(avroBig(math.MinInt64), avroBig(9007199254740993), nil, nil), Message{Record: record([]byte("\x80\x00\x00\x00\x00\x00\x00\x00"), []byte("\x00\x20\x00\x00\x00\x00\x00\x01"))}},
		"no type, double": {none, none, avroMessage(avroDoubleOf(-0.5), avroDoubleBits(0x7ff0000000000001), nil, nil), Message{Record: record([]byte("\xbf\xe0\x00\x00\x00\x00\x00\x00"), []byte("\x7f\xf0\x00\x00\x00\x00\x00\x01"))}},
		"no type, float":  {none, none, avroMessage(avroFloatOf(-0.5), avroFloatBits(0x7f800001), nil, nil), Message{Record: record([]byte("\xbf\x00\x00\x00"), []byte("\x7f\x80\x00\x01"))}},

		"string":             {proxy.FormatString, proxy.FormatString, avroMessage(avroText("k"), avroText("é😀"), nil, nil), Message{Record: record([]byte("k"), []byte("é😀"))}},
		"json":               {proxy.FormatJSON, proxy.FormatJSON, avroMessage(avroText("1e2"), avroText(" {\"a\":[\"\\ud800\", 0.10] }\n"), nil, nil), Message{Record: record([]byte("1e2"), []byte(" {\"a\":[\"\\ud800\", 0.10] }\n"))}},
		"JSON null is text":  {none, proxy.FormatJSON, avroMessage(avroNoKey(), avroText("null"), nil, nil), Message{Record: record(nil, []byte("null"))}},
		"bytearray and avro": {proxy.FormatByteArray, proxy.FormatAvro, avroMessage(avroBlob("\xff"), avroBlob(""), nil, nil), Message{Record: record([]byte{0xff}, []byte{})}},
		"int":                {proxy.FormatInt, proxy.FormatInt, avroMessage(avroInteger(1), avroInteger(-2), nil, nil), Message{Record: record([]byte{0, 0, 0, 1}, []byte{0xff, 0xff, 0xff, 0xfe})}},
		"short":              {proxy.FormatShort, proxy.FormatShort, avroMessage(avroInteger(math.MinInt16), avroInteger(math.MaxInt16), nil, nil), Message{Record: record([]byte{0x80, 0}, []byte{0x7f, 0xff})}},
		"long":               {proxy.FormatLong, proxy.FormatLong, avroMessage(avroBig(1), avroBig(-2), nil, nil), Message{Record: record([]byte("\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("\xff\xff\xff\xff\xff\xff\xff\xfe"))}},
		"int widens to long": {proxy.FormatLong, proxy.FormatLong, avroMessage(avroInteger(1), avroInteger(-2), nil, nil), Message{Record: record([]byte("\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("\xff\xff\xff\xff\xff\xff\xff\xfe"))}},
		"double":             {proxy.FormatDouble, proxy.FormatDouble, avroMessage(avroDoubleOf(2), avroDoubleOf(math.Inf(-1)), nil, nil), Message{Record: record([]byte("\x40\x00\x00\x00\x00\x00\x00\x00"), []byte("\xff\xf0\x00\x00\x00\x00\x00\x00"))}},
		"float":              {proxy.FormatFloat, proxy.FormatFloat, avroMessage(avroFloatOf(2), avroFloatOf(float32(math.Inf(1))), nil, nil), Message{Record: record([]byte("\x40\x00\x00\x00"), []byte("\x7f\x80\x00\x00"))}},

		"tombstone":                       {none, none, avroMessage(avroText("k"), avroBlob(""), avroHeaders("wsproxy.tombstone", "true"), nil), Message{Record: record([]byte("k"), nil)}},
		"tombstone, whatever the type":    {none, proxy.FormatInt, avroMessage(avroText("k"), avroBlob(""), avroHeaders("wsproxy.tombstone", "true"), avroTexts("m")), Message{Record: record([]byte("k"), nil), ID: "m", HasID: true}},
		"tombstone, whatever the value":   {none, proxy.FormatJSON, avroMessage(avroText("k"), avroInteger(5), avroHeaders("wsproxy.tombstone", "true"), nil), Message{Record: record([]byte("k"), nil)}},
		"tombstone among other headers":   {none, none, avroMessage(avroNoKey(), avroBlob(""), blocks([]string{"a", "1"}, []string{"wsproxy.tombstone", "true", "b", "2"}), nil), Message{Record: record(nil, nil, header("a", "1"), header("b", "2"))}},
		"a header that marks nothing":     {none, none, avroMessage(avroNoKey(), v, avroHeaders("wsproxy.tombstone", "false"), nil), Message{Record: record(nil, []byte("v"), header("wsproxy.tombstone", "false"))}},
		"a header of a name in capitals":  {none, none, avroMessage(avroNoKey(), v, avroHeaders("WSProxy.Tombstone", "true"), nil), Message{Record: record(nil, []byte("v"), header("WSProxy.Tombstone", "true"))}},
		"a header that looks like base64": {none, none, avroMessage(avroNoKey(), v, avroHeaders("h;base64", "/w=="), nil), Message{Record: record(nil, []byte("v"), header("h;base64", "/w=="))}},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeAvro(t, InSettings{Topic: "t", KeyFormat: test.key, ValueFormat: test.value}, test.frame)
			if len(got.Record.Headers) == 0 {
				got.Record.Headers = nil
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v (%v)\nwant %+v", got, got.Err, test.want)
			}
			avroRead(t, "producer/record", test.frame) // the frame is what it should be
		})
	}
}

func TestAvroDecodeRefusesMessage(t *testing.T) {
	message := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	noKey, v, none := []byte{0}, []byte{2, 2, 'v'}, []byte{0}
	list := func(parts ...[]byte) []byte { return message(noKey, v, []byte{2}, bytes.Join(parts, nil), none) }
	h := append(avroTexts("h"), avroTexts("v")...)
	for name, test := range map[string]struct {
		frame   []byte
		message string // part of it
	}{
		"nothing":      {nil, "empty"},
		"JSON":         {[]byte(`{"value":{"value":"v"}}`), "byte 0, a union has no branch"},
		"text":         {[]byte("hello"), "byte 0, a union has no branch"},
		"zeroes":       {make([]byte, 100), "byte 5, more bytes follow"},
		"a byte more":  {message(noKey, v, none, none, none), "byte 6, more bytes follow"},
		"two messages": {message(noKey, v, none, none, noKey, v, none, none), "more bytes follow"},

		"key of branch 7":                 {message(avroNumber(7), v, none, none), "byte 0, a union"},
		"key of branch -1":                {message(avroNumber(-1), v, none, none), "byte 0, a union"},
		"key of branch 2^33":              {message(avroNumber(1<<33), v, none, none), "byte 0, an int, or the number of a branch"},
		"key of branch 2^8":               {message(avroNumber(1<<8), v, none, none), "byte 0, a union"},
		"key of the smallest branch":      {message(avroNumber(math.MinInt64), v, none, none), "byte 0, an int, or the number of a branch"},
		"value of branch 6":               {message(noKey, avroNumber(6), v, none, none), "byte 1, a union"},
		"value of branch -1":              {message(noKey, avroNumber(-1), v, none, none), "byte 1, a union"},
		"headers of branch 2":             {message(noKey, v, avroNumber(2), none), "byte 4, a union"},
		"clientMessageId of branch 2":     {message(noKey, v, none, avroNumber(2)), "byte 5, a union"},
		"clientMessageId of branch -2^63": {message(noKey, v, none, avroNumber(math.MinInt64)), "byte 5, an int, or the number of a branch"},

		"a length beyond the end":      {message(noKey, []byte{2}, avroNumber(4), []byte("abc")), "byte 2, a length"},
		"a length of 2^33":             {message(noKey, []byte{2}, avroNumber(1<<33), []byte("abc")), "byte 2, a length"},
		"the largest length":           {message(noKey, []byte{2}, avroNumber(math.MaxInt64), []byte("abc")), "byte 2, a length"},
		"a length of -1":               {message(noKey, []byte{0}, avroNumber(-1), []byte("abc")), "byte 2, a length"},
		"a length of -2^63":            {message(noKey, []byte{0}, avroNumber(math.MinInt64)), "byte 2, a length"},
		"a header's length beyond":     {list(avroNumber(1), avroTexts("h"), avroNumber(1<<33), none), "a length"},
		"a number without end":         {message(noKey, []byte{6}, bytes.Repeat([]byte{0xff}, 20)), "byte 2, a number has more than 64 bits"},
		"a number of 65 bits":          {message(noKey, []byte{6}, bytes.Repeat([]byte{0xff}, 9), []byte{2}, none, none), "byte 2, a number has more than 64 bits"},
		"a branch of 65 bits":          {message(bytes.Repeat([]byte{0x80}, 9), []byte{2}, v, none, none), "byte 0, a number has more than 64 bits"},
		"an int of 33 bits":            {message(noKey, []byte{4}, avroNumber(1<<31), none, none), "byte 2, an int, or the number of a branch, has more"},
		"a negative int of 33 bits":    {message(noKey, []byte{4}, avroNumber(math.MinInt32-1), none, none), "byte 2, an int, or the number of a branch, has more"},
		"an int of six bytes":          {message(noKey, []byte{4}, []byte{0x82, 0x80, 0x80, 0x80, 0x80, 0x00}, none, none), "byte 2, an int, or the number of a branch, has more"},
		"an int that the library cuts": {message(noKey, []byte{4}, []byte{0x82, 0x80, 0x80, 0x80, 0x10}, none, none), "byte 2, an int, or the number of a branch, has more"},

		"a block of 2^33":                 {list(avroNumber(1<<33), h, none), "byte 5, an array"},
		"a block of -2^63":                {list(avroNumber(math.MinInt64), h, none), "byte 5, an array"},
		"a block of -2^63 and a size":     {list(avroNumber(math.MinInt64), avroNumber(4), h, none), "byte 5, an array"},
		"the largest block":               {list(avroNumber(math.MaxInt64), h, none), "byte 5, an array"},
		"a block of more than is left":    {list(avroNumber(4), h, none), "byte 5, an array"},
		"a block of -2^33":                {list(avroNumber(-1<<33), avroNumber(4), h, none), "byte 5, an array"},
		"a block of a negative size":      {list(avroNumber(-1), avroNumber(-4), h, none), "byte 5, an array"},
		"a block of a size beyond":        {list(avroNumber(-1), avroNumber(1<<33), h, none), "byte 5, an array"},
		"a block of a size of -2^63":      {list(avroNumber(-1), avroNumber(math.MinInt64), h, none), "byte 5, an array"},
		"a block longer than its size":    {list(avroNumber(-1), avroNumber(3), h, none), "an array's block"},
		"a block shorter than its size":   {list(avroNumber(-1), avroNumber(5), h, none), "an array's block"},
		"a block without a last one":      {message(noKey, v, []byte{2}, avroNumber(1), h), "ends inside"},
		"a second block of 2^33":          {list(avroNumber(1), h, avroNumber(1<<33), h, none), "byte 10, an array"},
		"a count of one and two headers":  {list(avroNumber(1), h, h, none), "Avro"},
		"a count of two and three pieces": {list(avroNumber(2), h, avroTexts("x"), none), "Avro"},

		"key not UTF-8":                {message([]byte{4}, avroTexts("k\xff"), v, none, none), "byte 1, a string is not UTF-8"},
		"value not UTF-8":              {message(noKey, []byte{2}, avroTexts("\xc3"), none, none), "byte 2, a string is not UTF-8"},
		"value with a surrogate":       {message(noKey, []byte{2}, avroTexts("\xed\xa0\x80"), none, none), "byte 2, a string is not UTF-8"},
		"value overlong":               {message(noKey, []byte{2}, avroTexts("\xc0\x80"), none, none), "byte 2, a string is not UTF-8"},
		"header key not UTF-8":         {list(avroNumber(1), avroTexts("\xff"), avroTexts("v"), none), "byte 6, a string is not UTF-8"},
		"header value not UTF-8":       {list(avroNumber(1), avroTexts("h"), avroTexts("\xff"), none), "byte 8, a string is not UTF-8"},
		"clientMessageId not UTF-8":    {message(noKey, v, none, []byte{2}, avroTexts("\xff")), "byte 6, a string is not UTF-8"},
		"not UTF-8 under a tombstone":  {message(noKey, []byte{2}, avroTexts("\xff"), []byte{2}, avroHeaders("wsproxy.tombstone", "true"), none), "not UTF-8"},
		"a double of 7 bytes":          {message(noKey, []byte{8}, make([]byte, 7)), "byte 2, it ends inside a number"},
		"a float of 3 bytes":           {message(noKey, []byte{10}, make([]byte, 3)), "byte 2, it ends inside a number"},
		"a registry's prefix":          {message([]byte{0, 0, 0, 0, 1}, noKey, v, none, none), "Avro"},
		"a container":                  {append([]byte("Obj\x01"), make([]byte, 40)...), "byte 0, a union"},
		"a message of half a megabyte": {append(message(noKey, v, none, none), make([]byte, 1<<19)...), "more bytes follow"},
	} {
		t.Run(name, func(t *testing.T) {
			m := decodeAvro(t, InSettings{Topic: "t"}, test.frame)
			if m.Err == nil || m.Err.Kind != proxy.KindInvalidMessage || !strings.Contains(m.Err.Message, test.message) {
				t.Fatalf("got %+v, %v, want INVALID_MESSAGE with %q", m, m.Err, test.message)
			}
			if !reflect.DeepEqual(m.Record, proxy.Record{}) || m.HasID || len(m.Err.Message) > 200 {
				t.Errorf("got %+v, %v", m, m.Err)
			}
		})
	}
}

// A message that is cut at any byte is refused, whatever it contains.
func TestAvroDecodeRefusesWhatIsCut(t *testing.T) {
	for name, frame := range map[string][]byte{
		"texts":   avroMessage(avroText("key"), avroText("grün"), avroHeaders("h", "v", "i", ""), avroTexts("m1")),
		"bytes":   avroMessage(avroBlob("key"), avroBlob("value"), blocks([]string{"h", "v"}, []string{"i", "w"}), avroTexts("")),
		"numbers": avroMessage(avroInteger(math.MinInt32), avroBig(math.MaxInt64), nil, nil),
		"floats":  avroMessage(avroDoubleOf(1), avroFloatOf(2), nil, nil),
	} {
		t.Run(name, func(t *testing.T) {
			for length := range frame {
				m := decodeAvro(t, InSettings{Topic: "t"}, frame[:length])
				if m.Err == nil || m.Err.Kind != proxy.KindInvalidMessage {
					t.Errorf("cut to %d bytes of %d: got %+v, %v", length, len(frame), m, m.Err)
				}
			}
			if m := decodeAvro(t, InSettings{Topic: "t"}, frame); m.Err != nil {
				t.Errorf("whole: %v", m.Err)
			}
		})
	}
}

func TestAvroDecodeRefusesValue(t *testing.T) {
	deep := strings.Repeat("[", 513) + strings.Repeat("]", 513)
	all := map[avroBranch]avroUnion{
		avroBytes: avroBlob("1"), avroString: avroText("1"), avroInt: avroInteger(1), avroLong: avroBig(1),
		avroDouble: avroDoubleOf(1), avroFloat: avroFloatOf(1),
	}
	fits := map[proxy.Format][]avroBranch{
		proxy.FormatJSON: {avroString}, proxy.FormatString: {avroString},
		proxy.FormatAvro: {avroBytes}, proxy.FormatByteArray: {avroBytes},
		proxy.FormatInt: {avroInt}, proxy.FormatShort: {avroInt}, proxy.FormatLong: {avroInt, avroLong},
		proxy.FormatDouble: {avroDouble}, proxy.FormatFloat: {avroFloat},
	}
	for f := proxy.FormatJSON; f <= proxy.FormatFloat; f++ {
		for branch, union := range all {
			for member, settings := range map[string]InSettings{"key": {KeyFormat: f}, "value": {ValueFormat: f}} {
				frame := avroMessage(union, avroText("v"), nil, avroTexts("m1"))
				if member == "value" {
					frame = avroMessage(avroText("k"), union, nil, avroTexts("m1"))
				}
				m := decodeAvro(t, settings, frame)
				want := bytes.ContainsRune(branchBytes(fits[f]), rune(branch))
				if (m.Err == nil) != want || m.ID != "m1" || !m.HasID {
					t.Errorf("%s %s as %s: got %+v, %v", member, branch, f, m, m.Err)
				}
				if m.Err != nil && (m.Err.Kind != proxy.KindInvalidValue || !strings.HasPrefix(m.Err.Message, member+" does not fit format "+f.String()+": its branch is "+branch.String())) {
					t.Errorf("%s %s as %s: %v", member, branch, f, m.Err)
				}
			}
		}
	}
	for name, test := range map[string]struct {
		format  proxy.Format
		value   avroUnion
		message string
	}{
		"short too large":     {proxy.FormatShort, avroInteger(32768), "value does not fit format short: 32768 is not an integer from -32768 to 32767"},
		"short too small":     {proxy.FormatShort, avroInteger(-32769), "-32769 is not"},
		"no JSON":             {proxy.FormatJSON, avroText("{"), "value does not fit format json: it is not JSON"},
		"empty JSON":          {proxy.FormatJSON, avroText(""), "it is not JSON"},
		"JSON and more":       {proxy.FormatJSON, avroText("1 2"), "it is not JSON"},
		"a leading zero":      {proxy.FormatJSON, avroText("01"), "it is not JSON"},
		"a byte order mark":   {proxy.FormatJSON, avroText("\ufeff1"), "it is not JSON"},
		"JSON nested 513":     {proxy.FormatJSON, avroText(deep), "it is JSON nested too deep"},
		"a megabyte of opens": {proxy.FormatJSON, avroText(strings.Repeat("[", 1<<20)), "it is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			m := decodeAvro(t, InSettings{ValueFormat: test.format}, avroMessage(avroNoKey(), test.value, avroHeaders("h", "v"), avroTexts("m1")))
			if m.Err == nil || m.Err.Kind != proxy.KindInvalidValue || !strings.Contains(m.Err.Message, test.message) || m.ID != "m1" {
				t.Errorf("got %+v, %v", m, m.Err)
			}
			if !reflect.DeepEqual(m.Record, proxy.Record{}) {
				t.Errorf("a record beside the error: %+v", m.Record)
			}
		})
	}
	if m := decodeAvro(t, InSettings{ValueFormat: proxy.FormatJSON}, avroMessage(avroNoKey(), avroText(deep[1:1025]), nil, nil)); m.Err != nil {
		t.Errorf("nested 512 deep: %v", m.Err)
	}
}

func branchBytes(branches []avroBranch) []byte {
	b := make([]byte, len(branches))
	for i, branch := range branches {
		b[i] = byte(branch)
	}
	return b
}

// Parts of a message lie side by side in memory: appending to one must not change another.
func TestAvroPartsAreClipped(t *testing.T) {
	frame := avroMessage(avroInteger(1), avroBig(2), avroHeaders("h", "1", "i", "2"), nil)
	r := decodeAvro(t, InSettings{}, frame).Record
	for _, part := range [][]byte{r.Key, r.Value, r.Headers[0].Value, r.Headers[1].Value} {
		_ = append(part, "overwritten"...)
	}
	want := proxy.Record{
		Partition: proxy.AnyPartition, Key: binary.BigEndian.AppendUint32(nil, 1), Value: binary.BigEndian.AppendUint64(nil, 2),
		Headers: []proxy.Header{{Key: "h", Value: []byte("1")}, {Key: "i", Value: []byte("2")}},
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v, want %+v", r, want)
	}
}

func TestAvroAppendAck(t *testing.T) {
	for name, test := range map[string]struct {
		ack   proxy.Ack
		id    string
		hasID bool
		want  any
	}{
		"plain":           {proxy.Ack{Partition: 2, Offset: 4, Timestamp: 1554896731782}, "", false, nil},
		"clientMessageId": {proxy.Ack{Partition: 2, Offset: 4, Timestamp: 1554896731782}, "m1 é", true, "m1 é"},
		"an empty one":    {proxy.Ack{}, "", true, ""},
		"a long one":      {proxy.Ack{}, strings.Repeat("m", 100_000), true, strings.Repeat("m", 100_000)},
		"largest":         {proxy.Ack{Partition: math.MaxInt32, Offset: math.MaxInt64, Timestamp: math.MaxInt64}, "", false, nil},
		"no offset":       {proxy.Ack{Partition: -1, Offset: -1, Timestamp: -1}, "", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := NewAvroIn(InSettings{Topic: "foo-bar"})
			for range 2 { // nothing is left of the first
				frame := in.AppendAck([]byte("x"), test.ack, test.id, test.hasID)
				got := avroRead(t, "producer/result", frame[1:])
				want := map[string]any{
					"topic": "foo-bar", "partition": int(test.ack.Partition), "offset": test.ack.Offset,
					"timestamp": test.ack.Timestamp, "clientMessageId": test.want,
				}
				if frame[0] != 'x' || !reflect.DeepEqual(got, want) {
					t.Errorf("got  %v\nwant %v", got, want)
				}
			}
		})
	}
}

func TestAvroIsBinary(t *testing.T) {
	if !NewAvroIn(InSettings{}).Binary() || !NewAvroOut(OutSettings{}).Binary() {
		t.Error("messages are text")
	}
}

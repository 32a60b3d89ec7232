package e2e

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// hostile is a message that a client sends by mistake or to do harm: the proxy answers it with an error
// code, or accepts it as a record whose value has these bytes.
type hostile struct {
	name, message, code string
	value               []byte // if there is no code
}

// refused makes hostile messages that are answered with a code.
func refused(code string, messages map[string]string) []hostile {
	var all []hostile
	for name, message := range messages {
		all = append(all, hostile{name: name, message: message, code: code})
	}
	return all
}

// valued is a message with a value.
func valued(json, format string) string {
	return fmt.Sprintf(`{"value":{"value":%s,"format":%q}}`, json, format)
}

// numbers are numbers at the edges of what JSON and the formats can tell, with the bytes that
// they have in each; none is a value that does not fit.
func numbers() []struct {
	name, json                       string
	short, integer, long, float, dbl []byte
} {
	const odd = 9007199254740993 // 2^53+1, which no double is
	zeroes, threes := strings.Repeat("0", 1000), strings.Repeat("3", 100_000)
	one := func() (a, b, c, d, e []byte) { return big16(1), big32(1), big64(1), bigFloat(1), bigDouble(1) }
	short1, int1, long1, float1, double1 := one()
	minus0 := math.Copysign(0, -1)
	return []struct {
		name, json                       string
		short, integer, long, float, dbl []byte
	}{
		{"1e400", `1e400`, nil, nil, nil, nil, nil},
		{"-1e400", `-1e400`, nil, nil, nil, nil, nil},
		{"1e-400", `1e-400`, nil, nil, nil, bigFloat(0), bigDouble(0)},
		{"-0", `-0`, big16(0), big32(0), big64(0), bigFloat(float32(minus0)), bigDouble(minus0)},
		{"-0.0e0", `-0.0e0`, big16(0), big32(0), big64(0), bigFloat(float32(minus0)), bigDouble(minus0)},
		{"2^53+1", `9007199254740993`, nil, nil, big64(odd), bigFloat(odd), bigDouble(9007199254740992)},
		{"-2^53-1", `-9007199254740993`, nil, nil, big64(-odd), bigFloat(-odd), bigDouble(-9007199254740992)},
		{"a fraction", `0.1`, nil, nil, nil, bigFloat(0.1), bigDouble(0.1)},
		{"too large for float alone", `3.5e38`, nil, nil, nil, nil, bigDouble(3.5e38)},
		{"an exponent beyond all", `1e99999999999999999999`, nil, nil, nil, nil, nil},
		{"zero with such an exponent", `0e99999999999999999999`, big16(0), big32(0), big64(0), bigFloat(0), bigDouble(0)},
		{"1 in a thousand digits", `1` + zeroes + `e-1000`, short1, int1, long1, float1, double1},
		{"1 after a thousand zeroes", `0.` + zeroes + `1e1001`, short1, int1, long1, float1, double1},
		{"a hundred thousand digits", `1` + strings.Repeat(zeroes, 100), nil, nil, nil, nil, nil},
		{"a hundred thousand decimals", `0.` + threes, nil, nil, nil, bigFloat(1.0 / 3), bigDouble(1.0 / 3)},
	}
}

// hostileNumbers are the numbers in every format.
func hostileNumbers() []hostile {
	var all []hostile
	for _, n := range numbers() {
		for format, value := range map[string][]byte{
			"short": n.short, "int": n.integer, "long": n.long, "float": n.float, "double": n.dbl,
			"json": []byte(n.json), "string": nil, "bytearray": nil, "avro": nil,
		} {
			h := hostile{name: n.name + " as " + format, message: valued(n.json, format), value: value}
			if value == nil {
				h.code = "INVALID_VALUE"
			}
			all = append(all, h)
		}
	}
	return append(all, refused("INVALID_VALUE", map[string]string{
		"1e400 as long, in quotes":      valued(`"1e400"`, "long"),
		"a long in quotes, with spaces": valued(`" 1"`, "long"),
		"a long in quotes, with a plus": valued(`"+1"`, "long"),
		"a long of other digits":        valued(`"0x10"`, "long"),
		"a leading zero in quotes":      valued(`"01"`, "long"),
		"an empty long":                 valued(`""`, "long"),
		"a double in quotes":            valued(`"1.5"`, "double"),
		"nan":                           valued(`"nan"`, "double"),
		"plus infinity":                 valued(`"+Infinity"`, "float"),
		"NaN as int":                    valued(`"NaN"`, "int"),
		"true as int":                   valued(`true`, "int"),
		"an array as double":            valued(`[1]`, "double"),
	})...)
}

// hostileText is text that is not JSON, though some parsers accept it.
func hostileText() []hostile {
	all := refused("INVALID_JSON", map[string]string{
		"a byte order mark":            "\uFEFF" + `{"value":null}`,
		"a mebibyte of [":              strings.Repeat("[", 1<<20),
		`a mebibyte of {"a":`:          strings.Repeat(`{"a":`, 1<<20/5),
		"a mebibyte of spaces":         strings.Repeat(" ", 1<<20),
		"10,000 [ and no ]":            `{"value":{"value":` + strings.Repeat("[", 10_000) + `,"format":"json"}}`,
		"10,000 [ and as many }":       strings.Repeat("[", 10_000) + strings.Repeat("}", 10_000),
		"NUL":                          "\x00",
		"NUL behind it":                `{"value":null}` + "\x00",
		"NUL between tokens":           "{\x00" + `"value":null}`,
		"a form feed as space":         "\f" + `{"value":null}`,
		"a no-break space":             "\u00A0" + `{"value":null}`,
		"text behind it":               `{"value":null} x`,
		"a comma behind it":            `{"value":null},`,
		"a bracket behind it":          `{"value":null}}`,
		"a comma behind the last":      `{"value":null,}`,
		"two values":                   `{"value":null null}`,
		"a comment":                    `{"value":null /* none */}`,
		"a name without quotes":        `{value:null}`,
		"single quotes":                `{'value':null}`,
		"a number as name":             `{1:null,"value":null}`,
		"True":                         valued(`True`, "json"),
		"NaN":                          valued(`NaN`, "double"),
		"Infinity":                     valued(`-Infinity`, "double"),
		"undefined":                    valued(`undefined`, "json"),
		"a leading zero":               valued(`007`, "int"),
		"a leading zero, negative":     valued(`-01`, "int"),
		"a leading plus":               valued(`+1`, "int"),
		"a leading point":              valued(`.5`, "double"),
		"a trailing point":             valued(`1.`, "double"),
		"an exponent without digits":   valued(`1e`, "double"),
		"a minus alone":                valued(`-`, "int"),
		"a hexadecimal number":         valued(`0x1F`, "int"),
		"an unknown escape":            valued(`"\x41"`, "string"),
		"an escape of three digits":    valued(`"\u123"`, "string"),
		"a backslash at the end":       `{"value":{"value":"\`,
		"a string without end":         `{"value":{"value":"x`,
		"an empty batch without end":   `[`,
		"a batch without its last":     `[{"value":null},]`,
		"a batch that holds a bad one": `[{"value":null},{]`,
		"text behind a batch":          `[{"value":null}] x`,
	})
	for c := range byte(' ') {
		all = append(all, hostile{name: fmt.Sprintf("control character %d in a string", c), message: valued(`"a`+string(rune(c))+`b"`, "string"), code: "INVALID_JSON"})
	}
	return all
}

// hostileShapes are JSON, but not what a message, a key or a value may be.
func hostileShapes() []hostile {
	all := refused("INVALID_VALUE", map[string]string{
		"half a pair":                valued(`"a\udc00b"`, "string"),
		"a pair the wrong way round": valued(`"\udc00\ud83d"`, "string"),
		"half a pair in a key":       `{"key":{"value":"\ud800"},"value":null}`,
		"half a pair in a header":    `{"headers":[{"key":"\ud800","value":null}],"value":null}`,
		"half a pair as messageId":   `{"messageId":"\ud800","value":null}`,
		"JSON 10,000 deep":           nested("json", 10_000),
		"objects 10,000 deep":        valued(strings.Repeat(`{"a":`, 10_000)+"1"+strings.Repeat("}", 10_000), "json"),
		"a key 10,000 deep":          `{"key":{"value":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `,"format":"json"},"value":null}`,
		"10,000 deep as a string":    nested("string", 10_000),
	})
	all = append(all, refused("INVALID_MESSAGE", map[string]string{
		"null":                        `null`,
		"a string":                    `"` + strings.Repeat("x", 100_000) + `"`,
		"a member in other letters":   `{"Value":null}`,
		"the last of two values":      `{"value":null,"value":7}`,
		"an unknown format, deep":     nested("jsonb", 10_000),
		"a format of 100,000 bytes":   valued("1", strings.Repeat("x", 100_000)),
		"headers 10,000 deep":         `{"headers":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `,"value":null}`,
		"a messageId of another kind": `{"messageId":["m"],"value":null}`,
	})...)
	return append(all, []hostile{
		{name: "the last of members that come twice", message: `{"value":7,"messageId":1,"value":{"value":1,"format":"int","value":"last","format":"string"},"messageId":"m"}`, value: []byte("last")},
		{name: "members that come twice, in JSON", message: valued(`{"a":1,"a":2}`, "json"), value: []byte(`{"a":1,"a":2}`)},
		{name: "half a pair in JSON", message: valued(`"\udc00\ud83d"`, "json"), value: []byte(`"\udc00\ud83d"`)},
		{name: "an escaped NUL", message: valued(`"a\u0000b"`, "string"), value: []byte("a\x00b")},
		{name: "a byte order mark in a string", message: valued("\"\uFEFFx\"", "string"), value: []byte("\uFEFFx")},
		{name: "a delete and C1 characters", message: valued("\"\x7F\u0080\u2028\"", "string"), value: []byte("\x7F\u0080\u2028")},
		{name: "a noncharacter", message: valued("\"\uFFFF\U0010FFFF\"", "string"), value: []byte("\uFFFF\U0010FFFF")},
		{name: "an unknown member 10,000 deep", message: `{"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `,"value":{"value":"v"}}`, value: []byte("v")},
		{name: "10,000 unknown members", message: "{" + strings.Repeat(`"":0,`, 10_000) + `"value":{"value":"v"}}`, value: []byte("v")},
		{name: "space in all places", message: "\r\n\t {\r\n\t \"value\"\r\n\t :\r\n\t {\"value\":\"v\"} } \r\n\t", value: []byte("v")},
	}...)
}

func TestInHostileMessagesAreAnsweredInTheirPlaces(t *testing.T) {
	t.Parallel()
	for group, messages := range map[string][]hostile{"numbers": hostileNumbers(), "text": hostileText(), "shapes": hostileShapes()} {
		t.Run(group, func(t *testing.T) {
			onBoth(t, func(t *testing.T, k *cluster) { answerAll(t, k, messages) })
		})
	}
}

// sendHostile sends a message of which only the answer is compared with the specifications:
// JSON libraries have limits of their own, and differ in what they refuse.
func (c *client) sendHostile(kind websocket.MessageType, message string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	c.writing.Lock()
	defer c.writing.Unlock()
	c.transcript.sentAside()
	if err := c.conn.Write(ctx, kind, []byte(message)); err != nil {
		c.t.Fatalf("sending %.100s: %v", message, err)
	}
}

// answerAll sends all messages without waiting for an answer, each followed by a good one.
func answerAll(t *testing.T, k *cluster, messages []hostile) {
	t.Helper()
	topic := k.topic(t, 1)
	c := k.run(t).in(t, topic)
	for i, m := range messages {
		c.sendHostile(websocket.MessageText, m.message)
		c.sendHostile(websocket.MessageText, fmt.Sprintf(`{"messageId":"after %d","value":null}`, i))
	}
	var taken []hostile
	for i, m := range messages {
		frame := c.read()
		switch a := parse[answer](t, frame); {
		case m.code == "" && a.Error == nil:
			taken = append(taken, m)
		case a.Error == nil || a.Error.Code != m.code || a.Error.Retriable || len(frame) > 1000:
			t.Errorf("%s: got %.1000s, want %s", m.name, frame, m.code)
		}
		if a := c.ack(); a.MessageID == nil || *a.MessageID != fmt.Sprintf("after %d", i) {
			t.Fatalf("%s: the message after it is answered %+v", m.name, a)
		}
	}
	var values [][]byte
	for _, r := range k.records(t, topic) {
		if r.Value != nil {
			values = append(values, r.Value)
		}
	}
	if len(values) != len(taken) {
		t.Fatalf("%d values in Kafka, want %d", len(values), len(taken))
	}
	for i, m := range taken {
		wantBytes(t, m.name, values[i], m.value)
	}
}

func TestInBinaryMessagesMustBeUTF8Too(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		c := k.run(t).in(t, k.topic(t, 1))
		for name, message := range map[string]string{
			"a stray byte":    "{\"value\":{\"value\":\"\xFF\"}}",
			"a surrogate":     "{\"value\":{\"value\":\"\xED\xA0\x80\"}}",
			"an overlong NUL": "{\"value\":{\"value\":\"\xC0\x80\"}}",
			"UTF-16":          "\xFF\xFE{\x00}\x00",
			"in a name":       "{\"\xFF\":1,\"value\":null}",
			"empty":           "",
		} {
			c.sendHostile(websocket.MessageBinary, message)
			if f := c.refusal("INVALID_JSON"); f.Retriable {
				t.Errorf("%s: retriable", name)
			}
			c.send(`{"value":null}`)
			c.ack()
		}
	})
}

func TestInArraysInArraysAreNoMessages(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		for name, test := range map[string]struct {
			message string
			codes   []string
		}{
			"an array":                 {`[[{"value":null}]]`, []string{"INVALID_MESSAGE"}},
			"among others":             {`[{"value":null},[],[[]],{"value":null}]`, []string{"", "INVALID_MESSAGE", "INVALID_MESSAGE", ""}},
			"10,000 deep":              {strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), []string{"INVALID_MESSAGE"}},
			"scalars of every kind":    {`[null,true,1e400,"\ud800",-0]`, []string{"INVALID_MESSAGE", "INVALID_MESSAGE", "INVALID_MESSAGE", "INVALID_MESSAGE", "INVALID_MESSAGE"}},
			"a value that is too deep": {"[" + nested("json", 10_000) + `,{"value":null}]`, []string{"INVALID_VALUE", ""}},
		} {
			c.sendHostile(websocket.MessageText, test.message)
			c.send(`{"messageId":"after","value":null}`)
			answers := parse[[]answer](t, c.read())
			if len(answers) != len(test.codes) {
				t.Fatalf("%s: %d answers, want %d", name, len(answers), len(test.codes))
			}
			for i, a := range answers {
				if code := test.codes[i]; (a.Error == nil) != (code == "") || a.Error != nil && a.Error.Code != code {
					t.Errorf("%s: answer %d is %+v, want %q", name, i, a.Error, code)
				}
			}
			if a := c.ack(); a.MessageID == nil || *a.MessageID != "after" {
				t.Errorf("%s: the message after it is answered %+v", name, a)
			}
		}
	})
}

// TestInBatchOfTheShortestMessages is answered by eighty times its length, in fragments.
func TestInBatchOfTheShortestMessages(t *testing.T) {
	const count = 2_000
	onBoth(t, func(t *testing.T, k *cluster) {
		c := k.run(t).in(t, k.topic(t, 1))
		batch := "[" + strings.Repeat("1,", count-1) + "1]"
		c.sendHostile(websocket.MessageText, batch)
		c.sendHostile(websocket.MessageText, batch)
		c.send(`{"messageId":"after","value":null}`)
		for range 2 {
			answers := parse[[]answer](t, c.read())
			if len(answers) != count {
				t.Fatalf("%d answers to %d messages", len(answers), count)
			}
			for i, a := range answers {
				if a.Error == nil || a.Error.Code != "INVALID_MESSAGE" {
					t.Fatalf("answer %d is %+v", i, a)
				}
			}
		}
		if a := c.ack(); a.MessageID == nil || *a.MessageID != "after" {
			t.Errorf("the message after them is answered %+v", a)
		}
	})
}

package outside

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	consoleConsumer = "org.apache.kafka.tools.consumer.ConsoleConsumer"
	consoleProducer = "org.apache.kafka.tools.ConsoleProducer"
	consumerGroups  = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
)

// apache runs a tool of Apache's and returns what it printed.
func apache(t testing.TB, input, class string, args ...string) []string {
	t.Helper()
	cmd := kafka.RequireTools(t).Command(within(t, 2*patience), class, args...)
	cmd.Stdin = strings.NewReader(input)
	return runToEnd(t, cmd)
}

func javaDeserializer(name string) string {
	return "org.apache.kafka.common.serialization." + name + "Deserializer"
}

// javaCase is a topic whose records Apache's console consumer reads. What it prints is what Java's toString gives.
type javaCase struct {
	keyType, valType string
	keys, values     string // deserializers; empty prints the bytes
	messages         []string
	want             []string
}

// javaCases have every type of format.
func javaCases() []javaCase {
	return []javaCase{
		{
			keyType: "int", valType: "short", keys: "Integer", values: "Short",
			messages: []string{`{"value":1}`, `{"value":-1}`, `{"value":-2147483648}`, `{"value":-32768}`, `{"value":2147483647}`, `{"value":32767}`, `{"value":1e2}`, `{"value":1.0}`},
			want:     []string{"1\t-1", "-2147483648\t-32768", "2147483647\t32767", "100\t1"},
		},
		{
			keyType: "long", valType: "double", keys: "Long", values: "Double",
			messages: []string{
				`{"value":9007199254740993}`, `{"value":0.1}`,
				`{"value":"-9223372036854775808"}`, `{"value":-1.7976931348623157e308}`,
				`{"value":9223372036854775807}`, `{"value":"NaN"}`,
				`{"value":0}`, `{"value":"-Infinity"}`,
				`{"value":1}`, `{"value":-0.0}`,
				`{"value":2}`, `{"value":5e-324}`,
			},
			want: []string{
				"9007199254740993\t0.1", "-9223372036854775808\t-1.7976931348623157E308", "9223372036854775807\tNaN", "0\t-Infinity", "1\t-0.0", "2\t4.9E-324",
			},
		},
		{
			keyType: "string", valType: "float", keys: "String", values: "Float",
			messages: []string{`{"value":"grüße 🐘"}`, `{"value":0.1}`, `{"value":""}`, `{"value":3.4028235e38}`, `null`, `{"value":"Infinity"}`},
			want:     []string{"grüße 🐘\t0.1", "\t3.4028235E38", "null\tInfinity"},
		},
		{
			keyType: "bytearray", valType: "json",
			messages: []string{`{"value":"AQL/"}`, `{"value":{"b": 1.0, "a":[]}}`, `{"value":"YWJj"}`, `{"value":"text"}`},
			want:     []string{"\x01\x02\xff\t{\"b\": 1.0, \"a\":[]}", "abc\t\"text\""},
		},
		{
			keyType: "float", valType: "string", keys: "Float", values: "String",
			messages: []string{`{"value":1.5}`, `{"value":"\u00fc"}`, `{"value":-1}`, `null`},
			want:     []string{"1.5\tü", "-1.0\tnull"},
		},
	}
}

// TestJavaDeserializersReadWhatInWrote has few types. [TestLongJavaDeserializersReadWhatInWrote] has all.
func TestJavaDeserializersReadWhatInWrote(t *testing.T) {
	t.Parallel()
	readInJava(t, javaCases()[:2])
}

func TestLongJavaDeserializersReadWhatInWrote(t *testing.T) { readInJava(t, javaCases()) }

func readInJava(t *testing.T, cases []javaCase) {
	t.Helper()
	k := realKafka(t)
	p := serve(t, k.addr)
	for _, c := range cases {
		t.Run(c.keyType+" and "+c.valType, func(t *testing.T) {
			k := connect(t, k.addr)
			topic := k.topic(1)
			c.write(t, p, topic)
			if got := c.read(t, k.addr, topic); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func (c *javaCase) write(t *testing.T, p *proxy, topic string) {
	t.Helper()
	conn := dial(t, p.url(fmt.Sprintf("/socket/in?clientId=p&topic=%s&keyType=%s&valType=%s", topic, c.keyType, c.valType)))
	for pair := range slices.Chunk(c.messages, 2) {
		send(t, conn, fmt.Sprintf(`{"key":%s,"value":%s}`, pair[0], pair[1]))
		if a := next[answer](t, conn); a.Error != nil {
			t.Fatalf("%s is answered by %+v", pair, *a.Error)
		}
	}
}

func (c *javaCase) read(t *testing.T, broker, topic string) []string {
	t.Helper()
	args := []string{
		"--bootstrap-server", broker, "--topic", topic, "--from-beginning",
		"--max-messages", strconv.Itoa(len(c.want)), "--formatter-property", "print.key=true",
	}
	if c.keys != "" {
		args = append(args, "--formatter-property", "key.deserializer="+javaDeserializer(c.keys))
	}
	if c.values != "" {
		args = append(args, "--formatter-property", "value.deserializer="+javaDeserializer(c.values))
	}
	return apache(t, "", consoleConsumer, args...)
}

// TestOutDeliversWhatConsoleProducerWrote has Apache's console producer write keys, values,
// headers and a tombstone.
func TestOutDeliversWhatConsoleProducerWrote(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic := k.topic(1)
	apache(t, "h:1,g:ü\tkey\tvalue\nh:2\tNULL\tkein Schlüssel 🐘\nh:3\tgone\tNULL\n", consoleProducer,
		"--bootstrap-server", k.addr, "--topic", topic, "--reader-property", "parse.key=true",
		"--reader-property", "parse.headers=true", "--reader-property", "null.marker=NULL")

	p := serve(t, k.addr)
	conn := dial(t, p.url("/socket/out?clientId=c&groupId="+topic+"&topic="+topic))
	for i, want := range []record{
		{Key: &field{Value: "key", Format: "string"}, Value: &field{Value: "value", Format: "string"}, Headers: []header{{"h", "1"}, {"g", "ü"}}},
		{Value: &field{Value: "kein Schlüssel 🐘", Format: "string"}, Headers: []header{{"h", "2"}}},
		{Key: &field{Value: "gone", Format: "string"}, Value: &field{Format: "string"}, Headers: []header{{"h", "3"}}},
	} {
		got := next[record](t, conn)
		if got.Topic != topic || got.Offset != int64(i) || !sameField(got.Key, want.Key) || !sameField(got.Value, want.Value) ||
			!slices.Equal(got.Headers, want.Headers) {
			t.Errorf("record %d: got %+v, key %+v, value %+v", i, got, got.Key, got.Value)
		}
	}
}

func sameField(a, b *field) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

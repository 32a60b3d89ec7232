package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	consoleProducer = "org.apache.kafka.tools.ConsoleProducer"
	consoleConsumer = "org.apache.kafka.tools.consumer.ConsoleConsumer"
	serialization   = "org.apache.kafka.common.serialization."
)

// runTool runs one of Kafka's own tools and returns what it printed.
func runTool(t *testing.T, input, class string, args ...string) string {
	t.Helper()
	var out, log bytes.Buffer
	c := kafka.RequireTools(t).Command(t.Context(), class, args...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &out, &log
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", class, err, &log)
	}
	return out.String()
}

func TestJavaProducerAndProxyChooseTheSamePartitions(t *testing.T) {
	t.Parallel()
	onReal(t, func(t *testing.T, k *cluster) {
		const partitions = 7
		topic := k.topic(t, partitions)
		var input strings.Builder
		for _, key := range partitionedKeys() {
			fmt.Fprintf(&input, "%s|java\n", key)
		}
		runTool(t, input.String(), consoleProducer, "--bootstrap-server", k.addr, "--topic", topic,
			"--reader-property", "parse.key=true", "--reader-property", "key.separator=|")
		java := make(map[string]int32)
		out := k.run(t).out(t, topic) // what Java wrote comes out of the proxy
		for _, d := range out.deliveries(len(partitionedKeys())) {
			if string(d.Value.Value) != `"java"` {
				t.Errorf("delivered %s", d.Value.Value)
			}
			java[parse[string](t, string(d.Key.Value))] = d.Partition
		}
		in := k.run(t).in(t, topic)
		for _, key := range partitionedKeys() {
			in.send(`{"key":{"value":` + quoted(key) + `},"value":{"value":"proxy"}}`)
			want, ok := java[key]
			if got := in.ack().Partition; !ok || got != want {
				t.Errorf("key %q: the proxy chose partition %d, Java %d (%t)", key, got, want, ok)
			}
		}
	})
}

func TestJavaConsumerReadsWhatTheProxyWrote(t *testing.T) {
	cases := []struct{ format, deserializer, json, printed string }{
		{"string", "StringDeserializer", `"grün"`, "grün"},
		{"short", "ShortDeserializer", "-32768", "-32768"},
		{"int", "IntegerDeserializer", "2147483647", "2147483647"},
		{"long", "LongDeserializer", `"9223372036854775807"`, "9223372036854775807"},
		{"float", "FloatDeserializer", "0.1", "0.1"},
		{"double", "DoubleDeserializer", "-1.5e-7", "-1.5E-7"},
		{"json", "StringDeserializer", `{"a" : 1.0}`, `{"a" : 1.0}`},
		{"bytearray", "StringDeserializer", `"Zm9v"`, "foo"},
	}
	t.Parallel()
	onReal(t, func(t *testing.T, k *cluster) {
		for i := 0; i < len(cases); i += 2 { // a Java process takes two at a time, one of them as the key
			key, value := cases[i], cases[i+1]
			topic := k.topic(t, 1)
			c := k.run(t).in(t, topic, "keyType="+key.format, "valType="+value.format)
			c.send(`{"headers":[{"key":"h","value":"1"}],"key":{"value":` + key.json + `},"value":{"value":` + value.json + `}}`)
			c.ack()
			got := runTool(t, "", consoleConsumer, "--bootstrap-server", k.addr, "--topic", topic, "--from-beginning",
				"--max-messages", "1", "--timeout-ms", "60000",
				"--formatter-property", "print.key=true", "--formatter-property", "print.headers=true", "--formatter-property", "key.separator=|",
				"--formatter-property", "headers.separator=|",
				"--formatter-property", "key.deserializer="+serialization+key.deserializer,
				"--formatter-property", "value.deserializer="+serialization+value.deserializer)
			if want := "h:1|" + key.printed + "|" + value.printed + "\n"; got != want {
				t.Errorf("Java read %q, want %q", got, want)
			}
		}
	})
}

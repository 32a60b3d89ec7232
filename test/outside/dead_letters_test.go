package outside

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// fromDocs returns the block of a page with an info string.
func fromDocs(t testing.TB, page, info string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	must(t, err)
	_, rest, found := strings.Cut(string(text), "\n```"+info+"\n")
	block, _, closed := strings.Cut(rest, "\n```")
	if !found || !closed {
		t.Fatalf("%s has no block %q", page, info)
	}
	return block
}

// kafkaCommands runs lines of a shell that call Kafka's tools, with some of their words replaced.
func kafkaCommands(t testing.TB, block string, words ...string) {
	t.Helper()
	classes := map[string]string{"kafka-topics.sh": "org.apache.kafka.tools.TopicCommand", "kafka-configs.sh": "kafka.admin.ConfigCommand"}
	block = strings.NewReplacer(words...).Replace(strings.ReplaceAll(block, "\\\n", ""))
	for line := range strings.Lines(block) {
		words := strings.Fields(line)
		for _, printed := range apache(t, "", classes[words[0]], words[1:]...) {
			t.Log(printed)
		}
	}
}

// TestDeadLettersAsTheDocumentationSays configures a group by the commands of docs/queues.md. One record is rejected, another one
// comes until the limit is reached.
func TestDeadLettersAsTheDocumentationSays(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic := k.topic(2)
	kafkaCommands(t, fromDocs(t, "queues.md", "sh dead-letters"), "localhost:9092", k.addr, "workers", topic)
	k.setGroup(topic, "share.delivery.count.limit", "2")
	header := []kgo.RecordHeader{{Key: "h", Value: []byte("is not copied")}}
	k.write(
		&kgo.Record{Topic: topic, Partition: 0, Key: []byte("good"), Value: []byte("accept")},
		&kgo.Record{Topic: topic, Partition: 0, Key: []byte("broken"), Value: []byte("reject"), Headers: header},
		&kgo.Record{Topic: topic, Partition: 1, Key: []byte("failing"), Value: []byte("release")},
	)
	conn := dial(t, serve(t, k.addr).url("/socket/queue?clientId=c&topic="+topic+"&groupId="+topic))
	for range 4 { // the record that fails comes twice
		r := next[record](t, conn)
		send(t, conn, fmt.Sprintf(`{%q:%q}`, r.Value.Value, r.ID))
	}
	await(t, "all to be settled", func() bool { return k.isSettled(topic, topic) })

	for _, want := range []deadLetter{
		{key: "broken", value: "reject", headers: map[string]string{
			"__dlq.errors.topic": topic, "__dlq.errors.partition": "0", "__dlq.errors.offset": "1",
			"__dlq.errors.group": topic, "__dlq.errors.delivery.count": "1",
		}},
		{key: "failing", value: "release", headers: map[string]string{
			"__dlq.errors.topic": topic, "__dlq.errors.partition": "1", "__dlq.errors.offset": "0",
			"__dlq.errors.group": topic, "__dlq.errors.delivery.count": "2",
		}},
	} {
		if got := k.deadLettersOf(topic)[want.key]; got.value != want.value || !maps.Equal(got.headers, want.headers) {
			t.Errorf("%s: got %+v, want %+v", want.key, got, want)
		}
	}
}

// TestDeadLettersWithoutTheirTopicAreLost has a group whose topic for dead letters was not made.
func TestDeadLettersWithoutTheirTopicAreLost(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic := k.topic(1)
	k.setGroup(topic, "errors.deadletterqueue.topic.name", "dlq."+topic, "errors.deadletterqueue.copy.record.enable", "true")
	k.writeAll(topic, []string{"broken"})
	conn := dial(t, serve(t, k.addr).url("/socket/queue?clientId=c&topic="+topic+"&groupId="+topic))
	send(t, conn, fmt.Sprintf(`{"reject":%q}`, next[record](t, conn).ID))
	await(t, "the record to be settled", func() bool { return k.isSettled(topic, topic) })
}

// deadLetter is a record that was given up.
type deadLetter struct {
	key, value string
	headers    map[string]string // but for the message, which is for people
}

// deadLettersOf returns the dead letters of a group by their keys.
func (c *cluster) deadLettersOf(group string) map[string]deadLetter {
	c.t.Helper()
	all := make(map[string]deadLetter)
	for _, records := range c.log("dlq." + group) {
		for _, r := range records {
			letter := deadLetter{string(r.Key), string(r.Value), make(map[string]string)}
			for _, h := range r.Headers {
				letter.headers[h.Key] = string(h.Value)
			}
			if letter.headers["__dlq.errors.message"] == "" {
				c.t.Errorf("the dead letter %s has the headers %v", letter.key, letter.headers)
			}
			delete(letter.headers, "__dlq.errors.message")
			all[letter.key] = letter
		}
	}
	return all
}

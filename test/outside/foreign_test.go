package outside

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// withForeigners runs a test with each third-party client against one proxy.
func withForeigners(t *testing.T, test func(*testing.T, foreign, *proxy)) {
	t.Helper()
	p := serve(t, realKafka(t).addr, "WSPROXY_CONSUMER_COMMIT_INTERVAL=50ms")
	for _, f := range foreigners() {
		t.Run(f.language, func(t *testing.T) { test(t, f, p) })
	}
}

func TestForeignClientsProduce(t *testing.T) {
	t.Parallel()
	withForeigners(t, func(t *testing.T, f foreign, p *proxy) {
		t.Helper()
		k := realKafka(t)
		topic := k.topic(1)
		answers := f.lines(t, strings.Join([]string{
			`{"key":{"value":"k"},"value":{"value":"grüße 🐘"},"headers":[{"key":"h","value":"v"}],"messageId":"first"}`,
			`[{"value":{"value":"one"}},{"value":{"value":{},"format":"int"},"messageId":"bad"},{"value":{"value":2,"format":"int"}}]`,
			`no JSON`,
			`{"key":{"value":"k"},"value":null}`,
		}, "\n"), "produce", p.url("/socket/in?clientId=p&topic="+topic))

		if len(answers) != 4 {
			t.Fatalf("got %q", answers)
		}
		checkAnswer(t, answers[0], topic, 0, "first", "")
		var batch []json.RawMessage
		must(t, json.Unmarshal([]byte(answers[1]), &batch))
		if len(batch) != 3 {
			t.Fatalf("the batch was answered by %s", answers[1])
		}
		checkAnswer(t, string(batch[0]), topic, 1, "", "")
		checkAnswer(t, string(batch[1]), "", 0, "bad", "INVALID_VALUE")
		checkAnswer(t, string(batch[2]), topic, 2, "", "")
		checkAnswer(t, answers[2], "", 0, "", "INVALID_JSON")
		checkAnswer(t, answers[3], topic, 3, "", "")

		records := k.log(topic)[0]
		if len(records) != 4 || string(records[0].Value) != "grüße 🐘" || string(records[0].Key) != "k" ||
			len(records[0].Headers) != 1 || string(records[2].Value) != "\x00\x00\x00\x02" || records[3].Value != nil {
			t.Errorf("the log holds %+v", records)
		}
	})
}

func checkAnswer(t testing.TB, text, topic string, offset int64, id, code string) {
	t.Helper()
	var got answer
	must(t, json.Unmarshal([]byte(text), &got))
	gotCode := ""
	if got.Error != nil {
		gotCode = got.Error.Code
	}
	if got.Topic != topic || got.Offset != offset || got.MessageID != id || gotCode != code {
		t.Errorf("got %s, want topic %q, offset %d, messageId %q, code %q", text, topic, offset, id, code)
	}
}

// TestForeignClientsConsume also shows that these clients answer the pings that prove delivery.
func TestForeignClientsConsume(t *testing.T) {
	t.Parallel()
	withForeigners(t, func(t *testing.T, f foreign, p *proxy) {
		t.Helper()
		const partitions, n = 2, 500
		k := realKafka(t)
		topic := k.topic(partitions)
		k.fill(topic, partitions, n, 100)
		r := f.consume(t, p.url("/socket/out?clientId=c&groupId="+topic+"&topic="+topic))
		readAll(t, r, partitions, n)
		await(t, "everything to be committed", func() bool { return sum(k.committed(topic, topic)) == n })
		r.stop()
	})
}

func TestForeignClientsCommit(t *testing.T) {
	t.Parallel()
	withForeigners(t, func(t *testing.T, f foreign, p *proxy) {
		t.Helper()
		const partitions, n = 2, 100
		k := realKafka(t)
		topic := k.topic(partitions)
		k.fill(topic, partitions, n, 100)
		url := p.url("/socket/out?clientId=c&autoCommit=false&groupId=" + topic + "&topic=" + topic)

		silent := f.consume(t, url)
		readAll(t, silent, partitions, n)
		silent.stop()
		if committed := k.committed(topic, topic); len(committed) > 0 {
			t.Errorf("without a commit by the client, committed is %v", committed)
		}
		committing := f.consume(t, url, "commit")
		readAll(t, committing, partitions, n)
		await(t, "everything to be committed", func() bool { return sum(k.committed(topic, topic)) == n })
		committing.stop()
	})
}

func TestForeignClientsSeeWhyTheyAreRefused(t *testing.T) {
	t.Parallel()
	withForeigners(t, func(t *testing.T, f foreign, p *proxy) {
		t.Helper()
		for path, want := range map[string]string{
			"/socket/in?topic=t":                            "MISSING_PARAMETER",
			"/socket/out?clientId=c&topic=t&keyType=number": "INVALID_PARAMETER",
			"/socket/out?clientId=c&topic=there-is-none":    "TOPIC_NOT_FOUND",
		} {
			got := strings.Join(f.lines(t, "", "refused", p.url(path)), "\n")
			if !strings.HasPrefix(got, fmt.Sprintf(`400 {"code":%q,`, want)) {
				t.Errorf("%s: %s", path, got)
			}
		}
	})
}

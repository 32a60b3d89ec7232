package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	contract "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// passing is a transient fault: test creates its cause, checks the code, removes the cause, and succeeds
// with the same message or the same handshake.
type passing struct {
	code, name string
	on         func(*testing.T, func(*testing.T, *cluster))
	test       func(*testing.T, *cluster)
}

func passingFaults() []passing {
	return []passing{
		{"KAFKA_UNAVAILABLE", "handshake while no broker answers", onBoth, testUnavailableHandshake},
		{"KAFKA_UNAVAILABLE", "message in a batch that Kafka refuses", onBoth, testRefusedBatch},
		{"TIMEOUT", "message that Kafka does not acknowledge", onBoth, testTimeout},
		{"TRANSACTION_ABORTED", "message in a transaction that Kafka does not take", onBoth, testAbortedTransaction},
		{"COMMIT_FAILED", "commit that the coordinator refuses", onFake, testRefusedCommit},
		{"COMMIT_FAILED", "commit that is cut off", onBoth, testUnansweredCommit},
		{"SHUTTING_DOWN", "handshake while the replica drains", onBoth, testDrainingHandshake},
		{"OVERLOADED", "handshake while all places are taken", onBoth, testOverloadedHandshake},
		{"LIMIT_REACHED", "handshake while each partition has its reader", onBoth, testLimitedHandshake},
	}
}

// unsent lists the retriable codes that the proxy does not send yet, as docs/errors.md says too.
func unsent() []string { return nil }

// internalTest shows what passingFaults cannot: INTERNAL has no cause outside of the program.
const (
	internalTest = "func TestInternalErrorsPassWithTheirCause("
	internalFile = "../../pkg/internal/socket/retriable_test.go"
)

func TestRetriableErrorsPassWithTheirCause(t *testing.T) {
	t.Parallel()
	for _, p := range passingFaults() {
		t.Run(p.code+" "+p.name, func(t *testing.T) { p.on(t, p.test) })
	}
}

// TestEveryRetriableCodeIsShown compares the codes that the tests show with the table of errors, and the
// others with docs/errors.md.
func TestEveryRetriableCodeIsShown(t *testing.T) {
	t.Parallel()
	shown, listed := map[string]bool{}, map[string]bool{}
	for _, p := range passingFaults() {
		shown[p.code] = true
	}
	if source, err := os.ReadFile(internalFile); err == nil {
		shown["INTERNAL"] = strings.Contains(string(source), internalTest)
	}
	for _, code := range unsent() {
		listed[code] = true
	}
	rows := documentedErrors(t)
	for code, retriable := range tableOfErrors() {
		row, documented := rows[code]
		switch {
		case !documented:
			t.Errorf("docs/errors.md does not have %s", code)
		case !retriable && (shown[code] || listed[code]):
			t.Errorf("%s is not retriable in the table", code)
		case retriable && shown[code] == listed[code]:
			t.Errorf("%s: it must be either shown to pass or listed as not sent", code)
		case retriable && listed[code] != strings.Contains(row, "not sent yet"):
			t.Errorf("%s is listed as not sent: %t; docs/errors.md says: %s", code, listed[code], row)
		}
		delete(shown, code)
		delete(listed, code)
	}
	if len(shown)+len(listed) > 0 {
		t.Errorf("the table does not have %v %v", shown, listed)
	}
}

// tableOfErrors returns for each code whether it is retriable. A kind beyond the last has the row of
// KindInternal.
func tableOfErrors() map[string]bool {
	table := map[string]bool{}
	for kind := contract.KindInternal; kind == 0 || kind.String() != contract.KindInternal.String(); kind++ {
		table[kind.String()] = kind.Class().Retriable
	}
	return table
}

// documentedErrors returns the rows of the table in docs/errors.md by code.
func documentedErrors(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "<!-- generated: errors -->\n")
	table, _, ended := strings.Cut(table, "<!-- end -->")
	if !found || !ended {
		t.Fatal("docs/errors.md has no table of errors")
	}
	rows := map[string]string{}
	for row := range strings.Lines(table) {
		if code, rest, ok := strings.Cut(strings.TrimPrefix(row, "| `"), "` |"); ok {
			rows[code] = strings.TrimSpace(rest)
		}
	}
	return rows
}

const patientMessage = `{"messageId":"m1","key":{"value":"k"},"value":{"value":"patient"}}`

// retriable checks a frame, which must be an error with this code that is marked for a retry.
func retriable(t *testing.T, frame, code string) answer {
	t.Helper()
	a := parse[answer](t, frame)
	if a.Error == nil || a.Error.Code != code || !a.Error.Retriable || a.Error.Message == "" {
		t.Fatalf("got %s, want a retriable %s", frame, code)
	}
	return a
}

// testRefusedBatch lowers the topic's limit under an open socket, which the proxy notices by
// Kafka's refusal. A long linger puts both messages into one batch.
func testRefusedBatch(t *testing.T, k *cluster) {
	topic := k.topic(t, 1)
	c := k.start(t, "KAFKA_PRODUCER_LINGER=500ms").in(t, topic)
	c.send(`{"value":null}`)
	c.ack()
	k.alter(t, topic, "max.message.bytes", "1000")
	c.send(`[{"value":{"value":"` + strings.Repeat("x", 5000) + `"}},` + patientMessage + `]`)
	frame := c.read()
	answers := parse[[]json.RawMessage](t, frame)
	if len(answers) != 2 {
		t.Fatalf("got %s", frame)
	}
	retriable(t, string(answers[1]), "KAFKA_UNAVAILABLE")
	c.send(patientMessage)
	c.ack()
	wantPatient(t, k, topic, 2)
}

// alter sets a setting of a topic.
func (k *cluster) alter(t *testing.T, topic, name, value string) {
	t.Helper()
	answers, err := k.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: name, Value: &value}}, topic)
	if err != nil || answers[0].Err != nil {
		t.Fatalf("setting %s of %s: %v, %v", name, topic, err, answers)
	}
}

// wantPatient checks that the message is the last of so many records.
func wantPatient(t *testing.T, k *cluster, topic string, count int) {
	t.Helper()
	records := k.records(t, topic)
	if len(records) != count {
		t.Fatalf("Kafka has %d records, want %d", len(records), count)
	}
	wantBytes(t, "value", records[count-1].Value, []byte("patient"))
	wantBytes(t, "key", records[count-1].Key, []byte("k"))
}

// testTimeout makes Kafka unreachable. The message may be in the log twice: TIMEOUT means that the
// outcome is unknown.
func testTimeout(t *testing.T, k *cluster) {
	topic := k.topic(t, 1)
	p := k.start(t, "KAFKA_PRODUCER_DELIVERY_TIMEOUT=1s")
	c := p.in(t, topic)
	p.kafka.shut(false)
	c.send(patientMessage)
	if a := retriable(t, c.read(), "TIMEOUT"); a.MessageID == nil || *a.MessageID != "m1" {
		t.Errorf("got %+v", a)
	}
	p.kafka.unlock()
	var got answer
	eventually(t, "the same message succeeds", func() bool {
		c.send(patientMessage)
		frame := c.read()
		// Until the connection to Kafka is back, the message is sent without an answer, or not sent.
		if got = parse[answer](t, frame); got.Error != nil && got.Error.Code != "KAFKA_UNAVAILABLE" {
			retriable(t, frame, "TIMEOUT")
		}
		return got.Error == nil
	})
	wantPatient(t, k, topic, int(got.Offset)+1)
}

package readme

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestGenerated compares the parts of the README that are made from the code. With -update it
// writes them.
func TestGenerated(t *testing.T) {
	text := readme(t)
	for name, want := range map[string]string{
		"config": configTable(t), "errors": errorTable(t), "closes": closeTable(t), "metrics": metricTable(t),
	} {
		part := regexp.MustCompile(`(?s)(<!-- generated: ` + name + ` -->\n)(.*?)(<!-- end -->)`)
		found := part.FindStringSubmatch(text)
		if found == nil {
			t.Errorf("the README has no part %q", name)
			continue
		}
		if found[2] == want {
			continue
		}
		if !*update {
			t.Errorf("part %q is not what the code says: go test ./test/readme -run Generated -update", name)
		}
		text = part.ReplaceAllLiteralString(text, found[1]+want+found[3])
	}
	if *update {
		if err := os.WriteFile(readmePath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReliability looks at the record of a run, which test/faults/real writes.
func TestReliability(t *testing.T) {
	record := regexp.MustCompile(`(?s)<!-- generated: reliability -->\nRun of \d{4}-\d\d-\d\d at commit [0-9a-f]+\b.*` +
		`\| \*\*all\*\* \|( \d+ \|){5} 0 \|\n<!-- end -->`)
	if !record.MatchString(readme(t)) {
		t.Error("the README has no record of a run without violations: go test ./test/faults/real -update")
	}
}

func configTable(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	if err := app.ConfigMarkdown(&table); err != nil {
		t.Fatal(err)
	}
	return table.String()
}

// kinds lists the kinds of failure: those beyond the last one count as KindInternal.
func kinds() []proxy.Kind {
	all := []proxy.Kind{proxy.KindInternal}
	for k := proxy.KindInternal + 1; k.Class() != proxy.KindInternal.Class(); k++ {
		all = append(all, k)
	}
	return all
}

// notSentYet is said of codes whose feature does not exist.
const notSentYet = "not sent yet"

func meanings() map[proxy.Kind]string {
	return map[proxy.Kind]string{
		proxy.KindInternal:           "the proxy failed; its log says why",
		proxy.KindInvalidJSON:        "the message is not JSON",
		proxy.KindInvalidMessage:     "JSON of another shape, an unknown format, a commit under `autoCommit=true`",
		proxy.KindInvalidValue:       "a value does not fit its format, or the topic: a timestamp out of its bounds, a null key where it is compacted",
		proxy.KindInvalidPartition:   "the topic has no such partition",
		proxy.KindMessageTooLarge:    "larger than the topic's `max.message.bytes`, or than `WSPROXY_MAX_MESSAGE_BYTES`",
		proxy.KindTopicNotFound:      "there is no such topic, or it was deleted",
		proxy.KindNotAuthenticated:   notSentYet,
		proxy.KindNotAuthorized:      "a foreign `Origin`; a topic or group that the settings, or Kafka, do not allow",
		proxy.KindDuplicateClient:    notSentYet,
		proxy.KindLimitReached:       notSentYet,
		proxy.KindFenced:             notSentYet,
		proxy.KindUnknownMessageID:   "a commit of what was not delivered on this connection",
		proxy.KindNotAssigned:        "a commit in a partition that has moved to another member of the group",
		proxy.KindCommitFailed:       "Kafka did not take the commit",
		proxy.KindOffsetOutOfRange:   "no valid offset under `offsetResetStrategy=none`",
		proxy.KindKafkaUnavailable:   "no broker answers, or it did not take the message",
		proxy.KindTimeout:            "not acknowledged within `WSPROXY_KAFKA_PRODUCER_DELIVERY_TIMEOUT`: it may have been written",
		proxy.KindTransactionAborted: notSentYet,
		proxy.KindShuttingDown:       "this replica is draining: connect again",
		proxy.KindMissingParameter:   "a required parameter is missing",
		proxy.KindInvalidParameter:   "a parameter is wrong, or given twice",
		proxy.KindUpgradeRequired:    "not a WebSocket request",
		proxy.KindOverloaded:         "`WSPROXY_MAX_CONNECTIONS` are open",
		proxy.KindNotFound:           "no such path",
		proxy.KindMethodNotAllowed:   "the path has no such method; `Allow` lists those it has",
		proxy.KindAlreadyExists:      notSentYet,
		proxy.KindGroupActive:        notSentYet,
	}
}

func errorTable(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	table.WriteString("| code | HTTP | close | retry | when |\n|---|---|---|---|---|\n")
	for _, kind := range kinds() {
		class, meaning := kind.Class(), meanings()[kind]
		if meaning == "" {
			t.Errorf("nothing says what %s means", kind)
		}
		retry := "no"
		if class.Retriable {
			retry = "yes"
		}
		fmt.Fprintf(&table, "| `%s` | %d | %d | %s | %s |\n", class.Code, class.Status, class.Close, retry, meaning)
	}
	return table.String()
}

// closing is a row of the table of close codes.
type closing struct {
	code         proxy.CloseCode
	when, client string
}

func closings() []closing {
	return []closing{
		{proxy.CloseNormal, "you asked for it", ""},
		{proxy.CloseProtocolError, "broken frames (RFC 6455)", "correct it"},
		{proxy.CloseInvalidPayload, "a text message that is not UTF-8", "correct it"},
		{proxy.ClosePolicyViolation, "misuse of the protocol that frames allow", "correct it"},
		{proxy.CloseMessageTooBig, "a message longer than `WSPROXY_MAX_MESSAGE_BYTES`", "correct it"},
		{proxy.CloseInternal, "the proxy failed", "reconnect, backing off"},
		{proxy.CloseServiceRestart, "this replica shuts down", "reconnect at once, with jitter"},
		{proxy.CloseTryAgainLater, "too many connections, no Kafka for too long, or you took no byte for `WSPROXY_WRITE_TIMEOUT`", "reconnect, backing off"},
		{proxy.CloseBadParameter, "a parameter is wrong, or no valid offset under `offsetResetStrategy=none`", "correct it"},
		{proxy.CloseNotAuthenticated, notSentYet, ""},
		{proxy.CloseNotAuthorized, "not allowed", "stop"},
		{proxy.CloseTopicNotFound, "the topic is missing, or was deleted", "stop"},
		{proxy.CloseReplaced, notSentYet, ""},
		{proxy.CloseLimitReached, notSentYet, ""},
	}
}

func closeTable(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	table.WriteString("| code | when | what to do |\n|---|---|---|\n")
	known := make(map[proxy.CloseCode]bool)
	for _, c := range closings() {
		known[c.code] = true
		fmt.Fprintf(&table, "| %d | %s | %s |\n", c.code, c.when, c.client)
	}
	for _, kind := range kinds() {
		if code := kind.Class().Close; !known[code] {
			t.Errorf("%s closes with %d, which the table lacks", kind, code)
		}
	}
	return table.String()
}

var description = regexp.MustCompile(`^Desc\{fqName: "(wsproxy_[^"]+)", help: "([^"]*)", .*variableLabels: \{(.*)\}\}$`)

// metricTable lists the proxy's own metrics, by their names.
func metricTable(t *testing.T) string {
	t.Helper()
	var rows []string
	for _, d := range registered(t) {
		match := description.FindStringSubmatch(d)
		if match == nil {
			continue
		}
		labels := ""
		if match[3] != "" {
			labels = "`" + strings.ReplaceAll(match[3], ",", "` `") + "`"
		}
		rows = append(rows, "| `"+match[1]+"` | "+labels+" | "+match[2]+" |\n")
	}
	if len(rows) < 10 {
		t.Fatalf("found %d metrics", len(rows))
	}
	slices.Sort(rows)
	return "| metric | labels | |\n|---|---|---|\n" + strings.Join(rows, "")
}

// registered describes what is in the registry of a proxy.
func registered(t *testing.T) []string {
	t.Helper()
	registry := prometheus.NewRegistry()
	a, err := app.Start(app.Options{Registry: registry, Environ: []string{
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS=127.0.0.1:1", "WSPROXY_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Shutdown()
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		registry.Describe(descriptions)
	}()
	var all []string
	for d := range descriptions {
		all = append(all, d.String())
	}
	return all
}

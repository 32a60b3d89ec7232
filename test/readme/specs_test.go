package readme

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/api"
)

// indented puts every line of a text at some depth of a YAML document.
func indented(depth int, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.Repeat(" ", depth) + line)
	}
	return b.String()
}

// errorCodes is the schema of the codes, with the table that both specifications show and what
// it says as data.
func errorCodes(t *testing.T) string {
	t.Helper()
	var names, data strings.Builder
	for _, kind := range kinds() {
		class := kind.Class()
		fmt.Fprintf(&names, "- %s\n", class.Code)
		fmt.Fprintf(&data, "%s: {status: %d, close: %d, retriable: %t}\n", class.Code, class.Status, class.Close, class.Retriable)
	}
	return "    ErrorCode:\n      type: string\n" +
		"      description: |\n" + indented(8, errorTable(t)) +
		"      enum:\n" + indented(8, names.String()) +
		"      x-codes:\n" + indented(8, data.String())
}

// retriableCodes is the schema of the codes after which the same message can be sent again.
func retriableCodes() string {
	var names strings.Builder
	for _, kind := range kinds() {
		if class := kind.Class(); class.Retriable {
			fmt.Fprintf(&names, "- %s\n", class.Code)
		}
	}
	return "    RetriableCode:\n      type: string\n      enum:\n" + indented(8, names.String())
}

// closeCodes is the schema of the close codes.
func closeCodes(t *testing.T) string {
	t.Helper()
	var codes strings.Builder
	for _, c := range closings() {
		fmt.Fprintf(&codes, "- %d\n", c.code)
	}
	return "    CloseCode:\n      type: integer\n" +
		"      description: |\n" + indented(8, closeTable(t)) +
		"      enum:\n" + indented(8, codes.String())
}

// avroExamples shows the Avro schemas as what HTTP answers.
func avroExamples(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, example := range []struct{ name, message string }{
		{"AvroProducerRecord", "producer/record"},
		{"AvroProducerResult", "producer/result"},
		{"AvroConsumerRecord", "consumer/record"},
		{"AvroCommit", "consumer/commit"},
	} {
		fmt.Fprintf(&all, "    %s:\n      value:\n%s", example.name, avroSchema(t, 8, example.message))
	}
	return all.String()
}

// avroSchema is an Avro schema inside a YAML document, of which JSON is a part.
func avroSchema(t *testing.T, depth int, message string) string {
	t.Helper()
	schema, err := api.AvroSchema(message)
	if err != nil {
		t.Fatal(err)
	}
	return indented(depth, string(schema))
}

package api_test

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/api"
)

// TestAvroSchemasAreThoseThatClientsHave compares the schemas, documentation included, with
// those that clients have compiled in: not a name, type, order or default may change.
func TestAvroSchemasAreThoseThatClientsHave(t *testing.T) {
	text, err := os.ReadFile("testdata/avro-schemas.json")
	if err != nil {
		t.Fatal(err)
	}
	var wanted []any
	if err := json.Unmarshal(text, &wanted); err != nil {
		t.Fatal(err)
	}
	messages := []string{"producer/record", "producer/result", "consumer/record", "consumer/commit"}
	if len(wanted) != len(messages) {
		t.Fatalf("%d schemas for %d messages", len(wanted), len(messages))
	}
	for i, message := range messages {
		text, err := api.AvroSchema(message)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", message, err)
		}
		if !reflect.DeepEqual(got, wanted[i]) {
			t.Errorf("%s is\n%v\nclients have\n%v", message, got, wanted[i])
		}
	}
}

package api_test

import (
	"encoding/json"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/api"
)

func TestAvroSchemasAreRecordsOfTheirName(t *testing.T) {
	for message, name := range map[string]string{
		"producer/record": "AvroProducerRecord",
		"producer/result": "AvroProducerResult",
		"consumer/record": "AvroConsumerRecord",
		"consumer/commit": "AvroCommit",
	} {
		text, err := api.AvroSchema(message)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct{ Type, Name, Namespace string }
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatalf("%s: %v", message, err)
		}
		if schema.Type != "record" || schema.Name != name || schema.Namespace != "net.scalytica.kafka.wsproxy.avro" {
			t.Errorf("%s: got %+v, want the record %s", message, schema, name)
		}
	}
}

func TestAnUnknownAvroSchemaIsAnError(t *testing.T) {
	if text, err := api.AvroSchema("producer/nonsense"); err == nil {
		t.Errorf("got %q, want an error", text)
	}
}

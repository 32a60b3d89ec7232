// Package api holds what describes the proxy to tools: the specifications of its HTTP side and
// of its sockets, and the Avro schemas of binary messages.
package api

import "embed"

//go:embed openapi.yaml asyncapi.yaml avro/*.avsc
var files embed.FS

// OpenAPI returns the OpenAPI document, in YAML: paths, parameters, answers.
func OpenAPI() ([]byte, error) { return files.ReadFile("openapi.yaml") }

// AsyncAPI returns the AsyncAPI document, in YAML: the messages of the sockets.
func AsyncAPI() ([]byte, error) { return files.ReadFile("asyncapi.yaml") }

// AvroSchema returns the wrapper schema of a kind of message: "producer/record",
// "producer/result", "consumer/record" or "consumer/commit".
func AvroSchema(message string) ([]byte, error) {
	names := map[string]string{
		"producer/record": "avro/producer-record.avsc",
		"producer/result": "avro/producer-result.avsc",
		"consumer/record": "avro/consumer-record.avsc",
		"consumer/commit": "avro/consumer-commit.avsc",
	}
	return files.ReadFile(names[message])
}

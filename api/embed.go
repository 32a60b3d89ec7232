// Package api holds what describes the proxy to tools: the Avro schemas of its binary
// messages.
package api

import "embed"

//go:embed avro/*.avsc
var files embed.FS

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

// Package e2e holds the end-to-end tests: the whole proxy in this process on free ports, its
// clients outside of it, and Kafka looked into directly, so that the proxy is never its own
// witness.
//
// Each test runs twice, against the fake broker kfake and against real Apache Kafka. One half
// alone is
//
//	go test ./test/e2e -run /kfake
//	go test ./test/e2e -run /Kafka
package e2e

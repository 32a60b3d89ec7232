// Package e2e holds the end-to-end tests: the whole proxy in this process on free ports, clients that
// share no code with it, and direct access to Kafka, so that no test relies on what the proxy says about
// itself.
//
// Each test runs twice, against the fake broker kfake and against real Apache Kafka. One half
// alone is
//
//	go test ./test/e2e -run /kfake
//	go test ./test/e2e -run /Kafka
package e2e

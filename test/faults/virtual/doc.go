// Package virtual runs the proxy and a Kafka cluster in memory and in virtual time, under
// faults that a seed decides: a schedule of minutes takes milliseconds. Its tests are the suite;
// the seed fixes the faults, the clients and their times, though not how the Go runtime
// interleaves goroutines.
package virtual

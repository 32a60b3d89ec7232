// Package leaks connects to the built program and disconnects thousands of times, in every way
// there is, and then compares what the process holds with what it held before: goroutines,
// descriptors, heap, Kafka clients, connections, messages in flight and metric series. Clients authenticate by tokens of an
// OpenID provider, half of them connect with TLS, and producers have sessions, too: nearly every visit has ids, and a subject, that
// nobody has had.
//
// The program runs as a process of its own, beside a broker that runs in the test's process,
// so that what is counted is the proxy's alone. The descriptors are read from /proc: there are
// no tests but on Linux.
//
// The test makes 5,000 visits, 20,000 with LEAKS_SCALE=full, and 100,000 with LEAKS_SCALE=huge. The
// figures are logged: run it with -v.
package leaks

// Package outside tests the built program from outside: it runs as a process of its own against a real
// Apache Kafka, and third-party programs check it: WebSocket clients of Node and Python, Chromium, Apache's console
// tools, and plain Kafka clients. The tests use none of the program's packages.
//
// The long tests use more data than their short counterparts. OUTSIDE_SCALE=full runs them, and the one
// with a client that never reads, with as much data as an acceptance test, which takes minutes. The
// figures that they measure are logged: run them with -v.
package outside

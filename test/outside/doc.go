// Package outside judges the built program from outside: it runs as a process of its own
// against a real Apache Kafka, and its witnesses are programs that are not ours: WebSocket
// clients of Node and Python, Apache's console tools, and plain Kafka clients. Nothing of the
// program's packages is used.
//
// OUTSIDE_SCALE=full runs the tests that kill the proxy, and those with clients that never read or
// have nothing to do, with as much data and as many clients as one would in an acceptance test,
// which takes minutes. The figures that they measure are logged: run them with -v.
package outside

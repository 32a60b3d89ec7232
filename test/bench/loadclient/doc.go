// Package loadclient holds many WebSockets that read records from the proxy, in a process of its own: what it
// costs is told apart from what the proxy and the broker cost, and its descriptors are its own.
//
// It is made to cost little. One goroutine waits for all sockets at once (epoll, so this needs Linux), reads
// into one buffer, and looks in each record for the [Stamp] of who produced it. Sockets over TLS have a
// goroutine each.
//
// The process is commanded over its standard input: a [Command] each line, answered with a [Report].
package loadclient

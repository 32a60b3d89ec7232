// Package socket runs the two flows between a WebSocket and Kafka: messages in, records
// out. It is the only server-side importer of the WebSocket library.
//
// # Goroutines
//
// A socket has one reader, the goroutine of its HTTP handler, and one writer, which the
// reader starts and waits for. /socket/out has a poller too, /socket/in with transactions a
// committer. Nothing else reads or writes
// the connection: what others want sent (pongs, close frames of the library, error frames)
// is left in the Conn for the writer. A dead writer closes the connection, which frees the
// reader.
//
// # What must hold
//
//   - The n-th answer on /socket/in answers the n-th message. A result is written only after
//     Kafka's acknowledgement.
//   - The slot of a message in the in-flight window is freed when it is answered and Kafka's
//     client has let go of its bytes, not when the first of the two happens.
//   - A record counts as delivered when the peer's WebSocket answered a ping that was written
//     after it. That it was written proves nothing: megabytes lie in socket buffers.
//   - Nothing undelivered is committed, and a position is never committed by a connection
//     that does not own its partition any more.
//   - Every buffer is bounded: where one is full, its feeder waits.
//   - A write to a full socket fails only when the connection is given up, WriteTimeout after
//     the last byte that the peer's side took, or broken. TLS does not change that: what watches
//     the bytes, the Stream, lies below it.
//
// # Transactions
//
//   - A transaction has what was read when it began: all messages of a frame, or none.
//   - Its messages are answered after its commit. TRANSACTION_ABORTED says that a message is
//     not written and never will be, TIMEOUT that nobody knows.
//   - What does not decode, or is refused beforehand, is answered alone and spoils nothing.
//   - No transaction begins before the one before it has an end: after a commit that is not
//     confirmed Kafka is asked to abort what may be left of it.
//   - A connection that has lost its identity commits nothing anymore, and is closed.
package socket

// Package socket runs the two flows between a WebSocket and Kafka: messages in, records
// out. It is the only package on the server's side that imports the WebSocket library, for the handshake:
// frames are read and written here.
//
// # Goroutines
//
// A socket has one reader, the goroutine that serves it, and one writer, which the
// reader starts and waits for. /socket/out has a poller too, /socket/queue a taker, /socket/in with transactions a
// committer. No other goroutine reads or writes the connection: frames that others want to
// send (pongs, echoes of close frames, error frames) are left in the Conn for the writer.
// A writer that fails closes the connection, which ends the reader.
//
// # What must hold
//
//   - The n-th answer on /socket/in answers the n-th message. A result is written only after
//     Kafka's acknowledgement.
//   - The slot of a message in the in-flight window is freed when the message is answered and
//     Kafka's client has released its bytes, not when the first of the two happens.
//   - Where Kafka takes messages more slowly than they come, a connection has as many wait as it acknowledges within
//     about a quarter of the delivery timeout, so that work is not done for messages whose time is over. The others are read
//     later, and none is refused for it. What waits for the client, such as answers that it does not read, does not count.
//   - A record counts as delivered when the peer's WebSocket has answered a ping that was
//     written after it. The write itself proves nothing: socket buffers hold megabytes.
//   - No undelivered record is committed, and a position is never committed by a connection
//     that does not own its partition any more.
//   - Where a client gives credit, no record is sent beyond it. A record that is polled and not sent, since its
//     partition has moved, takes none: the client would wait for it and never grant more.
//   - Every buffer is bounded: where one is full, the goroutine that fills it waits.
//   - A peer is not given up as silent while it reads twice the ProbeBytes within the PingInterval and the PongTimeout,
//     however much more its socket holds.
//   - A write to a full socket fails only when the connection is broken, or given up, which is
//     WriteTimeout after the last byte that the peer's side took. TLS does not change that: the
//     Stream, which watches the bytes, lies below it.
//
// # Queues
//
//   - What a client holds is released when its connection ends, for whatever reason, before anything is waited for that
//     a peer can delay. Where the proxy closes the connection, the close frame follows the release, and no record is sent
//     between the two.
//   - The client's messages are answered in their order. Those without an answer are bounded: beyond that the reader waits.
//   - The taker takes one event at a time: what the client does not read waits at the worker, whose window bounds it.
//
// # Transactions
//
//   - A transaction contains the messages that were read before it began: all messages of a
//     frame, or none.
//   - Its messages are answered after its commit. TRANSACTION_ABORTED says that a message is
//     not written and never will be, TIMEOUT that it is unknown whether it is written.
//   - A message that does not decode, or is refused beforehand, is answered alone and does not
//     abort the transaction.
//   - No transaction begins before the previous one has ended: after a commit that is not
//     confirmed the proxy asks Kafka to abort the rest of it.
//   - A connection that has lost its identity commits nothing anymore, and is closed.
package socket

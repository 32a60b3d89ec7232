// Package produce writes records: with pooled idempotent clients, or in transactions.
//
// # What must hold
//
//   - A record is written only to the topic instance that its connection has opened. A topic that was
//     deleted and made again gets none of what was sent to the one before, and is written to from the
//     first message of who opens it. Kafka itself keeps to that from 4.0 on, when produce requests
//     have come to name topics by id. With older brokers a record that is on its way while its topic
//     is made again, and until franz-go or the watcher has noticed, may be written to the new one.
//   - A client of franz-go knows no topic that nobody writes to: it asks for the metadata of each that
//     it knows, twice a second for one that is gone.
//   - A client of franz-go that was purged of a topic instance writes to that one never again: Kafka would
//     take records for repetitions, and acknowledge them without writing them, see worn_out.go.
//   - A record is refused beforehand where its topic's settings would refuse it: franz-go
//     fails every buffered record of a partition when Kafka refuses one of them definitely,
//     other connections' too.
//   - Records are produced with a context that outlives their connection, since a cancelled
//     one fails its neighbours.
//   - A producing client is closed only when it holds no record.
//   - A connection goes over to another producing client only when it has no record in the old
//     one, so that its records keep their order.
//   - A message makes no client, but where its connection has none yet or lost it by being idle.
//
// # Clients
//
// Producers share a client per clientId and credentials, made at its first message and closed when
// it has been idle. Where there are more clientIds than places, clients that have been idle for a while
// make way, once for each connection; who finds no place shares a client.
//
// What is too large for Kafka as it is, and small enough compressed, goes through a client of its own, see
// large.go.
//
// # Topics
//
// franz-go knows topics by name, and fails all records for one that was made again until it is purged of
// it. A topicUse is the use that a client makes of one instance. It has the client know the instance
// before it hands the first record over, and purges the client of it when the instance has ended or
// nobody has written to it for the idle timeout. Records wait in it meanwhile, as many as the windows
// of their connections let through.
//
// # Transactions
//
// A connection that writes in transactions has a client of its own, with a transactional id
// that follows from its clientId and instanceId.
//
//   - The id is opened once per connection, and later renewed from the epoch that it had. A
//     client that is stuck, or whose batches may be of the wrong size, is replaced by one that
//     opens it anew, once Kafka has said that nobody else has: a connection that was fenced
//     never fences its successor.
//   - A transaction is aborted unless Kafka has acknowledged all of its records. That it was
//     aborted is said only of one whose commit was never sent, or whose only request to commit
//     was refused for good. What else may happen to a commit is unknown.
//   - After an abort that is not confirmed, and an unknown commit, nothing is produced until
//     Kafka has raised the epoch: what was left would become part of the next transaction.
//   - No transaction begins once the topic instance has ended, or before the client knows it.
//   - Being fenced is told from Kafka's own abort at the timeout of a transaction.
package produce

// Package produce writes records: with pooled idempotent clients, or in transactions.
//
// Producers share a client per clientId and credentials, made at its first message and closed when
// it has been idle.
//
// # What must hold
//
//   - A record is refused beforehand where its topic's settings would refuse it: franz-go
//     fails every buffered record of a partition when Kafka refuses one of them definitely,
//     other connections' too.
//   - Records are produced with a context that outlives their connection, since a cancelled
//     one fails its neighbours.
//   - A producing client is closed only when it holds no record.
//   - A connection goes over to another producing client only when it has no record in the old
//     one, so that its records keep their order.
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
//   - Being fenced is told from Kafka's own abort at the timeout of a transaction.
package produce

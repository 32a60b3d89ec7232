// Package produce writes records: with pooled idempotent clients, or in transactions.
//
// # What must hold
//
//   - A record is written only to the topic instance that its connection has opened. A topic that was
//     deleted and created again gets no record that was sent to the earlier one, and accepts records from
//     the first message of a connection that opens it. Kafka itself ensures this from 4.0 on, where
//     produce requests identify topics by id. With older brokers a record may be written to the new topic
//     if it is under way while its topic is created again, until franz-go or the watcher has noticed.
//   - A client of franz-go knows no topic that nobody writes to: it requests the metadata of each topic
//     that it knows, twice a second for a deleted one.
//   - A client of franz-go that was purged of a topic instance never writes to that instance again: Kafka
//     would treat records as repetitions, and acknowledge them without writing them, see worn_out.go.
//   - A record that its topic's settings would refuse is refused beforehand: franz-go fails every
//     buffered record of a partition, of all connections, when Kafka definitely refuses one of them.
//   - Records are produced with a context that outlives their connection, since a cancelled context
//     fails other records, too.
//   - A producing client is closed only when it holds no record.
//   - A connection switches to another producing client only when it has no record in the old one, so
//     that its records keep their order.
//   - A message creates no client, unless its connection has none yet or lost it by being idle.
//
// # Clients
//
// Producers share a client per clientId and credentials. It is created at the first message and closed
// after the idle timeout. If there are more clientIds than places in the pool, a client that has been
// idle for a while is evicted for another one, once for each connection; a connection that finds no
// place shares a client.
//
// A record that is too large for Kafka uncompressed, and small enough compressed, uses a separate client,
// see large.go.
//
// # Topics
//
// franz-go knows topics by name, and fails all records for a topic that was created again until it is
// purged of it. A topicUse is the use that a client makes of one instance. It makes the client load the
// instance before it hands over the first record, and purges the client of it when the instance has
// ended or nothing was written to it for the idle timeout. Meanwhile records wait in the topicUse, as
// many as the windows of their connections allow.
//
// # Transactions
//
// A connection that writes in transactions has its own client, with a transactional id that is derived
// from its clientId and instanceId.
//
//   - The id is opened once per connection, and later renewed from the epoch that it had. A client that
//     is stuck, or whose limit of the batch size is outdated, is replaced by one that opens the id anew,
//     after Kafka has confirmed that no other producer has opened it: a connection that was fenced never
//     fences its successor.
//   - A transaction is aborted unless Kafka has acknowledged all of its records. It is reported as
//     aborted only if its commit was never sent, or if its only request to commit was refused for good.
//     In all other cases the outcome of a commit is unknown.
//   - After an abort that is not confirmed, and after an unknown commit, nothing is produced until Kafka
//     has raised the epoch: the remaining records would become part of the next transaction.
//   - No transaction begins once the topic instance has ended, or before the client knows it.
//   - Fencing by another producer is distinguished from Kafka's own abort at the timeout of a transaction.
package produce

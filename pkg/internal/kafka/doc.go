// Package kafka is the proxy's side of Apache Kafka: the only importer of franz-go, whose
// types do not leave it.
//
// # Clients
//
// One admin client serves lookups. Producers share a client per clientId, made at its first
// message and closed when it has been idle. Each /socket/out connection has a client of its
// own, which is a member of the consumer group.
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
//   - A consumer commits what its owner says, and in a rebalance before the partition moves.
//     As a new member it takes no partition back behind what was committed meanwhile.
//   - Records that a poll returns belong to the ownership that its taken callback sees.
package kafka

// Package kafka is the proxy's side of Apache Kafka: the only importer of franz-go, whose
// types do not leave it.
//
// # Clients
//
// One client serves lookups, another one the admin API, and one each identity that open
// connections have. Producers share a client per clientId and credentials, made at its first
// message and closed when it has been idle. Each /socket/out connection has a client of its
// own, which is a member of the consumer group. Each table has one to read with and one to
// append with.
//
// # Identities
//
// A connection uses Kafka with the proxy's credentials, or with its own. Topics.OpenFor asks Kafka
// beforehand whether it may: franz-go tells of a wrong password when a record is too old, and
// Kafka of a missing ACL when a record is written. A topic keeps the credentials that it was opened
// with, and producers take them from there. As long as it is open Kafka is asked again and again;
// Topic.Denied tells when the answer changed.
//
//   - Clients of franz-go with different credentials are never shared, and none with a
//     connection's falls back to the proxy's.
//   - Credentials are in memory while a connection uses them, and in a producing client until that
//     has been idle. They are neither printed nor logged.
//   - What a connection's credentials are worth is found out by a login of its own each time.
//   - What Kafka does not tell is allowed: it looks at the rights itself when they are used.
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
//   - A consumer is a static member: one that is closed without a leave keeps its partitions for
//     the next with the same identity, and causes no rebalance. A leave names the member besides
//     the instance, which may be a successor's by then. One that a successor has fenced is told
//     that its partitions are lost, and ends.
//   - Commits go out as the member and in the generation that they were judged in, also while a
//     rebalance waits for somebody.
//   - A group's position that the log does not reach to, or not anymore, is taken back: else what is
//     written up to there would be skipped.
//   - Records that a poll returns belong to the ownership that its taken callback sees.
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
//
// # Tables
//
// A table is state that all replicas of the proxy share: a compacted topic of one partition,
// read from its start, then followed, and appended to in order. It knows nothing of what its
// records mean.
//
//   - Between two calls of Restart the handler sees each offset at most once, in rising order,
//     and all of them belong to one log: of one topic id, nothing of it lost since. An outage,
//     or the move of a leader, is no reason for Restart.
//   - A topic that was recreated, and a log that lost what had been read from it, at its end or
//     at its begin, lead to Restart and a full replay within 5 s of Kafka knowing it, and the
//     table is not ready until then. Compaction loses nothing: Kafka leaves the log's begin
//     where it was. kfake does not, so there a compaction leads to a Restart, too.
//   - A table is caught up when it has read up to the end that Kafka told first, also where
//     the last offsets hold no record: ends of transactions, or what compaction left.
//   - A topic that has more partitions than one, is not compacted only, or has timestamps that
//     producers choose where the log's time counts, is refused before anything is read or
//     written. Nothing changes the settings of a topic that exists.
//   - An append has a fate within its time. One that failed may be in the log, or come into it
//     until a later one has succeeded, and then no more: franz-go bumps the epoch of its
//     producer id when it gives up what it has sent, and Kafka refuses the older epoch.
//
// # Metrics
//
//   - What franz-go does is counted in one set of series for all clients of a kind: clients come and
//     go in any number, series must not.
//   - The lag of a group is counted where a partition is held, so that the replicas' sums are right.
//     A partition that is revoked, lost, or whose consumer ends is counted no more. The ends of
//     logs are looked up every 15 s and after an assignment, once for each identity: fetches do
//     not tell them under a client that takes nothing.
package kafka

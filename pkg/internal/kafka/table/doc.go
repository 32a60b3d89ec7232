// Package table keeps state that all replicas of the proxy share: a compacted topic of one
// partition, read from its start, then followed, and appended to in order. It knows nothing of what
// its records mean. Each table has one client to read with and one to append with.
//
// # What must hold
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
package table

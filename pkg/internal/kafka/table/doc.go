// Package table keeps state that all replicas of the proxy share: a compacted topic of one
// partition, which is read from its start, then followed, and to which records are appended in order. It
// does not know the meaning of its records. Each table has one client to read with and one to append with.
//
// # What must hold
//
//   - Between two calls of Restart the handler sees each offset at most once, in rising order, and all
//     of them belong to one log: of one topic id, and without any loss since. An outage, or the move of
//     a leader, is no reason for Restart.
//   - If a topic was recreated, or a log lost records that had been read from it, at its end or at its
//     begin, Restart and a full replay follow within 5 s after Kafka knows it, and the table is not
//     ready until then. Compaction loses nothing: Kafka keeps the start offset of the log. kfake does
//     not, so a compaction there causes a Restart, too.
//   - A table is caught up when it has read up to the end offset that Kafka returned first, also if the
//     last offsets have no record: they are ends of transactions, or compaction removed their records.
//   - A topic that has more than one partition, has another cleanup policy than compaction alone, or has
//     timestamps set by producers although the log's time counts, is refused before anything is read or
//     written. Nothing changes the settings of an existing topic.
//   - An append has a result within its time. A failed append may be in the log, or enter it until a
//     later one has succeeded, but not after that: franz-go bumps the epoch of its producer id when it
//     gives up records that it has sent, and Kafka refuses the older epoch.
package table

// Package consume reads topics as members of consumer groups. Each connection that reads has its own
// client, which is a member.
//
// # What must hold
//
//   - A consumer commits the positions that its owner passes, and in a rebalance before the partition
//     moves. As a new member it takes no partition back below an offset that was committed meanwhile.
//   - A commit is for the topic instance that the connection holds. A topic that was deleted and
//     created again gets no position of the earlier one.
//   - A commit is sent with the member id and generation for which its positions were checked, also
//     while a rebalance waits for a member.
//   - Under latest a group skips what the topic held when the group began, and nothing else: see
//     Beginning.
//   - If the log does not have a group's position, since it was truncated or retention has passed
//     the position, the position is reset and committed anew: else the group would keep it, and skip
//     records that are written up to there.
//   - Records that a poll returns belong to the ownership that its taken callback sees.
//   - An error that does not pass by itself ends the connection, and so does one that lasts. No poll
//     follows an error without a pause. A partition that franz-go has given up always causes an
//     error: see poll_errors.go.
//   - Every partition that the consumer holds is in a fetch that waits for records, after the usual wait of a
//     fetch at most: only a fetch of all partitions of the topic waits longer, see patience.
//   - A consumer is a static member: if it is closed without a leave, its partitions are kept for
//     the next member with the same identity, and the group does not rebalance. A leave names the
//     member id besides the instance id, which may belong to a successor by then. A consumer that a
//     successor has fenced is told that its partitions are lost, and ends. It never joins again, also
//     where the successor has left by then.
//
// # Beginning
//
// The strategy latest defines where a group begins: at the ends of the partitions that the topic has
// then. Partitions that are added later are read from their first record, whenever a member sees
// them. The number of partitions that the topic had when the group began distinguishes the two. A
// consumer that finds a group without any commit takes the number that it was opened with. It writes
// the number into the metadata of each of its commits, where later members find it. A group of other
// clients has no such number: for it, the partitions after the last one with a committed offset are
// new.
//
// # Lag
//
// The replica whose member holds a partition counts its lag, so that the sum over replicas is right.
// A partition that is revoked or lost, or whose consumer ends, no longer counts. The end offsets of
// logs are looked up every 15 s and after an assignment, once for each identity: fetches do not
// return them while a client takes no records.
//
// # Connections to brokers
//
// A consumer that has nothing to read holds one connection to its group's coordinator for heartbeats,
// and one to each leader of its partitions for fetches. It opens no new ones, except maybe one when
// its metadata expires, after minutes: package cluster watches topics and announces new partitions,
// and the clients that serve lookups look up the end offsets of logs.
package consume

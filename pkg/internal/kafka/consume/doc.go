// Package consume reads topics as members of consumer groups. Each connection that reads has a
// client of its own, which is a member.
//
// # What must hold
//
//   - A consumer commits what its owner says, and in a rebalance before the partition moves.
//     As a new member it takes no partition back behind what was committed meanwhile.
//   - A commit is for the topic instance that the connection holds. A topic that was deleted and made
//     again gets no position of the one before.
//   - Commits go out as the member and in the generation that they were judged in, also while a
//     rebalance waits for somebody.
//   - Under latest a group skips what the topic held when the group began, and nothing else: see
//     Beginning.
//   - A group's position that the log does not have, since it was truncated or retention has passed
//     it, is reset and committed anew: the group would else keep it, and skip what is written up to
//     there.
//   - Records that a poll returns belong to the ownership that its taken callback sees.
//   - An error that does not pass by itself ends the connection, and so does one that lasts. No poll
//     follows an error without a pause. A partition that franz-go has given up is never silent: see
//     poll_errors.go.
//   - A consumer is a static member: one that is closed without a leave keeps its partitions for
//     the next with the same identity, and causes no rebalance. A leave names the member besides
//     the instance, which may be a successor's by then. One that a successor has fenced is told
//     that its partitions are lost, and ends.
//
// # Beginning
//
// The strategy latest says where a group begins: at the ends of the partitions that the topic has
// then. Partitions that are added later are read from their first record, whenever a member sees
// them. What tells the two apart is how many partitions the topic had when the group began. A
// consumer that finds a group without any commit takes the number that it was opened with. It writes
// the number into the metadata of each of its commits, and members that come later find it there.
// A group of other clients has no number: there the partitions after the last that the group has
// committed are new.
//
// # Lag
//
// The lag of a group is counted where a partition is held, so that the replicas' sums are right.
// A partition that is revoked, lost, or whose consumer ends is counted no more. The ends of
// logs are looked up every 15 s and after an assignment, once for each identity: fetches do
// not tell them under a client that takes nothing.
//
// # Connections to brokers
//
// A consumer that has nothing to read holds one connection to its group's coordinator for heartbeats,
// and one to each leader of its partitions for fetches. It makes no new ones: topics are watched by
// package cluster, which tells of new partitions, and the ends of logs are looked up with the clients
// that serve lookups.
package consume

// Package consume reads topics as members of consumer groups. Each connection that reads has a
// client of its own, which is a member.
//
// # What must hold
//
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
// # Lag
//
// The lag of a group is counted where a partition is held, so that the replicas' sums are right.
// A partition that is revoked, lost, or whose consumer ends is counted no more. The ends of
// logs are looked up every 15 s and after an assignment, once for each identity: fetches do
// not tell them under a client that takes nothing.
package consume

// Package virtual runs the proxy and a Kafka cluster in memory and in virtual time, under faults that a
// seed determines: a schedule of minutes takes milliseconds. Its tests are the suite; the seed determines
// the faults, the clients and their times, but not how the Go runtime interleaves goroutines.
//
// The flag -family adds faults of one kind to each schedule, and a trial of healthy clients at its end:
// topics (deleted and created again), growth (partitions added), retention (records deleted), crowd (more
// clientIds than places for Kafka clients), errors (lasting ones, of partitions), state (its broker
// unavailable), tails (readers of /socket/tail, under faults of the first three kinds and compaction), queues (workers of
// /socket/queue, under errors of their requests, leaders that move, locks that end meanwhile, and a topic that is made again).
// Several are separated by commas; "-family all -seeds 5000 -test.timeout 0" is the long run.
package virtual

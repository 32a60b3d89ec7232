// Package checker checks a recorded history against what Kafka holds in the end. It is pure: the same
// history and log give the same report.
//
// # Rules
//
//   - A message that was answered with an offset is in Kafka's log there, once and whole.
//   - After TIMEOUT and every retriable error the outcome is unknown. Any other error means that the
//     message was not written.
//   - TRANSACTION_ABORTED is retriable, and nevertheless means that the message was not written. Of the
//     messages of a batch that was sent in a transaction, readers of committed records see all or none.
//   - The n-th answer on a connection answers its n-th message.
//   - A group has received a record when one of its clients has read it. A position beyond a record that
//     no client had read by then is a violation, even if a client reads the record later.
//   - A record may be delivered any number of times, and a position may go back: a member that Kafka has
//     removed, and that rejoins before it learns of this, commits its old position. Both are counted, and
//     allowed. A member that knows that it has lost a partition must not commit there.
//   - A topic that was deleted and created again is another instance, with its own positions. An answered
//     message is in the log of one of the instances. A group must have received all records of the last
//     instance, and, of each earlier instance, all records before its position there.
//   - A connection receives records of one instance. It ends soon after that instance, and a connection
//     that was requested after the topic was created again does not receive an error about a missing topic.
//   - A group that begins at the end begins at the first position that Kafka holds for it, and does so
//     again if the log loses that position. It reads a partition that is added later from its beginning.
//   - While Kafka refuses all reading, by an error that lasts, every reading connection gets an error.
//
// # Rules for tails
//
//   - A tail is given the records of a partition in order, each once, from its beginning on. What it is not given
//     lies in a gap that it is told before it is given more, and each gap has a reason: records that were deleted,
//     a topic that was made again, a tail that is slow and has asked to skip.
//   - A tail that goes on at its cursor is given neither more nor less: what follows the cursor, or what follows
//     the records that it has named. Its place is lost only where the log does not have it anymore.
//   - Latest is before everything that is sent once the first frame was read, and behind everything that was
//     acknowledged before the tail was asked for. For a tail of committed records it may be before some of that: Kafka
//     shows them nothing behind a transaction that is open, or whose end it has yet to write to that partition.
//   - A tail that has asked for keys is given no others. While it changes them, those of before and after may
//     come, and those that are in both must.
//   - A tail that conflates is given the records of each key in order, and the last one, and all without a key.
//     With an interval, what lies behind its place may come again: records do not come by their offsets.
//   - A snapshot is what the log was, up to one place in each partition, if it kept the newest record of each key
//     and removed tombstones. That place is not before what was acknowledged when the tail was asked for, and
//     what follows is given from there on.
//
// # Rules for queues
//
//   - A record is settled at most once: one worker at most is told that Kafka has accepted or rejected it, and nobody
//     is given it in a later delivery.
//   - While brokers do not see each other, one that does not lead a partition anymore may not know, and hand out a record that was settled
//     at its successor. Nobody may be told to have settled it again.
//   - Records that were deleted need be neither delivered nor settled.
//   - A record is delivered at least once, and in the end a worker has accepted or rejected it, or it was delivered as often as
//     Kafka allows.
//   - Each delivery is at one worker, and no worker holds more than its window.
//   - What a worker was told to have lost, or acknowledges after its lock has ended, is not settled by it. What it holds
//     is known.
//   - The n-th answer on a connection answers its n-th message, with one outcome for each record.
//   - After COMMIT_FAILED, and where the connection ends before the answer, the outcome is unknown.
//   - Kafka is told that a record is accepted or rejected only if a worker has said so whose acknowledgement has not failed, and that
//     its lock is renewed only if a worker has asked for that. What workers are told to be settled Kafka was told before.
//   - A topic that was deleted and created again is another instance, whose records are others at the same offsets: what a worker says is
//     about those of the instance whose records it is given, and Kafka is told nothing of that about the other. Records of an instance that
//     has ended need not be settled. The connections of workers end as those of others do.
package checker

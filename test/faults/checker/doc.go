// Package checker judges a recorded history by what Kafka holds in the end. It is pure: the
// same history and log give the same report.
//
// What it believes
//
//   - A message that was answered with an offset is in Kafka's log there, once and whole.
//   - TIMEOUT and every retriable error mean that nobody knows. Any other error means that the
//     message was not written.
//   - TRANSACTION_ABORTED is retriable, and means all the same that the message was not written.
//     Of the messages of a batch that was sent in a transaction, readers of committed records
//     see all or none.
//   - The n-th answer on a connection answers its n-th message.
//   - A group has had a record when one of its clients has read it. A position beyond a record
//     that none had read by then is a violation, at whatever time somebody reads it.
//   - A record may be delivered any number of times, and a position may go back: a member that
//     Kafka has thrown out, and that joins again before it learns of it, commits what it had.
//     Both are counted, and allowed. A member that knows that it has lost a partition must not
//     commit there.
//   - A topic that was deleted and made again is another instance, with positions of its own. What
//     was answered is in the log of the one or the other. A group must have had all records of the
//     last instance, and of one before all that its position there is beyond.
//   - A connection has records of one instance. It ends soon after that, and one that was asked for
//     after the topic was made again is not told that there is none.
//   - A group that begins at the end begins where Kafka first holds its position, and so again where
//     the log loses that. A partition that is added later it has from the beginning.
//   - While Kafka refuses all reading, by an error that stays, no connection is left without a word.
package checker

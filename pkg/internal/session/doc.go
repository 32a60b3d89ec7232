// Package session decides which consumers and producers hold a session, across all replicas of
// the proxy and without a leader. The decision follows from the order of a log that all replicas
// append to and read: a topic of one partition, compacted, with timestamps of the broker. The
// rules are pure functions over a fold of that log (fold); a replica's part in them is a state
// machine without clock or network (replica); Sessions runs it.
//
// # The log
//
//	claim/<id>           a session: pending, then admitted; removed when it ends
//	replica/<id>         the heartbeat of a run of a replica; removed when it shuts down
//	suspicion/<id>/<by>  one run asks whether another is gone; removed when judged
//	lapse/<id>/<by>      states that a run is gone: its claims are void
//	probe/<id>           asks a session's replica whether its client is alive; carries the answer, too
//	question/<id>        a run asks others for figures of their sessions, or their last closes; removed soon
//	report/<id>/<to>     what a run has answered to another one; removed soon
//
// A replica takes a new run id each time it starts, and when it reads its own lapse.
//
// # An attempt
//
// Each connection attempts to hold a session. What moves it are the records that its replica reads:
//
//	              the identity is taken                    the rival is admitted
//	  decide ---------------------------> waiting/probing -----------------------> decide
//	    |                                     |                                or is gone
//	    | nobody has it, or the view          | no sign of life, or the client
//	    | of the log is old                   | asked to take over
//	    v                                     |
//	proposing <-------------------------------'
//	    |  its pending claim is read:
//	    |      refused ------------> waiting/probing, or over (409, 429)
//	    v      won
//	confirming
//	    |  its admitted claim is read:
//	    |      void ---------------> decide
//	    v      admitted
//	  held --- its claim is gone --> decide
//	    |
//	    v  released; evicted (4409); another has the identity (4409); the limit is reached (1013)
//	  over
//
// In the fold a claim is refused or reserved while it is pending, then holding; it is void when it was pending
// for too long, when its run has lapsed, and when it was evicted.
//
// # Repair
//
// No record is written once and forgotten. A replica keeps the keys under which the log, as far as it was
// read, does not have what its connections hold or want (differences). One pass, at each tick, writes them
// again: after a write that has failed, and after one that is not in the log although a later heartbeat is. When
// the log was read from its beginning, and after a lapse, everything is compared, and the same pass writes what
// differs, a bounded number of records at a time.
//
// # What must hold
//
//   - Replicas that have read the same prefix agree on every holder: the fold knows no clock
//     and no settings. What a rule needs (limit, partitions, principal, lease) is in the record.
//   - An identity has one holder: (group, client) of consumers, (client, instance) of
//     producers.
//   - A claim is admitted only where fewer sessions than the limit that it carries hold a
//     slot. A lowered limit evicts no session.
//   - A fold of a compacted prefix and the records after it equals the fold of the whole log:
//     each record is judged by itself and by records that are younger than a lease, which
//     compaction leaves alone (min.compaction.lag.ms is ten leases). Hence:
//     each claim has a key of its own, not each identity, or compaction would remove a winning
//     claim for a losing one; the owner of a record that was judged at its place in the log
//     writes the result as a record of its own, which says when the question was asked, and is
//     void if that was too long before; a pending claim is void after the time of a handshake, so
//     that a replay cannot admit a claim that was once refused; a key with a value that cannot
//     be read counts as removed.
//   - Only its owner takes a claim from pending to admitted, and only an admitted claim is
//     taken over or evicted: else a removal could come between the two, and be undone. A run
//     that takes over a claim removes the old one first, then admits its own. The owner of a claim
//     that was removed ends its session only where another has the identity: a removal may have been
//     written long after it was decided.
//   - A claim that a fresh view of the log refuses is not written: the log grows with sessions, and not with
//     refusals. A view is fresh while the replica reads its own heartbeats within a second.
//   - A probed client has two seconds to give a sign of life, in log time, and an answer counts if it precedes
//     the claim that takes over. A replica that has written nothing since it was asked is presumed gone, and
//     its other claims need no probe, until it writes again.
//   - A crashed replica keeps a slot for no longer than its lease: a run that writes nothing for
//     that long lapses, by a record. A suspicion names the last record of its subject; it is
//     void if a later record of the subject precedes it. The lapse is written once the suspicion
//     was read back. A run is judged by the lease that its own heartbeats tell, since leases differ
//     while a setting is rolled out.
//   - An outage makes no run lapse: silence is measured in log time, which is that of the
//     records, each gap cut to a second. A gap is measured to the record before, so a clock that is
//     ahead costs a second. So that log time keeps up with time, replicas write a heartbeat when the
//     log is quiet.
//   - A replica whose heartbeat was not acknowledged for a lease admits no connection. A replica
//     that reads its own lapse claims its sessions again. A process that was
//     stopped and resumed cannot know of its lapse in time: Kafka's own fencing protects then.
//   - A replica that alone cannot write to the log, or alone cannot read it, ends the sessions of its
//     producers after two leases: others may have taken their places, and Kafka does not fence them.
//   - Questions and reports decide nothing, and are no signs of life. Nothing of them is written where nobody asks, at most a question a
//     second by each replica that is asked, and one report on it by each that has what it wants: within bounds of sessions, closes and
//     bytes. A question is answered by who reads it live, at its next tick, if no later one has taken its place and it was not removed: so
//     not after a replay, and once after an outage. No clock is compared: who asks knows its question by the number. What is lost
//     is not written again, and what stays in the log is removed. No question is written while a replica of an earlier version lives,
//     which would count it as a record that the proxy did not write.
//   - Times are the broker's, and compared with each other only.
//   - Other replicas remove the records that a lapsed run left in the log before they remove its
//     lapse. The lapse stays for many leases, so that a write that the run had in flight cannot
//     bring a claim back.
package session

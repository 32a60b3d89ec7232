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
//
// A replica takes a new run id each time it starts, and when it reads its own lapse.
//
// # What must hold
//
//   - Replicas that have read the same prefix agree on every holder: the fold knows no clock
//     and no settings. What a rule needs (limit, partitions, subject, lease) is in the record.
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
//     void if that was more than a lease before; a pending claim is void after its lease, so
//     that a replay cannot admit a claim that was once refused; a key with a value that cannot
//     be read counts as removed.
//   - Only its owner takes a claim from pending to admitted, and only an admitted claim is
//     taken over or evicted: else a removal could come between the two, and be undone. A run
//     that takes over a claim removes the old one first, then admits its own.
//   - A crashed replica keeps a slot for no longer than the lease: a run that writes nothing for
//     that long lapses, by a record. A suspicion names the last record of its subject; it is
//     void if a later record of the subject precedes it. The lapse is written once the suspicion
//     was read back.
//   - An outage makes no run lapse: silence is measured in log time, which is that of the
//     records, each gap cut to a third of the lease.
//   - A replica whose heartbeat was not acknowledged for a lease admits no connection. A replica
//     that reads its own lapse closes the sockets of its lapsed sessions. A process that was
//     stopped and resumed cannot know of its lapse in time: Kafka's own fencing protects then.
//   - Times are the broker's, and compared with each other only: the clocks of brokers that may
//     lead the partition must agree within a fraction of the lease.
//   - Other replicas remove the records that a lapsed run left in the log before they remove its
//     lapse. The lapse stays for many leases, so that a write that the run had in flight cannot
//     bring a claim back.
package session

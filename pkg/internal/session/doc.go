// Package session decides who is connected: which consumers and producers hold a slot, across
// all replicas of the proxy, without a leader. What decides is the order of a log that all
// replicas append to and read: a topic of one partition, compacted, with timestamps of the
// broker. The rules are pure functions over a fold of that log (Fold); a replica's part in
// them is a state machine without clock or network (replica); Sessions runs it.
//
// # The log
//
//	claim/<id>           a session: pending, then admitted; removed when it ends
//	replica/<id>         the heartbeat of a run of a replica; removed when it shuts down
//	suspicion/<id>/<by>  one run asks whether another is gone; removed when judged
//	lapse/<id>/<by>      a run is gone: what it claimed is void
//	probe/<id>           asks a session's replica whether its client is alive, and the answer
//
// A replica takes a new id each time it starts, and when it reads its own lapse.
//
// # What must hold
//
//   - Replicas that have read the same prefix agree on every holder: the fold knows no clock
//     and no settings. What a rule needs (limit, partitions, subject, lease) is in the record.
//   - An identity has one holder: (group, client) of consumers, (client, instance) of
//     producers.
//   - A claim is admitted only where fewer sessions than the limit that it carries hold a
//     slot. A lowered limit evicts nobody.
//   - The fold of a compacted prefix and what follows is the fold of the whole: each record is
//     judged by itself and by what is younger than a lease, which compaction leaves alone
//     (min.compaction.lag.ms is ten leases). Hence:
//     a key per claim, never per identity, or a losing claim would compact the winner away;
//     what was judged at its place in the log is written down by its owner as a record of its
//     own, which says when the question was asked, and is void if that was more than a lease
//     before; a pending claim is void after its lease, so that a replay cannot admit what was
//     once refused; a key with a value that cannot be read counts as removed.
//   - Only its owner takes a claim from pending to admitted, and only an admitted claim is
//     taken over or evicted: else a removal could come between, and be undone. Who takes a
//     claim over removes the old one first, then admits its own.
//   - A slot is lost for no longer than the lease: a run that writes nothing for that long
//     lapses, by a record. A suspicion names the last record of its subject; it is void if
//     there is a later one before it. The lapse follows once the suspicion was read back.
//   - An outage is nobody's death: silence is measured in log time, which is that of the
//     records, each gap cut to a third of the lease.
//   - A replica whose heartbeat was not acknowledged for a lease admits nobody. One that reads
//     its own lapse closes the sockets it was for. One that was stopped and resumed cannot
//     know in time: Kafka's own fencing protects then.
//   - Times are the broker's, and compared with each other only: the clocks of brokers that may
//     lead the partition must agree within a fraction of the lease.
//   - What a run left in the log is removed by others before its lapse is, and the lapse stays
//     for many leases, so that a write that it had under way cannot bring a claim back.
package session

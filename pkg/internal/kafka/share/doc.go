// Package share has members of Kafka's share groups (KIP-932) and deals the records that they acquire to workers, which
// settle them one by one. All workers of a replica with the same group and the same Kafka identity share one
// member, whatever topics they want.
//
// # What must hold
//
//   - A record is at one worker at a time: it is dealt again only after the worker that had it was told that it
//     does not hold it anymore, or has given an acknowledgement on it.
//   - What a worker was told to have lost is never settled as good afterwards: Kafka is told nothing more about that
//     delivery.
//   - A worker holds a record from the moment on at which it is sent. An acknowledgement that comes before is about an earlier
//     delivery, since both have one position, and settles nothing: the client may never get the later one.
//   - What a worker was told to be settled was settled by its acknowledgement. If the lock may have ended before the answer came, the
//     result is SettleFailed, since Kafka confirms any acknowledgement on a record that somebody else has settled meanwhile.
//   - Nothing is held that no worker holds: the member acquires at most as many records as there are free
//     places in the windows of its workers, and gives back at once what it acquired for a worker that has left.
//     Offsets without a record are acknowledged as gaps, and what cannot be decoded is released.
//   - Records that wait to be taken are charged to the memory budget, and none are acquired while it is full: beyond it
//     there is at most one fetch of each session.
//
// # Locks
//
// Kafka tells how long locks last, and not when they began. They are counted from before the fetch or the renewal was sent, so
// that they end here earlier than at Kafka: by a tenth of their duration, since no fetch waits for longer. What was sent before the end is
// left to Kafka's answer.
//
// A session ends with its connection, and with it Kafka takes back what was acquired through it. A new leader of a partition
// begins without locks. In both cases the workers are told at once. A leader that has moved
// away and back would confirm acknowledgements on records that another member has settled meanwhile: where the broker has not answered about the
// partition right before, or was silent about it for a while since the records were acquired, its leadership is looked up behind the answer.
//
// # Requests
//
// franz-go's own share consumer accepts all that was not settled at its next poll, so the requests are made here. A member has
// a goroutine for heartbeats, one that looks for leaders, one that ends locks, and one for each broker, whose
// session it is: Kafka counts the requests of a session, so that one is under way at a time. Acknowledgements go with the next fetch,
// or alone where nothing is fetched. They cannot be told beside a fetch, over another connection: Kafka takes them, and then fails the
// fetch for the session's epoch, with the records that it has acquired (4.4, seen). So while workers hold records of a broker its fetches wait
// for 4 ms, each time twice as long as before while nothing comes, and at most 50 ms.
//
// Records are acquired of all partitions of a topic that are assigned to any member of the group, and not of the member's own alone.
//
// The places of a topic's workers are divided among the brokers that fetch. If there are fewer places than brokers, they
// take turns. A fetch of several topics acquires at most as many records as the topic with the fewest places has, as
// Kafka may find all of them in one topic.
//
// # Lags
//
// Members of a share group share partitions, so that none has a part of the lag of its own. Every replica with workers of a group looks up
// the lag of the whole topic and tells that, or nothing: the greatest is right however many replicas tell it, while one joins or
// leaves, too. Kafka keeps the start offset of a partition from the first acknowledgement on. Until then all of the partition is to be settled if the group begins
// with the earliest record.
//
// # Refusals
//
// Kafka refuses all that a request tells about a partition if one of the records is not acquired anymore. What was refused is told
// again by halves, until the record is found.
package share

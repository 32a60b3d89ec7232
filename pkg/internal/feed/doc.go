// Package feed delivers the records of a topic to any number of tails: each record is fetched once and encoded once
// for each variant of frames that somebody reads, however many read it.
//
// # Words
//
// A log is a topic instance as it is read under one isolation level with one identity at Kafka. A ring holds the
// newest frames of a log in one variant (payload, formats), in the order in which they were fetched: the partitions
// are mixed, each in its own order. A tail is one reader. Its place in a partition is the offset from which on it
// has been given nothing. A tail is either at a spot of the ring, or it catches up: it reads the log from its places
// on, at its own pace.
//
// The text of a chunk is what those of its frames hold that are sent compressed, one behind the other. The frame of a
// record has two compressed forms: following repeats the last of the text before it, as much of that as was known to be
// text when it was made; alone repeats nothing but itself. Whether a record is part of the text is decided once, for all
// who get the whole ring: it is if following is shorter than the frame. Forms are made when somebody needs them.
//
// # What must hold
//
//  1. A tail is given the records of a partition in their order, each once, from its first place on, or it is told a
//     gap that covers what it is not given. Offsets that hold no record are no gaps.
//  2. A ring covers in each partition all records from low to high: those that it has dropped were before low, and
//     those that it has yet to get come from high on. So a tail may leave the log for the ring when its place in
//     every partition is at low or above; the records of the ring before its places are left out.
//  3. The places of a tail at a spot are known after the ring has dropped the spot: a tail that is too slow goes back
//     to the log behind the last record that it was given, not behind the last that it should have been given.
//     One that is to be given the newest record of each key alone is not given those that a newer one has replaced,
//     and is told how many: if the newer one is truncated before it is given, the older ones are not given either.
//  4. No tail holds up a ring, another tail or the fetch: a ring drops its oldest frames when it is full, whoever
//     has yet to read them.
//  5. The rings of all logs together are bounded, save for the newest chunk of each, and what tails keep of frames that
//     a ring has dropped is the offsets of one chunk each. Queues have at most mostQueued records.
//  6. A tail with a selection has a queue of where its records lie. Its spot is moved to the end of the ring only where
//     all before are known to be in the queue: else a cursor could be behind a record that it has yet to be given. It
//     joins the ring as others do, where the keys that the ring keeps tell which of its records are wanted: those are put
//     into the queue. Where a condition looks at contents, which the ring does not keep, a sweep reads the log once for all
//     tails that wait, and tells which of the ring's records meet it: only if it has met each of them, of the same epoch.
//     What comes meanwhile is in the queues. Else a tail has its queue filled from some place on, and reads the log up to there.
//  7. What a tail was given before it joined the ring may be truncated while the ring is behind it. It learns so from
//     the first record of the partition that the ring gets with a later leader epoch, also if it does not want that one.
//  8. The table of a log holds the newest record of each key up to exactly what is fetched. So a tail that is given what
//     it held at one moment, and what the ring gets from then on, has no hole and no double. What is replaced meanwhile
//     stays, once for all tails that have yet to be given it. Tables and that are bounded together: where they grow
//     beyond, the tails end that have waited longest, before a table is given up.
//  9. Where records of a key are conflated in time, a frame may be of an earlier offset than the one before it. The
//     places behind it are those behind which nothing is held.
//  10. A peer is given following only if the text that it may repeat is the last that the peer was sent compressed, and
//     lies within its window: the peer was given all records before it in the chunk, from one on behind which there is as
//     much text, in order, with no other compressed frame between. A Window shows that. It compares where it is with each
//     record that is given, so that jumps, records that are left out and the other topics of the connection need not be
//     told to it. What a ring does not hold is never sent compressed, and is not in the window.
//  11. A partition whose leader does not answer holds up no other. Tails that begin meanwhile have a time as their place
//     there (proxy.AtTime), and so may a ring: it covers nothing of the partition then, and tails join it whatever their
//     places there are, and keep these. When the leader answers the ring begins anew.
//  12. No cursor is behind a gap that was not told: a client that is cut off after it would never learn of the gap.
//  13. Newest records that have begun to come are given to the end, also where another tail takes the place of the one that
//     has begun: see Inherit. Until then a client that begins with them has no place, and no cursor of the log.
package feed

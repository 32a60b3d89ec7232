// Package read reads topics without a group, for live tails: any number of readers, each from its own places.
//
// # What must hold
//
//   - A reader returns the records of a partition in their order, each once, from its place on: no record below
//     the place, none twice, and none is left out unless the reader has told a gap, or returns an error. After
//     an error reading begins again with Read, at the places behind what was returned.
//   - What a log does not have behind a place is told as a gap, by Check and by the first polls of a reader: a
//     reader reads a partition only after its leader was asked about the place (KIP-320). franz-go never
//     chooses where to read on: what it reports as lost, or returns below the place, is an error.
//   - All records are of one topic instance. When it has ended, or Kafka does not allow its use anymore, all calls
//     return Topic.End: an error of proxy.KindTopicNotFound, which wraps proxy.ErrReplaced if the topic was made
//     again, or that of the denied access.
//   - A partition without a leader, or whose leader does not answer, holds up no other partition: Check leaves it
//     out, and a reader begins with it when its leader answers. So it does with partitions that are added.
//   - No partition stops silently: an error that lasts, a batch that cannot be decoded, and a partition that does
//     not move although its log goes on, end the reader with an error.
//
// # Epochs
//
// The epoch of a place that this package returns is that of the record before it, or that of the leader which was
// asked about the log and still had all records before the place. Requests name the leader epoch that Kafka's
// metadata shows: a broker that does not know yet that it no longer leads cannot answer.
//
// # Memory
//
// franz-go buffers one fetch of each broker. Options.FetchBytes bounds what a reader has from all brokers
// together: fetches ask for as many compressed bytes as lately expanded to the share of a broker. A fetch returns
// at least one whole batch, of at most cluster.DecompressAtMost bytes, and the first fetch, when the expansion is
// not known, asks for few. The records of a poll are what was buffered: so a reader has at most about twice that
// while the next fetch is under way.
//
// # Fetch sessions
//
// Readers use none. A session would save about 40 bytes of each request and answer for each partition that has
// nothing new; but a broker keeps 1,000 sessions for all of its clients, of which each tail that catches up would
// take one, and a session outlives a topic's instance.
package read

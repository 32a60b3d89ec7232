// Package clientcfg knows the limits of clients: of consumers by their group, of producers by
// their client id. It reads them from the settings, from a file and from the records of a
// compacted topic, which admin requests write.
//
// An entry takes precedence as a whole: the dynamic one over the static one of the file. A
// member that an entry leaves out is that of the defaults, not that of the entry beneath, so
// that an answer to "what is in force" needs one entry and the defaults.
//
// # The topic
//
// A record's key is consumer/<groupId> or producer/<clientId>, its value the entry as JSON, or
// null where it was removed.
//
// # What must hold
//
//   - Replicas that have read the same records have the same dynamic entries, and a replica
//     that reads a compacted topic has those of one that read all: an entry follows from the
//     last record of its key alone. That is why a value that cannot be read removes the entry,
//     rather than leaving an older one in force that compaction takes away.
//   - A record whose key is not one of ours changes nothing. It is counted, as is a value that
//     cannot be read. Members that are unknown are ignored: a newer version may have written
//     them.
//   - There are at most MaxEntries dynamic entries. Keys beyond them, which no admin request
//     writes, are skipped and counted. Here alone it matters in what order records were read.
//   - Whoever watches a client is told of every change of what is in force for it, in order,
//     and of nothing else.
//   - While the topic is read anew from its beginning, what was in force stays in force, until
//     the end is reached.
package clientcfg

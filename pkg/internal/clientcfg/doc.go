// Package clientcfg holds the limits of clients: of consumers by their group, of producers by
// their client id. It reads them from the settings, from a file and from the records of a
// compacted topic, which admin requests write.
//
// An entry takes precedence as a whole: the dynamic one over the static one of the file. A
// member that an entry leaves out has the value of the defaults, not that of the entry of lower
// precedence, so that the limits in force follow from one entry and the defaults.
//
// # The topic
//
// A record's key is consumer/<groupId> or producer/<clientId>, its value the entry as JSON, or
// null where it was removed.
//
// # What must hold
//
//   - Replicas that have read the same records have the same dynamic entries, and a replica
//     that reads a compacted topic has those of one that read all records: an entry follows from
//     the last record of its key alone. That is why a value that cannot be read removes the
//     entry, rather than leaving an older one in force that compaction removes.
//   - A record whose key is not one of the proxy's changes nothing. It is counted, as is a value
//     that cannot be read. Unknown members are ignored: a newer version may have written them.
//   - There are at most MaxEntries dynamic entries. Keys beyond them, which no admin request
//     writes, are skipped and counted. Only here the order in which records were read matters.
//   - A watcher of a client is called with every change of the limits in force for it, in order,
//     and for nothing else.
//   - While the topic is read again from its beginning, the previous limits stay in force until
//     the end is reached.
package clientcfg

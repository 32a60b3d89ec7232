package proxy

import "context"

// Completion receives the result of a record handed to a producer.
type Completion interface {
	// Done is called exactly once for each record, from any goroutine. It must not block:
	// the results of all other records wait behind it. An error is, or wraps, an *Error.
	Done(ack Ack, err error)
}

// Owner is told which partitions of its topic a consumer owns. Calls are made one at a time, and
// never for a partition while a call for it is under way.
type Owner interface {
	// Assigned adds partitions, with the positions at which delivery starts.
	Assigned(starts map[int32]Start)
	// Revoked is called before partitions move to another member of the group, which
	// starts at the offsets of the returned commits. It may wait for a client, within a
	// bound of its own.
	Revoked(ctx context.Context, partitions []int32) (commits []Next)
	// Lost tells that partitions are gone already, so that nothing can be committed.
	Lost(partitions []int32)
}

// Start is where delivery of a partition starts.
type Start struct {
	Offset int64
	// Commit tells that the group has not committed this position yet, and must: otherwise a client that
	// is cut off before its first record would skip the records written until it reconnects.
	Commit bool
}

// Next is a group's position in a partition: the offset of the first record that the group has
// not consumed.
type Next struct {
	Partition int32
	Offset    int64
}

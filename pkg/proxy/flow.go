package proxy

import "context"

// Completion is told the fate of a record handed to a producer.
type Completion interface {
	// Done is called exactly once for each record, from any goroutine. It must not block:
	// the fates of all other records wait behind it. An error is, or wraps, an *Error.
	Done(ack Ack, err error)
}

// Owner is told which partitions of its topic a consumer owns. Calls come one at a time,
// and never for a partition while a call for it is under way.
type Owner interface {
	// Assigned adds partitions, with where delivery starts.
	Assigned(starts map[int32]Start)
	// Revoked is called before partitions move to another member of the group, which
	// starts at the offset that the returned commits name. It may wait for a client, within
	// a bound of its own.
	Revoked(ctx context.Context, partitions []int32) (commits []Next)
	// Lost tells that partitions are gone already, so that nothing can be committed.
	Lost(partitions []int32)
}

// Start is where delivery of a partition starts.
type Start struct {
	Offset int64
	// Commit tells that the group does not have the position yet, and must: a client that is cut off
	// before its first record would skip what comes until it is back.
	Commit bool
}

// Next is a group's position in a partition: the offset of the first record that the group
// has not had.
type Next struct {
	Partition int32
	Offset    int64
}

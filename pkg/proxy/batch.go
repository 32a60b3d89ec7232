package proxy

// Batch is what a poll returns.
type Batch struct {
	Gaps    []Gap // before the records of their partitions
	Records []Record
	Next    Places // behind the records, of the partitions that moved
}

// Gap is a range of offsets of which a tail is given no record.
type Gap struct {
	Partition int32
	From, To  int64 // To is the first offset behind the gap
	Reason    GapReason
	Then      Place // where reading goes on: behind the gap, or at its begin where the log was truncated
}

// GapReason tells why there is a gap, as clients see it.
type GapReason string

const (
	// GapSlow tells that the tail could not keep up, and asked not to wait.
	GapSlow GapReason = "SLOW"
	// GapExpired tells that the topic's retention has removed the records.
	GapExpired GapReason = "EXPIRED"
	// GapTruncated tells that a new leader did not have the records.
	GapTruncated GapReason = "TRUNCATED"
	// GapRecreated tells that the topic was deleted and made again.
	GapRecreated GapReason = "RECREATED"
)

package proxy

// Group is a consumer group.
type Group struct {
	ID       GroupID
	Simple   bool // it never had a member: offsets were only committed under its name
	State    GroupState
	Assignor string     // assigns the partitions to the members; empty while it is not chosen
	Members  []ClientID // of each member, sorted; a client that is a member twice is there twice
}

// GroupState is the state of a consumer group, by the name that it has in Kafka's Java clients.
type GroupState string

// The states of consumer groups. Those of the classic protocol share their names with those of the
// new one (KIP-848), where both have them.
const (
	GroupUnknown             GroupState = "UNKNOWN"
	GroupPreparingRebalance  GroupState = "PREPARING_REBALANCE"
	GroupCompletingRebalance GroupState = "COMPLETING_REBALANCE"
	GroupAssigning           GroupState = "ASSIGNING"
	GroupReconciling         GroupState = "RECONCILING"
	GroupStable              GroupState = "STABLE"
	GroupEmpty               GroupState = "EMPTY"
	GroupDead                GroupState = "DEAD"
)

// Active tells whether a group in this state has members, or may have some.
func (s GroupState) Active() bool { return s != GroupEmpty && s != GroupDead }

// GroupOffset is the offset that a group has committed in a partition: that of the first record
// that it has not consumed.
type GroupOffset struct {
	Topic     string
	Partition int32
	Offset    int64
	Metadata  string // committed together with the offset; mostly empty
}

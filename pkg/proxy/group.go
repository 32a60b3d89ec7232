package proxy

// Group is a consumer group.
type Group struct {
	ID       GroupID
	Type     GroupType
	Simple   bool // it never had a member: offsets were only committed under its name
	State    GroupState
	Assignor string        // assigns the partitions to the members; empty while it is not chosen
	Members  []GroupMember // by their client ids; a client that is a member twice is there twice
}

// GroupType is the protocol of a group's members, by the name that it has in Kafka.
type GroupType string

// The types of consumer groups.
const (
	ClassicGroup  GroupType = "classic"
	ConsumerGroup GroupType = "consumer" // of the new protocol (KIP-848)
	ShareGroup    GroupType = "share"    // a queue, several members of which have a partition (KIP-932)
)

// GroupMember is a member of a consumer group.
type GroupMember struct {
	ID         string // given by Kafka, or chosen by the member
	Client     ClientID
	Host       string // its address, as Kafka shows it
	Partitions []PartitionID
}

// GroupState is the state of a consumer group, by the name that it has in Kafka's Java clients.
type GroupState string

// The states of consumer groups. Those of the classic protocol share their names with those of the
// other ones, where both have them.
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
// that it has not consumed. Of a share group it is the start offset: that of the first record that is
// not settled.
type GroupOffset struct {
	Topic     string
	Partition int32
	Offset    int64
	Metadata  string // committed together with the offset; mostly empty
	Lag       int64  // of a share group: the records that are not settled, or Unknown; else 0
}

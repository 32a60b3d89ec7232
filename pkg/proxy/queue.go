package proxy

// Acknowledgement is what a worker of a queue wants to become of a record that it holds.
type Acknowledgement uint8

// The acknowledgements. Their numbers are those of Kafka's acknowledgement types (KIP-932, KIP-1222).
const (
	Accept  Acknowledgement = 1 // it is done
	Release Acknowledgement = 2 // another worker may have it
	Reject  Acknowledgement = 3 // nobody gets it again; a dead letter where the group is configured for them
	Renew   Acknowledgement = 4 // its lock begins anew, and it stays with the worker
)

// String returns the verb by which clients give the acknowledgement.
func (v Acknowledgement) String() string {
	switch v {
	case Accept:
		return "accept"
	case Release:
		return "release"
	case Reject:
		return "reject"
	case Renew:
		return "renew"
	}
	return "none"
}

// Delivery is a record that a worker of a queue holds from the moment on at which it is sent.
type Delivery struct {
	Record
	Count int   // how often the record was handed out to workers, this time included
	Until int64 // when its lock ends, in milliseconds since the epoch
}

// QueueEvent is what has happened to a worker of a queue. Exactly one of its fields is set.
type QueueEvent struct {
	// Deliveries are records that the worker holds, each from the moment on at which it is sent.
	Deliveries []Delivery
	// Expired are records whose locks have ended: the worker does not hold them anymore.
	Expired []Position
	// Settlement tells what became of one call of the worker.
	Settlement *Settlement
	// Notice tells why nothing comes, now and then while that lasts. The connection goes on.
	Notice *Error
}

// Settlement is the outcome of one call in which a worker gives an acknowledgement on records.
type Settlement struct {
	Acknowledgement Acknowledgement
	// Until is when the first lock of the renewed records ends, in milliseconds since the epoch; 0 if none was
	// renewed.
	Until   int64
	Results []SettledPosition // in the order of the call
}

// SettledPosition is what became of one record of a Settlement.
type SettledPosition struct {
	Position Position
	Result   SettleResult
}

// SettleResult is the result of an acknowledgement on a record.
type SettleResult uint8

// The results. After each of them but SettleRenewed and SettleFailed the worker does not hold the record.
const (
	// SettleFailed tells that Kafka refused for now, or gave no answer. The worker may try again: if it does not
	// hold the record anymore, since Kafka may have settled it, the result is SettleUnknown then.
	SettleFailed SettleResult = iota
	// SettleDone tells that Kafka has settled the record.
	SettleDone
	// SettleRenewed tells that the lock of the record has begun anew.
	SettleRenewed
	// SettleExpired tells that the lock had ended. The record was not settled, and is somebody else's by now.
	SettleExpired
	// SettleUnknown tells that the worker does not hold the record, or that it is settled already.
	SettleUnknown
)

// Kind returns the kind of the failure that a client is told about, if it is one.
func (r SettleResult) Kind() (kind Kind, failed bool) {
	switch r {
	case SettleDone, SettleRenewed:
		return 0, false
	case SettleExpired:
		return KindLockExpired, true
	case SettleUnknown:
		return KindUnknownMessageID, true
	case SettleFailed:
	}
	return KindCommitFailed, true
}

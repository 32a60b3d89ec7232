package consume

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fencing ends the membership of a consumer that a successor has fenced. It is a hook of the consumer's client.
//
// franz-go would join the group again after a pause. Kafka refuses that as long as the successor is a member. Once that has
// left, the consumer, whose connection may take seconds to end, would be a member that nobody reads for, and after its end
// the group would keep partitions for it until the session timeout.
type fencing struct{ consumer *Consumer }

// Succeeded tells the consumer that a successor takes its place: it stays a member only until that has joined. The successor
// may have left again when the consumer hears from Kafka: Kafka does not know the consumer then.
func (c *Consumer) Succeeded() { c.succeeded.Store(true) }

// OnGroupManageError implements kgo.HookGroupManageError. It is called before the pause.
func (f fencing) OnGroupManageError(err error) {
	if errors.Is(err, kerr.FencedInstanceID) || f.consumer.succeeded.Load() && errors.Is(err, kerr.UnknownMemberID) {
		<-f.consumer.made
		_ = f.consumer.client.LeaveGroupContext(nil) //nolint:staticcheck // nil: does not wait, for the loop that has called
	}
}

var _ kgo.HookGroupManageError = fencing{}

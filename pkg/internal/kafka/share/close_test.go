package share

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestAReplicaThatClosesGivesBackWhatItsWorkersHold(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a", "b")
		leaving, staying := r.pod(), r.pod()
		one := leaving.open(2)
		one.wants("a", "b")
		heir := staying.open(2)
		leaving.groups.Close(kafkatest.Deadline(r))
		heir.wants("a", "b")
		for i := range heir.got {
			if heir.got[i].Count != 2 {
				r.Errorf("the count of %q is %d, want 2", heir.got[i].Value, heir.got[i].Count)
			}
		}
		heir.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

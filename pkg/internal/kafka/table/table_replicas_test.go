package table

import (
	"regexp"
	"strings"
	"testing"
)

// TestTooFewReplicas uses a topic that was created when there was one broker, after two more have come.
func TestTooFewReplicas(t *testing.T) {
	t.Parallel()
	r := newTableRig(t, manyBrokers(t, 3)...)
	r.create(t, "few", 1, append(stateSettings[:4:4], "min.insync.replicas=1")...) // with one replica
	r.opened(t, "few")
	text := strings.ReplaceAll(r.text.String(), `\"`, `"`)
	for _, want := range []string{
		`replicationFactor=1 configured=3 brokers=3`,
		`'\{"version":1,"partitions":\[\{"topic":"few","partition":0,"replicas":\[\d,\d,\d\]\}\]\}' > reassign.json && kafka-reassign-partitions.sh`,
		`is="?min.insync.replicas=1"? run="kafka-configs.sh .* --entity-name few --add-config min.insync.replicas=2"`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("%s is not in: %s", want, text)
		}
	}
	r.opened(t, "enough", func(o *Options) { o.ReplicationFactor = 1 })
	if text := r.text.String(); strings.Contains(text, "topic=enough replicationFactor=1 configured") {
		t.Errorf("warned without a reason: %s", text)
	}
}

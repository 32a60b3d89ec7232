package outside

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// setGroup configures a share group, by name, value, name, value and so on.
func (c *cluster) setGroup(group string, settings ...string) {
	c.t.Helper()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	for i := 0; i < len(settings); i += 2 {
		one := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		one.Name, one.Value = settings[i], &settings[i+1]
		resource.Configs = append(resource.Configs, one)
	}
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	answer, err := request.RequestWith(within(c.t, patience), c.client)
	must(c.t, err)
	must(c.t, kerr.ErrorForCode(answer.Resources[0].ErrorCode))
}

// isSettled tells whether Kafka is known to have nothing left for a share group.
func (c *cluster) isSettled(group, topic string) bool {
	c.t.Helper()
	offsets, err := c.admin.DescribeShareGroupOffsets(within(c.t, patience), group)
	if err != nil || offsets[group].Err != nil || len(offsets[group].Offsets[topic]) == 0 {
		return false
	}
	for _, p := range offsets[group].Offsets[topic] {
		if p.Lag != 0 {
			return false
		}
	}
	return true
}

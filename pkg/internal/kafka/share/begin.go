package share

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The names of a share group's configurations.
const (
	beginConfig     = "share.auto.offset.reset"
	isolationConfig = "share.isolation.level"
	locksConfig     = "share.partition.max.record.locks"
	// settlePause is the pause between two looks whether brokers know a configuration.
	settlePause = 50 * time.Millisecond
)

var errNotYet = errors.New("the brokers do not have the group's configuration yet")

// configure stores where the group begins, and its isolation, if the group does not exist yet and nobody has configured
// them. The error is a *proxy.Error if it cannot succeed later.
func (m *member) configure() error {
	ctx, cancel := m.timeout()
	defer cancel()
	missing, _, err := m.unconfigured(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	exists, err := m.exists(ctx)
	if err != nil || exists {
		return err
	}
	if err := m.alter(ctx, missing, kmsg.IncrementalAlterConfigOpSet); err != nil {
		return err
	}
	m.configured = missing
	for ctx.Err() == nil {
		missing, seen, err := m.unconfigured(ctx)
		if err != nil || len(missing) == 0 || !seen {
			return err
		}
		cluster.Pause(ctx, settlePause)
	}
	return errNotYet
}

// unconfigure takes back what configure has stored, since there will be no such group.
func (m *member) unconfigure() {
	if len(m.configured) == 0 {
		return
	}
	ctx, cancel := m.timeout()
	defer cancel()
	if err := m.alter(ctx, m.configured, kmsg.IncrementalAlterConfigOpDelete); err != nil {
		m.log.Warn("the configuration of a queue stays at a group that is none", "err", err)
	}
	m.configured = nil
}

// wanted returns the configurations that the group is to begin with.
func (m *member) wanted() map[string]string {
	all := make(map[string]string)
	if begin := m.options.Begin; begin != "" {
		all[beginConfig] = string(begin)
	}
	if isolation := m.options.Isolation; isolation != "" {
		all[isolationConfig] = string(isolation)
	}
	return all
}

// unconfigured returns the wanted configurations that are not in force, except those that somebody has given to the group. All are
// returned if Kafka shows none, neither to the client's identity nor to the proxy's own. What else Kafka shows is noted.
func (m *member) unconfigured(ctx context.Context) (missing map[string]string, seen bool, err error) {
	missing = m.wanted()
	if len(missing) == 0 {
		return nil, true, nil
	}
	configs, err := m.describeAs(ctx, m.client)
	if err == nil && len(configs) == 0 && !m.key.credentials.IsZero() {
		configs, err = m.describeAs(ctx, m.groups.cluster.Client)
	}
	for _, c := range configs {
		m.note(c)
		own := c.Source == kmsg.ConfigSourceGroupConfig
		if own || c.Value != nil && *c.Value == missing[c.Name] {
			delete(missing, c.Name)
		}
	}
	return missing, len(configs) > 0, err
}

// note keeps what others need of the group's configuration.
func (m *member) note(c kmsg.DescribeConfigsResponseResourceConfig) {
	if c.Value == nil {
		return
	}
	switch c.Name {
	case beginConfig:
		m.begins.Store(c.Value)
	case locksConfig:
		if most, err := strconv.Atoi(*c.Value); err == nil {
			m.mostLocks = most
		}
	}
}

// describeAs returns the group's configurations; none if the client may not see them.
func (m *member) describeAs(ctx context.Context, client *kgo.Client) (all []kmsg.DescribeConfigsResponseResourceConfig, err error) {
	answer, err := cluster.AskAny[*kmsg.DescribeConfigsResponse](ctx, client, func() kmsg.Request {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, string(m.key.group)
		resource.ConfigNames = []string{beginConfig, isolationConfig, locksConfig}
		request := kmsg.NewPtrDescribeConfigsRequest()
		request.Resources = append(request.Resources, resource)
		return request
	})
	if err != nil {
		return nil, fmt.Errorf("asking for the group's configuration: %w", err)
	}
	for i := range answer.Resources {
		all = append(all, answer.Resources[i].Configs...)
	}
	return all, nil
}

// exists tells whether there is a group of the name, of whatever kind.
func (m *member) exists(ctx context.Context) (bool, error) {
	group, err := m.describe(ctx)
	if err != nil {
		return false, fmt.Errorf("asking for the group: %w", err)
	}
	err = kerr.ErrorForCode(group.ErrorCode)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, kerr.GroupIDNotFound): // so it is with a group of another kind, of which the join tells
		return false, nil
	case errors.Is(err, kerr.GroupAuthorizationFailed): // to describe it, which is another right than to use it
		return false, nil
	default:
		return false, fmt.Errorf("asking for the group: %w", err)
	}
}

// alter sets or deletes configurations of the group, with the proxy's own rights where those of the client do not suffice.
func (m *member) alter(ctx context.Context, configs map[string]string, op kmsg.IncrementalAlterConfigOp) error {
	err := m.alterAs(ctx, m.client, configs, op)
	if isConfigDenial(err) && !m.key.credentials.IsZero() {
		err = m.alterAs(ctx, m.groups.cluster.Client, configs, op)
	}
	if isConfigDenial(err) {
		return proxy.Wrap(err, proxy.KindNotAuthorized, "groupId: Kafka does not authorise to configure where %q begins.", m.key.group)
	}
	return err
}

func (m *member) alterAs(ctx context.Context, client *kgo.Client, configs map[string]string, op kmsg.IncrementalAlterConfigOp) error {
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, string(m.key.group)
	for name, value := range configs {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Op = name, op
		if op == kmsg.IncrementalAlterConfigOpSet {
			c.Value = new(value)
		}
		resource.Configs = append(resource.Configs, c)
	}
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	answer, err := request.RequestWith(ctx, client)
	if err == nil && len(answer.Resources) == 1 {
		err = kerr.ErrorForCode(answer.Resources[0].ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("configuring the group: %w", err)
	}
	return nil
}

func isConfigDenial(err error) bool {
	return errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed)
}

package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// The broker enforces a change of ACLs, or of passwords, a moment after these methods return:
// tests wait for its effect.

// AllowTopic adds ACLs by which a user may do something to a topic.
func (s *Secure) AllowTopic(ctx context.Context, user, topic string, what ...kadm.ACLOperation) error {
	return s.allow(ctx, acl(user, what).Topics(topic))
}

// AllowGroup adds ACLs by which a user may do something to a consumer group.
func (s *Secure) AllowGroup(ctx context.Context, user, group string, what ...kadm.ACLOperation) error {
	return s.allow(ctx, acl(user, what).Groups(group))
}

// ForbidTopic removes what AllowTopic added.
func (s *Secure) ForbidTopic(ctx context.Context, user, topic string, what ...kadm.ACLOperation) error {
	return s.forbid(ctx, acl(user, what).Topics(topic))
}

// ForbidGroup removes what AllowGroup added.
func (s *Secure) ForbidGroup(ctx context.Context, user, group string, what ...kadm.ACLOperation) error {
	return s.forbid(ctx, acl(user, what).Groups(group))
}

// SetPassword gives a user of SCRAM-SHA-256, who may be new, a password.
func (s *Secure) SetPassword(ctx context.Context, user, password string) error {
	return s.administer(func(admin *kadm.Client) error {
		answers, err := admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{
			{User: user, Mechanism: kadm.ScramSha256, Iterations: 4096, Password: password},
		})
		if err != nil {
			return err
		}
		return answers.Error()
	})
}

// RemovePassword takes a user's password of SCRAM-SHA-256.
func (s *Secure) RemovePassword(ctx context.Context, user string) error {
	return s.administer(func(admin *kadm.Client) error {
		answers, err := admin.AlterUserSCRAMs(ctx, []kadm.DeleteSCRAM{{User: user, Mechanism: kadm.ScramSha256}}, nil)
		if err != nil {
			return err
		}
		return answers.Error()
	})
}

// MakeTopic makes a topic.
func (s *Secure) MakeTopic(ctx context.Context, topic string, partitions int32) error {
	return s.administer(func(admin *kadm.Client) error {
		_, err := admin.CreateTopic(ctx, partitions, 1, nil, topic)
		return err
	})
}

func acl(user string, what []kadm.ACLOperation) *kadm.ACLBuilder {
	return kadm.NewACLs().Allow("User:" + user).AllowHosts().Operations(what...).ResourcePatternType(kadm.ACLPatternLiteral)
}

func (s *Secure) allow(ctx context.Context, rules *kadm.ACLBuilder) error {
	return s.administer(func(admin *kadm.Client) error {
		answers, err := admin.CreateACLs(ctx, rules)
		if err != nil {
			return err
		}
		for _, answer := range answers {
			if answer.Err != nil {
				return answer.Err
			}
		}
		return nil
	})
}

func (s *Secure) forbid(ctx context.Context, rules *kadm.ACLBuilder) error {
	return s.administer(func(admin *kadm.Client) error {
		answers, err := admin.DeleteACLs(ctx, rules)
		if err != nil {
			return err
		}
		for _, answer := range answers {
			if answer.Err != nil {
				return answer.Err
			}
		}
		return nil
	})
}

// administer does something as the one who may do everything.
func (s *Secure) administer(do func(*kadm.Client) error) error {
	client, err := s.Client(Admin)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := do(kadm.NewClient(client)); err != nil {
		return fmt.Errorf("administering Kafka: %w", err)
	}
	return nil
}

package cluster

import (
	"context"
)

// OpenFor opens a topic for a connection that Kafka lets do what it wants: the error is of
// KindNotAuthenticated where Kafka does not take its credentials, else of KindNotAuthorized where an
// ACL is missing, and of KindTopicNotFound where there is no such topic. Kafka goes on being asked
// until the topic is closed, see Topic.Over. Credentials are tried by a connection of their own each
// time, so that what was taken yesterday is not taken for granted.
func (t *Topics) OpenFor(ctx context.Context, a Access) (*Topic, error) {
	granted, shown, err := t.rights.open(ctx, a)
	if err != nil {
		return nil, err
	}
	topic, err := t.open(ctx, granted, shown)
	if err != nil {
		t.rights.release(granted)
		return nil, err
	}
	return topic, nil
}

// open holds the instance that Kafka shows. Where that is not the one in use, a broker may be behind:
// it looks again until one of the two has proven to be over.
func (t *Topics) open(ctx context.Context, granted *grant, shown sight) (*Topic, error) {
	name := granted.access.Topic
	for {
		topic := &Topic{ending: granted.ending}
		topic.grant.Store(granted)
		settings := t.settingsOf(ctx, granted, shown)
		if topic.Instance, topic.stop = t.hold(name, shown, settings, granted.ending); topic.Instance != nil {
			return topic, nil
		}
		t.see(name, shown, false)
		Pause(ctx, openPause)
		var err error
		if shown, err = t.lookAgain(ctx, granted); err != nil {
			return nil, LookupError(err, name)
		}
	}
}

// settingsOf asks for the settings of an instance that is not in use yet. Those that nobody tells have
// their defaults.
func (t *Topics) settingsOf(ctx context.Context, granted *grant, shown sight) topicSettings {
	name := granted.access.Topic
	if t.isKnown(name, shown) {
		return topicSettings{}
	}
	settings, err := lookAtSettings(ctx, t.rights.clientOf(granted), []string{name})
	if known, ok := settings[name]; ok && err == nil {
		return known
	}
	return defaultSettings()
}

// lookAgain asks what Kafka shows of a topic to who was granted the use of it.
func (t *Topics) lookAgain(ctx context.Context, granted *grant) (sight, error) {
	name := granted.access.Topic
	sights, err := look(ctx, t.rights.clientOf(granted), []string{name})
	if err != nil {
		return sight{}, err
	}
	return sights[name], sights[name].err
}

package cluster

import (
	"context"
)

// OpenFor opens a topic for a connection if Kafka authorises the access. Otherwise the error is of
// KindNotAuthenticated if Kafka refuses the credentials, of KindNotAuthorized if an ACL is missing, and
// of KindTopicNotFound if there is no such topic. The check is repeated until the topic is closed, see
// Topic.Over. Each call checks credentials with a new connection, so that credentials that were accepted
// earlier are checked again.
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

// open holds the instance that Kafka shows. If another instance is in use, a broker may be behind: open
// repeats the lookup until it is known which of the two has ended.
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

// settingsOf looks up the settings of an instance that is not in use yet. Settings that Kafka does not
// return have their defaults.
func (t *Topics) settingsOf(ctx context.Context, granted *grant, shown sight) topicSettings {
	name := granted.access.Topic
	if t.isKnown(name, shown) {
		return topicSettings{}
	}
	client := t.rights.clientOf(granted)
	if client == nil { // the watch was closed meanwhile
		return defaultSettings()
	}
	settings, err := lookAtSettings(ctx, client, []string{name})
	if known, ok := settings[name]; ok && err == nil {
		return known
	}
	return defaultSettings()
}

// lookAgain asks Kafka what it shows of a topic to the identity of the grant.
func (t *Topics) lookAgain(ctx context.Context, granted *grant) (sight, error) {
	name := granted.access.Topic
	client := t.rights.clientOf(granted)
	if client == nil {
		return sight{}, ErrClosed
	}
	sights, err := look(ctx, client, []string{name})
	if err != nil {
		return sight{}, err
	}
	return sights[name], sights[name].err
}

package cluster

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// Renew has the topic used with other credentials from now on, since those that it was opened with
// will expire. Records to come are produced with them; consumers and transactions bring them at
// their next login, which Kafka asks for when the old ones expire (KIP-368). Kafka is not asked
// beforehand: Over tells if it does not take them.
//
// An error is of KindNotAuthenticated where they are of another kind, or cannot be used at all.
func (t *Topic) Renew(credentials proxy.KafkaCredentials) error {
	t.renewing.Lock()
	defer t.renewing.Unlock()
	before := t.grant.Load()
	if t.closed || before.access.Credentials == credentials {
		return nil
	}
	if kindOfLogin(before.access.Credentials) != kindOfLogin(credentials) {
		return proxy.Errorf(proxy.KindNotAuthenticated, "Kafka credentials cannot become others of another kind.")
	}
	after, err := t.topics.rights.renew(before, credentials)
	if err != nil {
		return err
	}
	t.grant.Store(after)
	t.topics.rights.release(before)
	return nil
}

// loginKind tells what credentials a Kafka client logs in with, which it cannot change.
type loginKind uint8

const (
	ownLogin loginKind = iota
	passwordKind
	tokenKind
)

func kindOfLogin(c proxy.KafkaCredentials) loginKind {
	switch {
	case c.IsZero():
		return ownLogin
	case c.Token != "":
		return tokenKind
	default:
		return passwordKind
	}
}

// renew notes an access that goes on with other credentials, without asking Kafka.
func (i *identities) renew(before *grant, credentials proxy.KafkaCredentials) (*grant, error) {
	if err := i.cluster.security.usable(credentials); err != nil {
		return nil, unusable(err)
	}
	fresh, err := i.dial(credentials)
	if err != nil {
		return nil, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka client could be made.")
	}
	after := &grant{access: before.access, ending: before.ending}
	after.access.Credentials = credentials
	i.admit(after, fresh)
	return after, nil
}

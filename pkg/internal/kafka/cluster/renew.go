package cluster

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// Renew uses the topic with other credentials from now on, since those with which it was opened will
// expire. Further records are produced with them; consumers and transactions use them at their next
// login, which Kafka requires when the old ones expire (KIP-368). Kafka is not asked beforehand: Over is
// closed if it refuses them.
//
// The error is of KindNotAuthenticated if the credentials are of another kind, or cannot be used at all.
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

// loginKind is the kind of credentials with which a Kafka client logs in. A client cannot change it.
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

// renew stores an access that continues with other credentials, without asking Kafka.
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

package session

// outcome is how a pending claim fares.
type outcome uint8

const (
	won         outcome = iota
	duplicate           // somebody else has the identity
	limitFull           // the group, or the client, has its most sessions
	topicFull           // the group has a session for each partition of the topic
	ownerLapsed         // its replica was given up
)

// ruling is the judgement of a pending claim.
type ruling struct {
	outcome outcome
	holder  *entry // who has the identity, of a duplicate
}

// judge applies the rules to a pending claim: it looks at nothing but the claim and what the
// log has said before it.
func (f *fold) judge(e *entry) ruling {
	id := e.identity()
	if heir := f.heirs[id]; heir != nil {
		return ruling{duplicate, heir}
	}
	if holder := f.holders[id]; holder != nil {
		return f.judgeTakeover(e, holder)
	}
	if full := f.full(e); full != won {
		return ruling{outcome: full}
	}
	return ruling{}
}

// judgeTakeover judges a claim to an identity that somebody has. It needs no free slot, except
// in a topic that the old session was not for.
func (f *fold) judgeTakeover(e, holder *entry) ruling {
	if e.Takes != holder.id || holder.standing != holding || !isSame(holder.principal(), e.principal()) {
		return ruling{duplicate, holder}
	}
	if e.Kind == Consumer && e.Topic != holder.Topic && f.topicFull(e) {
		return ruling{outcome: topicFull}
	}
	return ruling{}
}

func (f *fold) full(e *entry) outcome {
	switch {
	case e.Kind == Producer && e.Limit > 0 && f.clients[e.Client] >= e.Limit:
		return limitFull
	case e.Kind == Producer:
		return won
	case e.Limit > 0 && f.groups[e.Group] >= e.Limit:
		return limitFull
	case f.topicFull(e):
		return topicFull
	default:
		return won
	}
}

func (f *fold) topicFull(e *entry) bool {
	return e.Partitions > 0 && f.topics[groupTopic{e.Group, e.Topic}] >= e.Partitions
}

package session

// outcome is the result of judging a pending claim.
type outcome uint8

const (
	won         outcome = iota
	duplicate           // another session has the identity
	limitFull           // the group, or the client, has reached its limit of sessions
	topicFull           // the group has a session for each partition of the topic
	ownerLapsed         // its replica has lapsed
)

// ruling is the outcome of a pending claim and, of a duplicate, the session it lost to.
type ruling struct {
	outcome outcome
	holder  *entry // the session that has the identity, of a duplicate
}

// judge applies the rules to a pending claim: it depends only on the claim and the records
// before it in the log.
func (f *fold) judge(e *entry) ruling {
	id := e.identity()
	if next := f.successors[id]; next != nil {
		return ruling{duplicate, next}
	}
	if holder := f.holders[id]; holder != nil {
		return f.judgeTakeover(e, holder)
	}
	if full := f.full(e); full != won {
		return ruling{outcome: full}
	}
	return ruling{}
}

// judgeTakeover judges a claim to an identity that another session has. The claim needs no free
// slot, except in a topic that differs from the old session's.
func (f *fold) judgeTakeover(e, holder *entry) ruling {
	if e.Takes != holder.id || holder.standing != holding || !isSame(holder.principal(), e.principal()) {
		return ruling{duplicate, holder}
	}
	if e.needsPlace(holder) && f.topicFull(e) {
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
	return e.isCapped() && f.topics[groupTopic{e.Group, e.Topic}] >= e.Partitions
}

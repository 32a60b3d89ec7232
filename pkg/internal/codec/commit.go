package codec

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// MessageIDName is the member that identifies a delivered record, in records and commits.
const MessageIDName = "wsProxyMessageId"

func (j *jsonOut) DecodeCommit(frame []byte) (Commit, *proxy.Error) {
	s := scanner{data: frame, maxDepth: j.settings.MaxDepth}
	var id token
	object := s.peek() == '{'
	if object {
		scanCommit(&s, &id)
	} else {
		s.skip()
	}
	switch {
	case !s.end():
		return Commit{}, invalidJSON(&s)
	case !object:
		return Commit{}, proxy.Errorf(proxy.KindInvalidMessage,
			`the message must be an object {"%s":…}`, MessageIDName)
	case id.kind != kindString:
		return Commit{}, wrongShape(&s, MessageIDName, &id, "a string")
	case id.lone:
		return Commit{}, unknownID(&s, &id)
	}
	return j.resolve(&s, &id)
}

func scanCommit(s *scanner, id *token) {
	for name := range s.members {
		switch {
		case string(name) == MessageIDName:
			s.value(id)
		default:
			s.skip()
		}
	}
}

// resolve returns the commit of the position that id identifies.
func (j *jsonOut) resolve(s *scanner, id *token) (Commit, *proxy.Error) {
	commit := Commit{ID: string(s.text(id)), HasID: true}
	position, err := proxy.ParsePosition(commit.ID)
	if err != nil || position.Topic != j.settings.Topic {
		return commit, unknownID(s, id)
	}
	commit.Position = position
	return commit, nil
}

func unknownID(s *scanner, id *token) *proxy.Error {
	return proxy.Errorf(proxy.KindUnknownMessageID, "%s %s is not one of a record delivered here",
		MessageIDName, excerpt(s.raw(id)))
}

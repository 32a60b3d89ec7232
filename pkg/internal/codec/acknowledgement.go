package codec

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// MostAcknowledgements is how many records one message may settle.
const MostAcknowledgements = 1000

// Acknowledgements is a client's message that gives one acknowledgement on records of a queue.
type Acknowledgements struct {
	Acknowledgement proxy.Acknowledgement
	Positions       []proxy.Position // in the order of the message
	Unknown         []string         // ids that are none of records of the topic
}

// acknowledgements is the shape of the messages, for errors.
const acknowledgements = `{"accept":[…]}, {"release":[…]}, {"reject":[…]} or {"renew":[…]}`

// DecodeAcknowledgements reads a client's message such as {"accept":["topic-0-1-2"]}. Its verb has an array of ids, or one id; other members
// are ignored. Beside an error there are no Acknowledgements, which share no memory with frame.
func (q *Queue) DecodeAcknowledgements(frame []byte) (Acknowledgements, *proxy.Error) {
	s := scanner{data: frame}
	var acknowledgement proxy.Acknowledgement
	var ids token
	verbs, object := 0, s.peek() == '{'
	if object {
		acknowledgement, verbs = scanAcknowledgement(&s, &ids)
	} else {
		s.skip()
	}
	switch {
	case !s.end():
		return Acknowledgements{}, invalidJSON(&s)
	case !object || verbs == 0:
		return Acknowledgements{}, proxy.Errorf(proxy.KindInvalidMessage, "the message must be one of %s", acknowledgements)
	case verbs > 1:
		return Acknowledgements{}, proxy.Errorf(proxy.KindInvalidMessage, "the message has more than one verb: it must be one of %s", acknowledgements)
	}
	v := Acknowledgements{Acknowledgement: acknowledgement}
	e := v.read(q.topic, s.data[:ids.end], &ids)
	if e != nil {
		return Acknowledgements{}, e
	}
	return v, nil
}

// scanAcknowledgement reads the members of the object at which the scanner is, and returns the last verb and how many there are.
func scanAcknowledgement(s *scanner, ids *token) (acknowledgement proxy.Acknowledgement, verbs int) {
	for name := range s.members {
		if named := acknowledgementOf(name); named != 0 {
			acknowledgement = named
			verbs++
			s.value(ids)
		} else {
			s.skip()
		}
	}
	return acknowledgement, verbs
}

// acknowledgementOf returns the acknowledgement of a verb, 0 for other names.
func acknowledgementOf(name []byte) proxy.Acknowledgement {
	switch string(name) {
	case "accept":
		return proxy.Accept
	case "release":
		return proxy.Release
	case "reject":
		return proxy.Reject
	case "renew":
		return proxy.Renew
	}
	return 0
}

// read reads the ids of a message that is known to be JSON.
func (v *Acknowledgements) read(topic string, data []byte, ids *token) *proxy.Error {
	s := scanner{data: data, pos: ids.start}
	if ids.kind != kindArray {
		return v.readID(topic, &s, ids)
	}
	s.pos++
	for first := true; s.element(first); first = false {
		if len(v.Positions)+len(v.Unknown) == MostAcknowledgements {
			return proxy.Errorf(proxy.KindInvalidMessage, "%s has more than %d ids: nothing was settled", v.Acknowledgement, MostAcknowledgements)
		}
		var id token
		s.value(&id)
		if e := v.readID(topic, &s, &id); e != nil {
			return e
		}
	}
	return nil
}

// readID reads one id.
func (v *Acknowledgements) readID(topic string, s *scanner, id *token) *proxy.Error {
	if id.kind != kindString {
		return wrongShape(s, v.Acknowledgement.String(), id, "an array of the wsProxyMessageIds of records, or one of them")
	}
	text := string(s.text(id))
	if position, err := proxy.ParsePosition(text); err == nil && position.Topic == topic {
		v.Positions = append(v.Positions, position)
	} else {
		v.Unknown = append(v.Unknown, text)
	}
	return nil
}

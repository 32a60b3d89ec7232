//go:build linux

package leaks

import (
	"fmt"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// The topics. topicMissing is none, and what is not listed is not allowed.
const (
	topicIn      = "in"
	topicEmpty   = "empty"
	topicFull    = "full"
	topicBig     = "big"
	topicMissing = "missing"
)

// kind is a kind of visit.
type kind struct {
	name  string
	share int // of the visits, relative to other kinds
	run   func(*visit) error
}

const (
	often  = 8 // costs little
	seldom = 1 // waits for a timeout
)

func kinds() []kind {
	list := append(refusals(), requests()...)
	list = append(list, unfinished()...)
	for _, e := range endings() {
		share := often
		if e.slow {
			share = seldom
		}
		for _, messages := range []int{0, 3} {
			list = append(list, kind{fmt.Sprintf("in with %d messages, %s", messages, e.name), share, func(v *visit) error {
				return v.produce(messages, true, e)
			}})
		}
		list = append(list, kind{"in with messages in flight, " + e.name, share, func(v *visit) error {
			return v.produce(20, false, e)
		}})
	}
	return list
}

// dearKinds are the consumers: each is a member of a group and a client of Kafka.
func dearKinds() []kind {
	var list []kind
	for _, e := range endings() {
		list = append(list,
			kind{"out without records, " + e.name, 1, func(v *visit) error { return v.consume(topicEmpty, 0, e) }},
			kind{"out with records, " + e.name, 1, func(v *visit) error { return v.consume(topicFull, 5, e) }})
	}
	return list
}

// clientID is one that nobody has had: nothing that it names may stay when its user has left. Every other visit has one of more than the pool of
// clients has room for.
func (v *visit) clientID() string {
	if v.number%2 == 0 {
		return fmt.Sprintf("once-%d", v.number)
	}
	return fmt.Sprintf("client-%d", v.number%(2*maxProducers))
}

// place is a socket to produce, of an instance that nobody has been.
func (v *visit) place() string {
	return target("/socket/in", "clientId", v.clientID(), "topic", topicIn, "instanceId", fmt.Sprintf("instance-%d", v.number))
}

// produce sends messages and ends the connection, with or without waiting for the answers.
func (v *visit) produce(messages int, answered bool, e ending) error {
	ws, err := v.open(v.place())
	if err != nil {
		return err
	}
	defer ws.Net.Close()
	for i := range messages {
		if err := ws.Send(wsclient.Text, fmt.Appendf(nil, `{"value":{"value":"%d.%d"},"messageId":"m"}`, v.number, i)); err != nil {
			return err
		}
	}
	if answered {
		if err := texts(ws, messages); err != nil {
			return err
		}
	}
	return e.end(ws, v.rand)
}

// consume reads records and ends the connection.
func (v *visit) consume(topic string, records int, e ending) error {
	group := <-v.groups
	defer func() { v.groups <- group }()
	v.subject = "consumer-" + group                                        // another one would not get the place of a connection that has just died
	ws, err := v.open(target("/socket/out", "clientId", "consumer-"+group, // the same each time: others find no place until it has left
		"groupId", fmt.Sprintf("%s-%s", topic, group), "topic", topic, "autoCommit", "false"))
	if err != nil {
		return err
	}
	defer ws.Net.Close()
	if err := texts(ws, records); err != nil {
		return err
	}
	return e.end(ws, v.rand)
}

package session

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Record is a record to append to the log. A nil Value removes the key.
type Record struct {
	Key   string
	Value []byte
}

// The kinds of keys.
const (
	claimKey     = "claim/"
	replicaKey   = "replica/"
	suspicionKey = "suspicion/"
	lapseKey     = "lapse/"
	probeKey     = "probe/"
	questionKey  = "question/"
	reportKey    = "report/"
)

// Kind is what a session is for.
type Kind string

// The kinds of sessions.
const (
	Consumer Kind = "consumer"
	Producer Kind = "producer"
)

type claimState string

const (
	pending  claimState = "pending"
	admitted claimState = "admitted"
	// evicted is an admitted claim that an administrator has ended. Earlier versions cannot read it, and
	// take it for a removal.
	evicted claimState = "evicted"
)

// handshakeTime is how long a claim may be pending: as long as a handshake may take.
const handshakeTime = 5 * time.Second

// claim is the value of a claim's key. It carries everything that the rules need.
type claim struct {
	State    claimState     `json:"state"`
	Kind     Kind           `json:"kind"`
	Client   proxy.ClientID `json:"client"`
	Group    proxy.GroupID  `json:"group,omitzero"`
	Instance string         `json:"instance,omitzero"`
	Topic    string         `json:"topic"`
	Subject  string         `json:"subject,omitzero"` // the principal's name, empty for the anonymous one
	Method   proxy.Method   `json:"method,omitzero"`  // the principal's; earlier versions do not write it
	Replica  string         `json:"replica"`          // the run that owns it
	Server   string         `json:"server"`           // the replica's name
	Since    int64          `json:"since"`            // ms since the epoch

	Limit      int    `json:"limit,omitzero"`      // most sessions of the group, or the client; 0 for no limit
	Partitions int    `json:"partitions,omitzero"` // most sessions of the group in the topic; 0 for no limit
	Takes      string `json:"takes,omitzero"`      // id of the claim that it takes over from
	Valid      int64  `json:"lease"`               // ms that it may be pending; earlier versions write their lease
	Asked      int64  `json:"asked,omitzero"`      // in an admitted claim: when it was pending, in ms since the epoch
}

// identity is the key under which there may be one session at a time.
type identity struct {
	kind     Kind
	group    proxy.GroupID // of consumers
	client   proxy.ClientID
	instance string // of producers
}

func (c *claim) identity() identity {
	if c.Kind == Consumer {
		return identity{kind: Consumer, group: c.Group, client: c.Client}
	}
	return identity{kind: Producer, client: c.Client, instance: c.Instance}
}

// principal is the owner of the session.
func (c *claim) principal() proxy.Principal {
	return proxy.Principal{Method: c.Method, Name: c.Subject}
}

// subject returns the principal as text, empty for the anonymous one.
func (c *claim) subject() string {
	if c.Subject == "" {
		return ""
	}
	if c.Method == "" {
		return c.Subject // of an earlier version
	}
	return c.principal().String()
}

// isSame tells whether two sessions belong to one principal. A name without a method was written by
// a version that did not know methods, for which the name was all: it counts as the same principal
// by any method, so that clients keep their place while replicas are replaced by newer ones.
func isSame(a, b proxy.Principal) bool {
	unqualified := a.Name != "" && (a.Method == "" || b.Method == "")
	return a.Name == b.Name && (a.Method == b.Method || unqualified)
}

// beat is the value of a replica's key.
type beat struct {
	Server string `json:"server"`
	Count  int64  `json:"count"`
	Lease  int64  `json:"lease,omitzero"`  // ms; earlier versions do not write it
	Leaves bool   `json:"leaves,omitzero"` // the replica drains; earlier versions do not write it
	Pool   string `json:"pool,omitzero"`   // as in [Settings]; earlier versions do not write it

	Reports bool `json:"reports,omitzero"` // the replica answers questions; earlier versions do not
}

func (b *beat) valid() bool { return b.Lease >= 0 && b.Lease <= maxLease && len(b.Pool) <= maxText }

// suspicion is the value of a suspicion's key.
type suspicion struct {
	Replica string `json:"replica"`
	Seen    int64  `json:"seen"` // offset of the last record of Replica
	By      string `json:"by"`
}

// lapse is the value of a lapse's key.
type lapse struct {
	By    string `json:"by"`
	Asked int64  `json:"asked"` // timestamp of the suspicion, in ms since the epoch
	Lease int64  `json:"lease"` // of the run that has lapsed, in ms
}

// probe is the value of a probe's key.
type probe struct {
	Claim string `json:"claim"`
	By    string `json:"by"`
	Alive bool   `json:"alive,omitzero"` // the answer; a dead client gives none
	From  string `json:"from,omitzero"`  // in an answer: the run that gives it; earlier versions do not write it
}

func set(key string, value any) Record {
	encoded, err := json.Marshal(value)
	if err != nil {
		// Identifiers come from parameters that were checked: nothing here fails to encode.
		panic(fmt.Sprintf("encoding %s: %v", key, err))
	}
	return Record{Key: key, Value: encoded}
}

func remove(key string) Record { return Record{Key: key} }

// logged is a record of the log as it was read.
type logged struct {
	offset int64
	at     time.Time
	key    string
	record any  // one of the types above; nil removes the key
	unread bool // the value could not be read: the key counts as removed, as after compaction
}

// readLog decodes a record. It does not retain value.
func readLog(offset int64, at time.Time, key string, value []byte) logged {
	l := logged{offset: offset, at: at, key: key}
	if value == nil {
		return l
	}
	record, err := parse(key, value)
	if err != nil {
		l.unread = true
		return l
	}
	l.record = record
	return l
}

var errNotARecord = errors.New("not a record of sessions")

// parse reads the value of a key: one of the types above.
func parse(key string, value []byte) (any, error) {
	if len(key) > maxText || !utf8.ValidString(key) {
		return nil, errNotARecord
	}
	switch {
	case strings.HasPrefix(key, claimKey):
		c := new(claim)
		return c, decode(value, c, c.valid)
	case strings.HasPrefix(key, replicaKey):
		b := new(beat)
		return b, decode(value, b, func() bool { return isRun(strings.TrimPrefix(key, replicaKey)) && b.valid() })
	case strings.HasPrefix(key, suspicionKey):
		s := new(suspicion)
		return s, decode(value, s, func() bool { return isRun(s.Replica) && isRun(s.By) })
	case strings.HasPrefix(key, lapseKey):
		l := new(lapse)
		return l, decode(value, l, func() bool { return isRun(lapseOf(key)) && isRun(l.By) })
	case strings.HasPrefix(key, probeKey):
		p := new(probe)
		return p, decode(value, p, func() bool { return p.Claim != "" && isRun(p.By) })
	default:
		return parseReporting(key, value)
	}
}

func decode(value []byte, into any, valid func() bool) error {
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("decoding a record: %w", err)
	}
	if valid != nil && !valid() {
		return errNotARecord
	}
	return nil
}

// maxLease bounds the lease of a heartbeat, in ms: another program may have written it.
const maxLease = 24 * 60 * 60 * 1000

// maxText bounds the texts of a record, in bytes: another program may have written it.
const maxText = 1024

// isRun tells whether text can be the id of a run.
func isRun(text string) bool { return text != "" && !strings.ContainsAny(text, "/") }

func (c *claim) valid() bool {
	if c.State != pending && c.State != admitted && c.State != evicted || c.Kind != Consumer && c.Kind != Producer {
		return false
	}
	for _, text := range []string{string(c.Client), string(c.Group), c.Instance, c.Topic, c.Subject, string(c.Method), c.Replica, c.Server, c.Takes} {
		if len(text) > maxText || !utf8.ValidString(text) {
			return false
		}
	}
	return c.Client != "" && isRun(c.Replica) && c.Valid > 0 && c.Limit >= 0 && c.Partitions >= 0
}

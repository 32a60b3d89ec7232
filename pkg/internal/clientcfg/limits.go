package clientcfg

import (
	"fmt"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// DefaultID is the id of the entry that shows the defaults.
	DefaultID = "__DEFAULT__"
	// MaxEntries is the most dynamic entries.
	MaxEntries = 100_000
	// maxLimit is the highest limit, as for limits in settings and parameters.
	maxLimit = math.MaxInt32
)

// Limits are the limits in force for a client. 0 is no limit.
type Limits struct {
	MaxConnections    int // on all replicas together
	MessagesPerSecond int // of each connection
	BatchSize         int // most records per poll; of consumers only
}

// Kind is a kind of client, as it is written in paths and keys.
type Kind string

// The kinds of client.
const (
	Consumer Kind = "consumer" // a consumer group
	Producer Kind = "producer" // a client id on /socket/in
)

// Entry holds the configured limits of one client. For a nil limit the default applies.
type Entry struct{ MaxConnections, MessagesPerSecond, BatchSize *int }

// over returns the limits of e, with the defaults for those that e leaves out.
func (e Entry) over(defaults Limits) Limits {
	or := func(value *int, otherwise int) int {
		if value == nil {
			return otherwise
		}
		return *value
	}
	return Limits{
		MaxConnections:    or(e.MaxConnections, defaults.MaxConnections),
		MessagesPerSecond: or(e.MessagesPerSecond, defaults.MessagesPerSecond),
		BatchSize:         or(e.BatchSize, defaults.BatchSize),
	}
}

// whole returns an entry with all members.
func (l Limits) whole() Entry {
	return Entry{&l.MaxConnections, &l.MessagesPerSecond, &l.BatchSize}
}

// The names of members.
const (
	maxConnections    = "max-connections"
	messagesPerSecond = "messages-per-second"
	batchSize         = "batch-size"
)

// idName is the name of the member that holds the id.
func (k Kind) idName() string {
	if k == Consumer {
		return "group-id"
	}
	return "producer-id"
}

// member returns a pointer to a member of e, or nil where clients of this kind have no member of
// that name.
func (k Kind) member(e *Entry, name string) **int {
	switch {
	case name == maxConnections:
		return &e.MaxConnections
	case name == messagesPerSecond:
		return &e.MessagesPerSecond
	case name == batchSize && k == Consumer:
		return &e.BatchSize
	default:
		return nil
	}
}

// memberNames lists the members that an entry may have.
func (k Kind) memberNames() string {
	names := k.idName() + ", " + maxConnections + " and " + messagesPerSecond
	if k == Consumer {
		names = k.idName() + ", " + maxConnections + ", " + messagesPerSecond + " and " + batchSize
	}
	return names
}

// notALimit is the fault of a value that is no limit.
var notALimit = fmt.Sprintf("must be a whole number from 0 to %d", maxLimit)

// parseLimit reads a limit. JSON may write a whole number as 5.0 or 5e0, too.
func parseLimit(text string) (int, bool) {
	x, err := strconv.ParseFloat(text, 64)
	return int(x), err == nil && x == math.Trunc(x) && x >= 0 && x <= maxLimit
}

// CheckID returns the fault of a group id or a client id, empty for a valid one.
func CheckID(id string) string {
	illegal := !utf8.ValidString(id) || unicodeControl(id)
	if n := utf8.RuneCountInString(id); n < 1 || n > proxy.MaxIdentifier || illegal {
		return fmt.Sprintf("must have 1 to %d characters, none of them a control character", proxy.MaxIdentifier)
	}
	return ""
}

func unicodeControl(text string) bool {
	for _, r := range text {
		if unicode.IsControl(r) {
			return true
		}
	}
	return false
}

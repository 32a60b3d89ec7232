package loadclient

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// What a stamp looks like: the marker, and numbers of a fixed width, so that a record costs little to read.
const (
	marker       = "@sent:"
	timeDigits   = 19
	numberDigits = 12
	stampLength  = len(marker) + timeDigits + 1 + numberDigits + 1
	ordinary     = '.'
	final        = '!'
)

// Stamp is what a producer writes into the value of a record, as text.
type Stamp struct {
	Sent   time.Time
	Number uint64 // of the record: the sum over all tells that none is missing where another came twice
	Final  bool   // no record of the same key follows
}

// Append appends the stamp as text.
func (s Stamp) Append(dst []byte) []byte {
	end := ordinary
	if s.Final {
		end = final
	}
	return fmt.Appendf(dst, "%s%0*d:%0*d%c", marker, timeDigits, s.Sent.UnixNano(), numberDigits, s.Number, end)
}

// stamp is a Stamp that was read: the time in nanoseconds since 1970.
type stamp struct {
	sent   int64
	number uint64
	final  bool
}

var errNoStamp = errors.New("a record without a stamp")

// findStamp finds the stamp in a message that holds a record.
func findStamp(message []byte) (stamp, error) {
	at := bytes.Index(message, []byte(marker))
	if at < 0 || len(message) < at+stampLength {
		return stamp{}, errNoStamp
	}
	text := message[at+len(marker) : at+stampLength]
	sent, ok := decimal(text[:timeDigits])
	number, isNumber := decimal(text[timeDigits+1 : timeDigits+1+numberDigits])
	if !ok || !isNumber {
		return stamp{}, errNoStamp
	}
	return stamp{int64(sent), number, text[len(text)-1] == final}, nil
}

func decimal(digits []byte) (n uint64, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

package deflate

import (
	"math"
	"strconv"
)

// Names of the extension and of its parameters: RFC 7692, sections 7 and 7.1.
const (
	extensionName           = "permessage-deflate"
	serverNoContextTakeover = "server_no_context_takeover"
	clientNoContextTakeover = "client_no_context_takeover"
	serverMaxWindowBits     = "server_max_window_bits"
	clientMaxWindowBits     = "client_max_window_bits"
)

// Bounds of the window, as a power of two, that the Compressor can promise: a piece of a message may repeat
// the history, and itself.
const (
	leastWindowBits  = 12
	widestWindowBits = 15
)

// Params is what client and server have agreed on, as far as this side has to act on it. That the client
// uses no context takeover is always agreed on.
type Params struct {
	// NoContextTakeover means that the client wants each message compressed on its own.
	NoContextTakeover bool
	// WindowBits is the size of the window from which messages may repeat bytes, as a power of two; 0 means 15.
	WindowBits int
}

// Window returns how many bytes lie between what a message for the client repeats and where it does at most, as far as
// that must be looked after: a Deflaters looks back no further than the widest window has.
func (p Params) Window() int {
	if 0 < p.WindowBits && p.WindowBits < widestWindowBits {
		return 1 << p.WindowBits
	}
	return math.MaxInt
}

// Negotiate chooses the first acceptable offer of permessage-deflate in the values of all
// Sec-WebSocket-Extensions headers of a handshake, and returns what it agrees on and the value of the same
// header in the answer. It returns false if no offer is acceptable: then nothing is compressed, and the
// answer has no such header.
//
// An offer is declined for an unknown, duplicate or invalid parameter, as RFC 7692, section 7.1 demands, and
// for a window of less than 4 KiB for what the server sends (websockets for Python asks for 4 KiB). A header that breaks the grammar offers nothing.
func Negotiate(offers []string) (agreed Params, response string, ok bool) {
	for _, value := range offers {
		parsed, _ := parseOffers(value)
		for _, o := range parsed {
			if agreed, response, ok = o.accept(); ok {
				return agreed, response, true
			}
		}
	}
	return Params{}, "", false
}

// accept returns what Negotiate does for one offer.
func (o *offer) accept() (agreed Params, response string, ok bool) {
	if o.name != extensionName || !o.valid() {
		return Params{}, "", false
	}
	response = extensionName + "; " + clientNoContextTakeover
	for _, p := range o.parameters {
		switch p.name {
		case serverNoContextTakeover:
			agreed.NoContextTakeover = true
			response += "; " + serverNoContextTakeover
		case serverMaxWindowBits:
			agreed.WindowBits, _ = strconv.Atoi(p.value) // it is valid
			if agreed.WindowBits < leastWindowBits {
				return Params{}, "", false
			}
			response += "; " + serverMaxWindowBits + "=" + p.value
		}
	}
	return agreed, response, true
}

// valid tells whether every parameter is known, has a value that it may have, and comes once.
func (o *offer) valid() bool {
	seen := make(map[string]bool, len(o.parameters))
	for _, p := range o.parameters {
		if seen[p.name] || !p.valid() {
			return false
		}
		seen[p.name] = true
	}
	return true
}

func (p parameter) valid() bool {
	switch p.name {
	case serverNoContextTakeover, clientNoContextTakeover:
		return p.value == ""
	case clientMaxWindowBits:
		return p.value == "" || isWindowBits(p.value)
	case serverMaxWindowBits:
		return isWindowBits(p.value)
	default:
		return false
	}
}

// isWindowBits tells whether a value is a whole number from 8 to 15 without leading zeros: RFC 7692,
// section 7.1.2.
func isWindowBits(value string) bool {
	switch value {
	case "8", "9", "10", "11", "12", "13", "14", "15":
		return true
	default:
		return false
	}
}

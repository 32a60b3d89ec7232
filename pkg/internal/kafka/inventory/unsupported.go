package inventory

import "strings"

// isUnsupported reports whether a request failed since the brokers do not know it. franz-go v1.22 does not
// export its errors for that: errBrokerTooOld and errUnknownRequestKey.
func isUnsupported(err error) bool {
	text := err.Error()
	return strings.Contains(text, "broker is too old; ") || strings.Contains(text, "request key is unknown")
}

package table

import "errors"

// IsRefused reports whether an error of Append means that its records were not sent and will not be, so that
// they cannot appear in the log.
func IsRefused(err error) bool {
	return errors.Is(err, errTableNotOpen) || errors.Is(err, errTableClosed) || errors.Is(err, errTableOverfull)
}

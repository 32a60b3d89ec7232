//go:build !unix

package socket

// writeOnce leaves all to a write that waits.
func (*attempt) writeOnce(uintptr) (done bool) { return true }

//go:build unix

package socket

import (
	"errors"
	"os"
	"syscall"
)

// writeOnce is called with the descriptor.
func (a *attempt) writeOnce(fd uintptr) (done bool) {
	for {
		n, err := syscall.Write(int(fd), a.bytes)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
		case err != nil:
			a.err = os.NewSyscallError("write", err)
		default:
			a.n = n
		}
		return true
	}
}

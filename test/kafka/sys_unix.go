//go:build unix

package kafka

import (
	"errors"
	"os"
	"syscall"
)

const (
	signalStop     = syscall.SIGTERM
	signalPause    = syscall.SIGSTOP
	signalContinue = syscall.SIGCONT
)

// tryLock takes the exclusive lock of an open file, and says whether it got it.
func tryLock(file *os.File) (bool, error) {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}

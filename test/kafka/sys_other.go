//go:build !unix

package kafka

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// These only let the package compile: no broker starts where tryLock does not work.
const (
	signalStop     = syscall.SIGTERM
	signalPause    = syscall.SIGTERM
	signalContinue = syscall.SIGTERM
)

func tryLock(*os.File) (bool, error) {
	return false, fmt.Errorf("running Kafka on this system: %w", errors.ErrUnsupported)
}

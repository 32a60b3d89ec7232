package kafka

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
)

// Free ports are taken from below the range of the operating systems' own choice (Linux
// from 32768, macOS from 49152): a port of that range can be taken by any outgoing
// connection while a broker is down, and a client that dials it can connect to itself.
const (
	lowestPort  = 20000
	highestPort = 31999
	portTries   = 100
)

var errPortTaken = errors.New("the port is in use")

func address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// checkFree reports a port that something listens on already: its answers would pass
// for the broker's.
func checkFree(port int) error {
	listener, err := net.Listen("tcp", address(port))
	if err != nil {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return listener.Close()
}

// freePort picks a port that nothing listens on, other than the given ones.
func freePort(except ...int) (int, error) {
	for range portTries {
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		if !slices.Contains(except, port) && checkFree(port) == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("found no free port in %d tries from %d to %d", portTries, lowestPort, highestPort)
}

//go:build !linux

package loadclient

import "errors"

// pool holds plain sockets, on Linux.
type pool struct{}

func newPool(*tally, int) (*pool, error) {
	return nil, errors.New("this load client needs Linux")
}

func (*pool) open(Plan) error     { return nil }
func (*pool) turn() (bool, error) { return false, nil }

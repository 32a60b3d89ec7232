//go:build !linux && !darwin

package cli

// offer does nothing here: how a browser is opened is not known.
func offer(Process, string) (stop func()) { return func() {} }

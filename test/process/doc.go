// Package process builds the program and runs it as a process of its own, for the suites that
// judge it from outside. On Linux a process ends with the test that started it, however that
// ends.
package process

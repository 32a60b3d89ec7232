// Package workload has the clients of the fault suites: producers that pipeline messages of all
// kinds, and consumers that read well, slowly or not at all. They record what they do and see
// in a history, end their connections in every way there is, and come back.
package workload

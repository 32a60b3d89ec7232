// Package workload contains the clients of the fault suites: producers that pipeline messages of all
// kinds, and consumers that read well, slowly or not at all. They record in a history what they do and
// see, end their connections in all ways, and reconnect.
package workload

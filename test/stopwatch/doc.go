// Package stopwatch measures how long something takes, without the time in which a busy machine kept
// this process from running. A bound on that holds on a machine that does nothing else and on one
// that runs three builds, and what is too slow by itself is too slow on both.
package stopwatch

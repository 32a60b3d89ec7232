//go:build unix && race

package real

// crowdSize is how many tails a crowd has: the race detector takes 8,128 goroutines, and each tail is two.
const crowdSize = 2000

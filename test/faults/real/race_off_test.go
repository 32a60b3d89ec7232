//go:build unix && !race

package real

// crowdSize is how many tails a crowd has.
const crowdSize = 10_000

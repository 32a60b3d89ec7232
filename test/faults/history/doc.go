// Package history records what clients of the proxy did and saw, so that a checker can judge
// it afterwards. It knows nothing of the proxy's code.
package history

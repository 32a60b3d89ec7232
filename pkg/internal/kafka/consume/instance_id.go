package consume

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// maxInstanceID is the longest group instance id that Kafka takes (KIP-345).
	maxInstanceID = 249
	// The prefixes keep the proxy's members apart from native members of the same group, and
	// ids that hold the clientId from those that hold its hash.
	plainInstance, hashedInstance = "wsproxy-", "wsproxy."
)

// instanceID is what makes a client a static member of its groups (KIP-345): the same for each
// of its connections, whatever replica they come through, and another for any other client.
// Kafka allows fewer characters in it than there are in clientIds.
func instanceID(client proxy.ClientID) string {
	if len(plainInstance)+len(client) <= maxInstanceID && isInstance(string(client)) {
		return plainInstance + string(client)
	}
	hash := sha256.Sum256([]byte(client))
	return hashedInstance + hex.EncodeToString(hash[:])
}

func isInstance(text string) bool {
	for _, b := range []byte(text) {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		if !letter && (b < '0' || b > '9') && b != '-' && b != '_' && b != '.' {
			return false
		}
	}
	return true
}

package consume

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// maxInstanceID is the longest group instance id that Kafka accepts (KIP-345).
	maxInstanceID = 249
	// The prefixes distinguish the proxy's members from native members of the same group, and ids that
	// contain the clientId from ids that contain its hash.
	plainInstance, hashedInstance = "wsproxy-", "wsproxy."
)

// instanceID returns the group instance id that makes a client a static member of its groups (KIP-345).
// It is the same for all connections of the client, through any replica, and differs from that of any
// other client. Kafka allows fewer characters in it than clientIds may have.
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

package app

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

// poolOf returns what is the same for all replicas to which a client may come in place of this one: those that serve the same groups
// under the same path. It is empty for a replica that serves all groups under no path of its own, as it is for those of
// versions that do not tell their pool.
func poolOf(c *config.Config) string {
	groups := slices.Sorted(slices.Values(c.Security.AllowedGroups))
	if c.Server.PathPrefix == "" && slices.Contains(groups, "*") {
		return ""
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q", c.Server.PathPrefix, groups)
	return hex.EncodeToString(h.Sum(nil))
}

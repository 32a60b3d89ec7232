package app

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

func TestPoolIsToldByGroupsAndPath(t *testing.T) {
	pool := func(path string, groups ...string) string {
		c := new(config.Config)
		c.Server.PathPrefix, c.Security.AllowedGroups = path, groups
		return poolOf(c)
	}
	if p := pool("", "*"); p != "" {
		t.Errorf("a replica that serves everything is of pool %q, earlier versions of none", p)
	}
	reports := pool("/reports", "reports", "reports-*")
	if p := pool("/reports", "reports-*", "reports"); p != reports {
		t.Errorf("the order of groups changes the pool: %q, %q", p, reports)
	}
	for name, other := range map[string]string{
		"other groups": pool("/reports", "reports"), "another path": pool("/audit", "reports", "reports-*"),
		"groups that read alike": pool("/reports", "reports reports-*"), "all groups": pool("", "*"), "all groups at the path": pool("/reports", "*"),
	} {
		if other == reports {
			t.Errorf("%s: the same pool", name)
		}
	}
}

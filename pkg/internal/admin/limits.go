package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// writeTimeout bounds a change of limits, which waits for Kafka.
const writeTimeout = 10 * time.Second

// Limits are the endpoints for the limits of clients.
type Limits struct {
	Table  *clientcfg.Table
	Writer *clientcfg.Writer // nil without dynamic configuration: the limits are read-only
}

// All lists the limits of all clients.
func (l *Limits) All(*http.Request) (any, error) { return l.Table.All() }

// Clear removes all dynamic limits.
func (l *Limits) Clear(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	return none{}, l.Writer.Clear(ctx)
}

// OfClients are the endpoints for the limits of one client, whose id is in the path.
type OfClients struct {
	limits    *Limits
	kind      clientcfg.Kind
	parameter string // of the path
}

// Consumers returns the endpoints for the limits of a consumer group. The path's parameter is
// groupId.
func (l *Limits) Consumers() OfClients { return OfClients{l, clientcfg.Consumer, "groupId"} }

// Producers returns the endpoints for the limits of a producing client. The path's parameter is
// clientId.
func (l *Limits) Producers() OfClients { return OfClients{l, clientcfg.Producer, "clientId"} }

// Get returns the entry of a client, the dynamic one if there are two.
func (c OfClients) Get(r *http.Request) (any, error) {
	id, err := pathID(r, c.parameter)
	if err != nil {
		return nil, err
	}
	return c.limits.Table.Get(c.kind, id)
}

// Create adds a dynamic entry.
func (c OfClients) Create(r *http.Request) (any, error) { return c.set(r, c.limits.Writer.Create) }

// Replace replaces a dynamic entry.
func (c OfClients) Replace(r *http.Request) (any, error) { return c.set(r, c.limits.Writer.Replace) }

// change is a method of a writer.
type change func(context.Context, clientcfg.Kind, string, clientcfg.Entry) (clientcfg.Client, error)

func (c OfClients) set(r *http.Request, change change) (any, error) {
	id, err := c.changeable(r)
	if err != nil {
		return nil, err
	}
	text, err := body(r, MaxBody)
	if err != nil {
		return nil, err
	}
	entry, fault := clientcfg.ParseJSON(c.kind, id, text)
	if fault != nil {
		return nil, fault
	}
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	return change(ctx, c.kind, id, entry)
}

// Remove removes a dynamic entry.
func (c OfClients) Remove(r *http.Request) (any, error) {
	id, err := c.changeable(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	return none{}, c.limits.Writer.Remove(ctx, c.kind, id)
}

// changeable returns the id of a client whose entry may be changed.
func (c OfClients) changeable(r *http.Request) (string, error) {
	id, err := pathID(r, c.parameter)
	if err == nil && id == clientcfg.DefaultID {
		return "", proxy.Errorf(proxy.KindInvalidParameter, "%s: the defaults are those of the settings, and cannot be changed here.", c.parameter)
	}
	return id, err
}

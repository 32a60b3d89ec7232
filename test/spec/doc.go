// Package spec holds the proxy to its specifications: HTTP answers to api/openapi.yaml, the
// messages of the sockets to api/asyncapi.yaml. Other tests lead their traffic through it; its
// own tests show that it finds faults, and let the tools of others judge both documents.
package spec

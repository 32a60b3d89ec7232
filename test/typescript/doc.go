// Package typescript tests the TypeScript client as its users have it: the package that npm makes of it is installed into an
// empty project and type-checked there, its bundle has a size, and its rules hold in virtual time. Package outside tests it
// with a real Kafka, package browser in Chromium.
package typescript

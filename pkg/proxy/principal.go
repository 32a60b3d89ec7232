package proxy

// Method is how a client was authenticated.
type Method string

// The methods of principals. They are part of what policies, logs and the admin API show.
const (
	MethodUser  Method = "user"  // a name and a password
	MethodToken Method = "token" // a bearer token
	MethodCert  Method = "cert"  // a client certificate
	MethodKafka Method = "kafka" // credentials for Kafka, and none for the proxy
	MethodAdmin Method = "admin" // the credentials that are set for administrators
)

// anonymous is the text of the principal of clients without any credentials.
const anonymous = "anonymous"

// Principal is the authenticated owner of a connection. It is set once, at the handshake, and is the
// key of everything that the connection owns: its session, its places, its transactional id. Two
// principals of one name are different ones if their methods differ. The zero value is the anonymous
// principal: the client has sent no credentials, and needed none.
type Principal struct {
	Method Method
	Name   string
}

// IsAnonymous tells whether the client has sent no credentials.
func (p Principal) IsAnonymous() bool { return p == Principal{} }

// String returns method:name, as in user:alice.
func (p Principal) String() string {
	if p.IsAnonymous() {
		return anonymous
	}
	return string(p.Method) + ":" + p.Name
}

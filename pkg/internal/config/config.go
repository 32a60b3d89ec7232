package config

import "time"

// Config is the whole configuration of one replica. Load makes it, and it does not change afterwards. The
// fields' tags are the only source of the names, defaults, checks and help lines; doc.go says what each
// tag means.
type Config struct {
	Server    Server    `title:"Server"`
	Sockets   Sockets   `title:"Sockets"`
	Kafka     Kafka     `title:"Kafka"`
	Tails     Tails     `title:"Live reading"`
	Producers Producers `title:"Producers"`
	Consumers Consumers `title:"Consumers"`
	Sessions  Sessions  `title:"Sessions and dynamic configuration"`
	Security  Security  `title:"Security"`
}

// Server configures the listeners, the life cycle and the log.
type Server struct {
	ID                       string        `env:"SERVER_ID" shown:"host name" check:"identifier" help:"this replica's name in sessions, logs and metrics"`
	BindInterface            string        `env:"BIND_INTERFACE" default:"0.0.0.0" check:"host" help:"address of the plain listener"`
	Port                     int           `env:"PORT" default:"8078" min:"0" max:"65535" help:"port of the plain listener; 0 takes any free one"`
	SSLEnabled               bool          `env:"SSL_ENABLED" default:"false" help:"opens the TLS listener"`
	SSLOnly                  bool          `env:"SSL_ONLY" default:"false" help:"drops the plain listener"`
	SSLBindInterface         string        `env:"SSL_BIND_INTERFACE" default:"0.0.0.0" check:"host" help:"address of the TLS listener"`
	SSLPort                  int           `env:"SSL_PORT" default:"8443" min:"0" max:"65535" help:"port of the TLS listener; 0 takes any free one"`
	SSLCertFile              string        `env:"SSL_CERT_FILE" check:"path" help:"certificate chain (PEM), reread within 10 s of a change"`
	SSLKeyFile               string        `env:"SSL_KEY_FILE" check:"path" help:"private key (PEM), reread with the certificate"`
	SSLClientCAFile          string        `env:"SSL_CLIENT_CA_FILE" check:"path" help:"CAs (PEM) of client certificates, reread like the certificate; turns on mutual TLS"`
	SSLClientName            string        `env:"SSL_CLIENT_NAME" default:"cn" choices:"cn,uri,dns,email,subject" help:"which name of a client certificate is the client's; of several of a kind none is taken"`
	ForwardedClientCert      string        `env:"FORWARDED_CLIENT_CERT" choices:"Client-Cert,X-Forwarded-Client-Cert" help:"header in which the trusted proxies forward client certificates that they have verified (RFC 9440, or Envoy's with Cert); of others it is ignored"`
	AdminEndpointEnabled     bool          `env:"ADMIN_ENDPOINT_ENABLED" default:"false" help:"serves /admin on the management listener"`
	AdminBindInterface       string        `env:"ADMIN_BIND_INTERFACE" like:"BIND_INTERFACE" check:"host" help:"address of the management listener"`
	AdminPort                int           `env:"ADMIN_PORT" default:"9078" min:"0" max:"65535" help:"port of the management listener; 0 takes any free one"`
	SecureHealthcheck        bool          `env:"SECURE_HEALTHCHECK_ENDPOINT" default:"true" help:"/healthcheck needs the same credentials as the rest"`
	ConsoleEnabled           bool          `env:"CONSOLE_ENABLED" default:"false" help:"serves the web console at /console/ of the management listener, and the sockets for it; needs ADMIN_ENDPOINT_ENABLED"`
	ConsoleDownloadEnabled   bool          `env:"CONSOLE_DOWNLOAD_ENABLED" default:"true" help:"the web console lets records be downloaded"`
	PprofEnabled             bool          `env:"PPROF_ENABLED" default:"false" help:"serves /debug/pprof/ on the management listener"`
	PathPrefix               string        `env:"PATH_PREFIX" check:"prefix" help:"everything on the main listener is also served under this prefix, such as /kafka"`
	DrainDelay               time.Duration `env:"DRAIN_DELAY" default:"5s" min:"0s" max:"1h" help:"how long everybody is still served after SIGTERM while /readyz says unready"`
	ShutdownGrace            time.Duration `env:"SHUTDOWN_GRACE" default:"25s" min:"0s" max:"1h" help:"how long open sockets may finish acks and commits after the drain delay"`
	AdminSSLEnabled          bool          `env:"ADMIN_SSL_ENABLED" like:"SSL_ENABLED" help:"TLS, with the same certificate, on the management listener"`
	TrustedProxies           []string      `env:"TRUSTED_PROXIES" shown:"none" check:"cidr" help:"comma list of CIDRs whose X-Forwarded-For is believed"`
	MaxHeaderBytes           int64         `env:"MAX_HEADER_BYTES" default:"16KiB" min:"1KiB" max:"16MiB" help:"largest request header"`
	MaxHandshakes            int           `env:"MAX_HANDSHAKES" default:"256" min:"1" max:"1000000" help:"most handshakes in progress at a time, 503 beyond it, of which an address leaves as many to others as it has; of connections that are no WebSockets, four times as many"`
	MaxConnectionsPerAddress int           `env:"MAX_CONNECTIONS_PER_ADDRESS" default:"0" min:"0" max:"2147483647" help:"most connections per client address, or per /64 network of IPv6, 429 beyond it; 0 is no limit"`
	TraceContextTrusted      bool          `env:"TRACE_CONTEXT_TRUSTED" default:"false" help:"spans of clients continue the traces that they name; else they begin traces, with a link to those"`
	LogLevel                 string        `env:"LOG_LEVEL" default:"info" choices:"debug,info,warn,error" help:"least severe level that is logged"`
	LogFormat                string        `env:"LOG_FORMAT" default:"json" choices:"json,text" help:"form of the log's lines"`
}

// Sockets configures what every WebSocket connection has in common.
type Sockets struct {
	MaxConnections           int           `env:"MAX_CONNECTIONS" default:"0" min:"0" max:"2147483647" help:"most connections of this replica, 503 beyond it; 0 is no limit"`
	MaxConnectionsPerSubject int           `env:"MAX_CONNECTIONS_PER_SUBJECT" default:"0" min:"0" max:"2147483647" help:"most connections per authenticated client of this replica, 429 beyond it; 0 is no limit"`
	MaxConnectionAge         time.Duration `env:"MAX_CONNECTION_AGE" default:"0s" min:"0s" max:"8760h" help:"a connection that is older, by up to a tenth more at random, is ended with 1012 while another replica lives, so that replicas even out; 0 is no limit"`
	MemoryBudget             int64         `env:"MEMORY_BUDGET" default:"-1" shown:"60 % of the memory limit" min:"-1" max:"1048576GiB" help:"most memory that the records of all connections hold together, decoded; beyond it clients wait, and from nine tenths on new clients get 503. The memory limit is GOMEMLIMIT, or else the container's; without either, and with 0, there is none"`
	MaxMessageBytes          int64         `env:"MAX_MESSAGE_BYTES" default:"1MiB" min:"1" max:"512MiB" help:"largest message from a client; close code 1009 beyond it"`
	PingInterval             time.Duration `env:"PING_INTERVAL" default:"25s" min:"10ms" max:"24h" help:"a client that has been silent for this long is pinged"`
	PongTimeout              time.Duration `env:"PONG_TIMEOUT" default:"10s" min:"10ms" max:"24h" help:"a pinged client that stays silent for this long is dropped"`
	WriteTimeout             time.Duration `env:"WRITE_TIMEOUT" default:"2m" min:"10ms" max:"24h" help:"a client that takes no byte for this long while its socket is full is closed with 1013"`
	HandshakeTimeout         time.Duration `env:"HANDSHAKE_TIMEOUT" default:"10s" min:"10ms" max:"1h" help:"longest time from connecting to the end of the handshake"`
	MaxJSONDepth             int           `env:"MAX_JSON_DEPTH" default:"512" min:"1" max:"10000" help:"deepest nesting of JSON, in and out"`
	CompressionEnabled       bool          `env:"COMPRESSION_ENABLED" default:"false" help:"permessage-deflate is negotiated: clients that offer it get and send compressed messages"`
	CompressionMinBytes      int64         `env:"COMPRESSION_MIN_BYTES" default:"512" min:"0" max:"1GiB" help:"smaller messages are sent uncompressed; below 128 they hardly become shorter"`
	AllowedOrigins           []string      `env:"ALLOWED_ORIGINS" shown:"same host" check:"origin" help:"comma list of the origins that browsers may come from, the own host not excepted; * is every origin, or stands for a host or one part of its name as in *.example.com; null, file:// and schemes of apps by name"`
}

// Kafka configures the clients that the proxy runs against the brokers.
type Kafka struct {
	BootstrapHosts          []string      `env:"KAFKA_BOOTSTRAP_HOSTS" shown:"required" required:"true" check:"hostport" help:"brokers to start from, as host:port,host:port"`
	SecurityProtocol        string        `env:"KAFKA_SECURITY_PROTOCOL" default:"PLAINTEXT" choices:"PLAINTEXT,SSL,SASL_PLAINTEXT,SASL_SSL" help:"how brokers are spoken to"`
	SASLMechanism           string        `env:"KAFKA_SASL_MECHANISM" choices:"PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER" help:"how the proxy proves who it is"`
	SASLUsername            string        `env:"KAFKA_SASL_USERNAME" help:"user for PLAIN and SCRAM"`
	SASLPassword            Secret        `env:"KAFKA_SASL_PASSWORD" help:"password for PLAIN and SCRAM"`
	SASLOAuthTokenURL       string        `env:"KAFKA_SASL_OAUTH_TOKEN_URL" check:"url" help:"token endpoint (client credentials) for OAUTHBEARER"`
	SASLOAuthClientID       string        `env:"KAFKA_SASL_OAUTH_CLIENT_ID" help:"client id at the token endpoint"`
	SASLOAuthClientSecret   Secret        `env:"KAFKA_SASL_OAUTH_CLIENT_SECRET" help:"client secret at the token endpoint"`
	SASLOAuthScope          string        `env:"KAFKA_SASL_OAUTH_SCOPE" help:"scopes asked for at the token endpoint, separated by spaces"`
	SASLOAuthParameters     []string      `env:"KAFKA_SASL_OAUTH_PARAMETERS" shown:"none" check:"parameter" help:"comma list of name=value that go with the request to the token endpoint, such as audience=kafka"`
	SASLOAuthExtensions     []string      `env:"KAFKA_SASL_OAUTH_EXTENSIONS" shown:"none" check:"extension" help:"comma list of name=value that go with each token to the brokers, such as logicalCluster=lkc-1"`
	SASLOAuthCAFile         string        `env:"KAFKA_SASL_OAUTH_CA_FILE" shown:"system CAs" check:"path" help:"CAs (PEM) of the token endpoint's certificate, reread within 10 s of a change"`
	SASLOAuthTokenFile      string        `env:"KAFKA_SASL_OAUTH_TOKEN_FILE" check:"path" help:"file with the token, instead of the token endpoint; read for each connection to a broker"`
	Rack                    string        `env:"KAFKA_RACK" help:"client.rack: consumers read from replicas that have the same broker.rack"`
	SSLCAFile               string        `env:"KAFKA_SSL_CA_FILE" shown:"system CAs" check:"path" help:"CAs (PEM) of the brokers' certificates, reread within 10 s of a change"`
	SSLCertFile             string        `env:"KAFKA_SSL_CERT_FILE" check:"path" help:"client certificate (PEM) for the brokers, reread like the CAs; open connections stay"`
	SSLKeyFile              string        `env:"KAFKA_SSL_KEY_FILE" check:"path" help:"private key (PEM) of the client certificate"`
	SSLServerName           string        `env:"KAFKA_SSL_SERVER_NAME" check:"host" help:"name that the brokers' certificates are checked against, if not the broker's own"`
	ClientRequestTimeout    time.Duration `env:"KAFKA_CLIENT_REQUEST_TIMEOUT" default:"30s" min:"100ms" max:"15m" help:"longest wait for a broker's answer"`
	ProducerDeliveryTimeout time.Duration `env:"KAFKA_PRODUCER_DELIVERY_TIMEOUT" default:"30s" min:"1s" max:"1h" help:"an unacknowledged message is answered TIMEOUT after this long"`
	ProducerCompressionType string        `env:"KAFKA_PRODUCER_COMPRESSION_TYPE" default:"none" choices:"none,gzip,snappy,lz4,zstd" help:"compression of produced batches; a message may be as large as it fits into a topic compressed"`
	ProducerLinger          time.Duration `env:"KAFKA_PRODUCER_LINGER" default:"0s" min:"0s" max:"1m" help:"how long a record waits for others to share its batch"`
	ClientIdleTimeout       time.Duration `env:"KAFKA_CLIENT_IDLE_TIMEOUT" default:"1m" min:"1s" max:"24h" help:"a pooled Kafka client that nobody used for this long is closed"`
	MaxProducerClients      int           `env:"KAFKA_MAX_PRODUCER_CLIENTS" default:"1000" min:"1" max:"1000000" help:"most pooled Kafka clients; beyond it one that has been idle for 10 s makes way, or one is shared"`
}

// Tails configures /socket/tail.
type Tails struct {
	BufferBytes    int64         `env:"TAIL_BUFFER_BYTES" default:"64MiB" min:"64KiB" max:"1048576GiB" help:"most bytes of ready frames that are kept of all topics together; of the topic with the fewest readers the oldest make way, and who has yet to read them reads them from Kafka"`
	SnapshotBytes  int64         `env:"TAIL_SNAPSHOT_BYTES" default:"256MiB" min:"64KiB" max:"1048576GiB" help:"most bytes of the newest records that are kept for snapshot=true, with those that slow clients have yet to be given; a topic that does not fit is refused"`
	CatchUpReaders int           `env:"TAIL_CATCHUP_READERS" default:"16" min:"1" max:"10000" help:"most connections that read the past from Kafka at one time; others wait their turn"`
	Tick           time.Duration `env:"TAIL_TICK" default:"2ms" min:"0s" max:"10s" help:"how long ready frames may wait for others to share a write; 0 is not at all"`
}

// Producers configures /socket/in.
type Producers struct {
	SessionsEnabled                bool `env:"KAFKA_PRODUCER_SESSIONS_ENABLED" default:"false" help:"sessions and their limits apply to /socket/in, and instanceId is required"`
	ExactlyOnceEnabled             bool `env:"PRODUCER_EXACTLY_ONCE_ENABLED" default:"false" help:"allows transactional=true"`
	MaxInFlight                    int  `env:"PRODUCER_MAX_IN_FLIGHT" default:"4096" min:"1" max:"1000000" help:"most unanswered messages of a connection"`
	RateLimitDefaultMessagesPerSec int  `env:"PRODUCER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC" default:"0" min:"0" max:"2147483647" help:"messages a second of a connection; 0 is no limit"`
	DefaultMaxClientConnections    int  `env:"PRODUCER_DEFAULT_MAX_CLIENT_CONNECTIONS" default:"0" min:"0" max:"2147483647" help:"most connections of a clientId on all replicas together; 0 is no limit"`
}

// Consumers configures /socket/out.
type Consumers struct {
	RateLimitDefaultMessagesPerSec int           `env:"CONSUMER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC" default:"0" min:"0" max:"2147483647" help:"messages a second of a connection; 0 is no limit"`
	DefaultMaxClientConnections    int           `env:"CONSUMER_DEFAULT_MAX_CLIENT_CONNECTIONS" default:"0" min:"0" max:"2147483647" help:"most connections of a groupId on all replicas together; 0 is no limit but the partition count"`
	DefaultBatchSize               int           `env:"CONSUMER_DEFAULT_BATCH_SIZE" default:"0" min:"0" max:"2147483647" help:"most records per poll; 0 is no limit"`
	CommitInterval                 time.Duration `env:"CONSUMER_COMMIT_INTERVAL" default:"1s" min:"10ms" max:"1h" help:"how often delivery is confirmed by a ping, and committed, under autoCommit=true"`
	SessionTimeout                 time.Duration `env:"CONSUMER_SESSION_TIMEOUT" default:"15s" min:"1s" max:"30m" help:"Kafka keeps the partitions of a client that was cut off, or whose replica died, for this long"`
}

// Sessions configures what replicas share: who is connected, and limits changed at run time.
type Sessions struct {
	StateTopic                     string        `env:"SESSION_STATE_TOPIC" default:"_wsproxy.session.state" check:"topic" help:"compacted topic that holds the sessions; no client reaches it"`
	StateReplicationFactor         int           `env:"SESSION_STATE_REPLICATION_FACTOR" default:"3" min:"1" max:"32767" help:"replication factor of the sessions' topic where it is created, lowered to the broker count"`
	Lease                          time.Duration `env:"SESSION_LEASE" default:"15s" min:"3s" max:"1h" help:"the sessions of a silent replica lapse after this long"`
	DynamicConfigHandlerEnabled    bool          `env:"DYNAMIC_CONFIG_HANDLER_ENABLED" default:"false" help:"limits of clients can be changed at run time"`
	DynamicConfigTopicName         string        `env:"DYNAMIC_CONFIG_TOPIC_NAME" default:"_wsproxy.dynamic.configs" check:"topic" help:"compacted topic that holds the limits changed at run time; no client reaches it"`
	DynamicConfigReplicationFactor int           `env:"DYNAMIC_CONFIG_REPLICATION_FACTOR" default:"3" min:"1" max:"32767" help:"replication factor of the limits' topic where it is created, lowered to the broker count"`
	ClientLimitsFile               string        `env:"CLIENT_LIMITS_FILE" check:"path" help:"static limits of clients (YAML), in the shape of GET /admin/client/config"`
}

// Security configures authentication and authorization.
type Security struct {
	BasicAuthEnabled              bool          `env:"BASIC_AUTH_ENABLED" default:"false" help:"clients may authenticate with a user name and a password"`
	BasicAuthRealm                string        `env:"BASIC_AUTH_REALM" help:"realm of passwords in WWW-Authenticate"`
	BasicAuthUsername             string        `env:"BASIC_AUTH_USERNAME" help:"the one user"`
	BasicAuthPassword             Secret        `env:"BASIC_AUTH_PASSWORD" help:"the one user's password"`
	BasicAuthHtpasswdFile         string        `env:"BASIC_AUTH_HTPASSWD_FILE" check:"path" help:"users as htpasswd lines with bcrypt hashes"`
	OpenIDEnabled                 bool          `env:"OPENID_ENABLED" default:"false" help:"clients may authenticate with a bearer JWT"`
	OpenIDWellKnown               string        `env:"OPENID_WELLKNOWN" check:"url" help:"URL of the provider's discovery document"`
	OpenIDAudience                string        `env:"OPENID_AUDIENCE" help:"audience that tokens must carry"`
	OpenIDCAFile                  string        `env:"OPENID_CA_FILE" shown:"system CAs" check:"path" help:"CAs (PEM) of the provider's certificate, reread within 10 s of a change"`
	OpenIDIssuer                  string        `env:"OPENID_ISSUER" shown:"the document's" check:"url" help:"issuer of tokens, where the provider has another name outside than in its discovery document"`
	OpenIDSubjectClaim            string        `env:"OPENID_SUBJECT_CLAIM" shown:"sub" help:"claim that names the client, such as client_id"`
	OpenIDAudienceClaim           string        `env:"OPENID_AUDIENCE_CLAIM" shown:"aud" help:"claim that holds the audience, such as client_id"`
	OpenIDRealm                   string        `env:"OPENID_REALM" help:"realm of bearer tokens in WWW-Authenticate"`
	OpenIDRevalidationInterval    time.Duration `env:"OPENID_REVALIDATION_INTERVAL" default:"1m" min:"1s" max:"24h" help:"how often the tokens of open sockets are checked again: at least each 15 s"`
	OpenIDRevalidationErrorsLimit int           `env:"OPENID_REVALIDATION_ERRORS_LIMIT" default:"-1" min:"-1" max:"2147483647" help:"for how many of these intervals the provider may be down; -1 is any number"`
	JWTKafkaUsernameKey           string        `env:"JWT_KAFKA_USERNAME_KEY" help:"claim that carries the Kafka user name"`
	JWTKafkaPasswordKey           string        `env:"JWT_KAFKA_PASSWORD_KEY" help:"claim that carries the Kafka password"`
	JWTKafkaTokenAuthOnly         bool          `env:"JWT_KAFKA_TOKEN_AUTH_ONLY" default:"false" help:"refuses the X-Kafka-Auth header"`
	KafkaOAuthPassthrough         bool          `env:"KAFKA_OAUTH_PASSTHROUGH" default:"false" help:"the client's own bearer token goes to Kafka as OAUTHBEARER"`
	KafkaClientAuthRequired       bool          `env:"KAFKA_CLIENT_AUTH_REQUIRED" default:"false" help:"every socket must bring Kafka credentials"`
	AllowedTopics                 []string      `env:"ALLOWED_TOPICS" default:"*" check:"topicglob" help:"comma list of globs of the topics that clients may use; never __* and _wsproxy.*, and others that begin with _ by a glob that does"`
	AllowedGroups                 []string      `env:"ALLOWED_GROUPS" default:"*" check:"glob" help:"comma list of globs of the consumer groups that clients may use; names that begin with _ as for topics"`
	AuthzPolicyFile               string        `env:"AUTHZ_POLICY_FILE" check:"path" help:"rules of who may produce and consume what (YAML), reread on change"`
	AdminBasicAuthUsername        string        `env:"ADMIN_BASIC_AUTH_USERNAME" help:"user for /admin and the console"`
	AdminBasicAuthPassword        Secret        `env:"ADMIN_BASIC_AUTH_PASSWORD" help:"password for /admin and the console"`
}

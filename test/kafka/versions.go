package kafka

// The versions of what is run.
const (
	// BrokerVersion is the Apache Kafka release that the broker runs.
	BrokerVersion = "4.4.0"

	// ToolsVersion is the release of the command-line tools: kafka-tools is published
	// later than the broker. Tools of one release work with brokers of the next.
	ToolsVersion = "4.3.1"

	scalaVersion            = "2.13"
	log4jVersion            = "2.25.5"
	dependencyPluginVersion = "3.8.1"

	minJavaVersion = 17
)

package kafka

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// log4jText is the logging configuration: everything at the level and above, to the
// stream named (SYSTEM_OUT or SYSTEM_ERR). Its hook would end logging at SIGTERM, while Kafka
// still logs how it shuts down.
func log4jText(level, stream string) string {
	return `status=error
shutdownHook=disable
appender.c.type=Console
appender.c.name=C
appender.c.target=` + stream + `
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=` + level + `
rootLogger.appenderRef.c.ref=C
`
}

// bundle is what an installation is made of.
type bundle struct {
	name         string // of its folder in the cache
	dependencies []dependency
	logging      string // log4j2 configuration
}

func brokerBundle() bundle {
	return bundle{
		name: "broker-" + BrokerVersion,
		dependencies: []dependency{
			{group: kafkaGroup, artifact: "kafka_" + scalaVersion, version: BrokerVersion},
			loggingDependency(),
		},
		logging: log4jText("info", "SYSTEM_OUT"),
	}
}

func toolsBundle() bundle {
	return bundle{
		name: "tools-" + ToolsVersion,
		dependencies: []dependency{
			{group: kafkaGroup, artifact: "kafka_" + scalaVersion, version: ToolsVersion},
			{group: kafkaGroup, artifact: "kafka-tools", version: ToolsVersion, exclude: []string{"connect-runtime"}},
			loggingDependency(),
		},
		logging: log4jText("warn", "SYSTEM_ERR"),
	}
}

// installation is a class path in the cache and the Java that runs it.
type installation struct {
	dir       string
	java      java
	classPath string
}

// install returns the bundle's installation. What is not in the cache yet it makes:
// the class path, and then whatever complete adds to the installation's folder.
func install(ctx context.Context, b bundle, complete func(context.Context, *installation) error) (*installation, error) {
	java, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := cacheDir(b.name)
	if err != nil {
		return nil, err
	}
	inst := &installation{dir: dir, java: java}
	err = withLock(ctx, filepath.Join(dir, "lock"), func() error {
		if inst.classPath, err = classPath(ctx, dir, pom(b.dependencies)); err != nil {
			return err
		}
		if err := writeFile(inst.loggingPath(), b.logging); err != nil {
			return fmt.Errorf("writing the logging configuration: %w", err)
		}
		return complete(ctx, inst)
	})
	return inst, err
}

func (i *installation) loggingPath() string {
	return filepath.Join(i.dir, "log4j2.properties")
}

// archivePath names the class archive of this build of Java and this class path.
func (i *installation) archivePath() string {
	sum := sha256.Sum256([]byte(i.java.version + "\n" + i.java.path + "\n" + i.classPath))
	return filepath.Join(i.dir, "classes-"+hex.EncodeToString(sum[:8])+archiveSuffix)
}

// useArchive is the flag to start with the class archive.
func (i *installation) useArchive() string {
	return "-XX:SharedArchiveFile=" + i.archivePath()
}

// ensureArchive makes the class archive if it is not there: train runs Java with the
// flag it is given, which writes the archive at a clean exit, and returns what that
// printed. The archive saves each later start more than half of its time.
func (i *installation) ensureArchive(train func(flag string) (output string, err error)) error {
	if exists(i.archivePath()) {
		return nil
	}
	fresh := i.archivePath() + ".tmp"
	output, err := train("-XX:ArchiveClassesAtExit=" + fresh)
	if err != nil {
		return fmt.Errorf("making a class archive: %w", err)
	}
	if err := os.Rename(fresh, i.archivePath()); err != nil {
		return fmt.Errorf("making a class archive: %w\n%s", err, tail(output))
	}
	return nil
}

// arguments returns the command line, without Java itself, that runs a class with at most
// heap MiB of heap. The flags favour a quick start over speed in the long run.
func (i *installation) arguments(heap int, flags []string, class string, args ...string) []string {
	line := []string{
		"-Xmx" + strconv.Itoa(heap) + "m",
		"-XX:+UseSerialGC",
		"-XX:TieredStopAtLevel=1",
		"-XX:+ExitOnOutOfMemoryError",
		// The JVM's own warnings would otherwise stand among what a tool prints.
		"-Xlog:disable", "-Xlog:all=warning:stderr",
		"-Dlog4j2.configurationFile=" + i.loggingPath(),
	}
	line = append(line, flags...)
	line = append(line, "-cp", i.classPath, class)
	return append(line, args...)
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrMissing is wrapped by the errors that say which program is missing on this machine.
var ErrMissing = errors.New("missing program")

const (
	pomFile       = "pom.xml"
	classPathFile = "classpath"
	archiveSuffix = ".jsa"
)

// dependency is one Maven artifact, with artifacts of org.apache.kafka that it shall not
// bring along.
type dependency struct {
	group, artifact, version string
	exclude                  []string
}

const kafkaGroup = "org.apache.kafka"

// loggingDependency ties Kafka's SLF4J to log4j: without it there is no log at all.
func loggingDependency() dependency {
	return dependency{group: "org.apache.logging.log4j", artifact: "log4j-slf4j-impl", version: log4jVersion}
}

// pom returns a Maven project that does nothing but depend.
func pom(dependencies []dependency) string {
	var text strings.Builder
	text.WriteString(`<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId>
  <artifactId>classpath</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
`)
	for _, d := range dependencies {
		d.writeTo(&text)
	}
	text.WriteString("  </dependencies>\n</project>\n")
	return text.String()
}

func (d dependency) writeTo(text *strings.Builder) {
	fmt.Fprintf(text, "    <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>",
		d.group, d.artifact, d.version)
	for _, artifact := range d.exclude {
		fmt.Fprintf(text, "<exclusions><exclusion><groupId>%s</groupId><artifactId>%s</artifactId></exclusion></exclusions>",
			kafkaGroup, artifact)
	}
	text.WriteString("</dependency>\n")
}

// classPath returns the class path of the project with the given pom, from dir's cache
// if every jar of it is still there. The caller holds dir's lock.
func classPath(ctx context.Context, dir, pomText string) (string, error) {
	if path, ok := cachedClassPath(dir, pomText); ok {
		return path, nil
	}
	if err := dropStale(dir); err != nil {
		return "", fmt.Errorf("dropping an old class path: %w", err)
	}
	if err := resolve(ctx, dir, pomText); err != nil {
		return "", err
	}
	path, ok := cachedClassPath(dir, pomText)
	if !ok {
		return "", fmt.Errorf("resolving jars: Maven left no usable class path in %s", dir)
	}
	return path, nil
}

func cachedClassPath(dir, pomText string) (string, bool) {
	cachedPom, err := os.ReadFile(filepath.Join(dir, pomFile))
	if err != nil || string(cachedPom) != pomText {
		return "", false
	}
	text, err := os.ReadFile(filepath.Join(dir, classPathFile))
	path := strings.TrimSpace(string(text))
	if err != nil || path == "" {
		return "", false
	}
	for _, jar := range filepath.SplitList(path) {
		if !exists(jar) {
			return "", false
		}
	}
	return path, true
}

// dropStale removes a class path that is not to be used, with the class archives that
// were made from it: an archive is bound to its jars.
func dropStale(dir string) error {
	stale, err := filepath.Glob(filepath.Join(dir, "*"+archiveSuffix))
	if err != nil {
		return err
	}
	for _, path := range append(stale, filepath.Join(dir, classPathFile)) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// resolve has Maven download what the pom asks for and write the class path.
func resolve(ctx context.Context, dir, pomText string) error {
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("%w: mvn (Maven), to download Kafka with", ErrMissing)
	}
	project := filepath.Join(dir, pomFile)
	if err := writeFile(project, pomText); err != nil {
		return fmt.Errorf("writing the Maven project: %w", err)
	}
	cmd := exec.CommandContext(ctx, maven, "-q", "-B", "-f", project,
		"org.apache.maven.plugins:maven-dependency-plugin:"+dependencyPluginVersion+":build-classpath",
		"-Dmdep.outputFile="+filepath.Join(dir, classPathFile))
	dieWithParent(cmd)
	cmd.WaitDelay = waitDelay
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("resolving jars with Maven: %w\n%s", err, tail(string(out)))
	}
	return nil
}

package prometheus

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/util/teststorage"
)

// scrapeInterval is what the tests scrape at, rather than the interval of the configuration.
const scrapeInterval = 500 * time.Millisecond

// server is a Prometheus without its API: its storage and engine, its scraper, and its rules.
type server struct {
	storage *teststorage.TestStorage
	engine  *promql.Engine
	rules   *rules.Manager
	began   time.Time
}

// newServer starts what deploy/prometheus/prometheus.yml configures, with the proxy at address.
func newServer(t *testing.T, address string) *server {
	t.Helper()
	s := &server{storage: teststorage.New(t), engine: promqltest.NewTestEngine(t, false, 0, 1_000_000), began: time.Now()}
	s.scrape(t, address)
	s.evaluate(t)
	return s
}

// scrape scrapes until the test's end.
func (s *server) scrape(t *testing.T, address string) {
	t.Helper()
	text := strings.NewReplacer(
		"scrape_interval: 5s", "scrape_interval: "+model.Duration(scrapeInterval).String(),
		"wsproxy:9078", address,
	).Replace(read(t, deploy+"prometheus/prometheus.yml"))
	configuration, err := config.Load(text, promslog.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	manager, err := scrape.NewManager(&scrape.Options{DiscoveryReloadInterval: model.Duration(time.Millisecond)},
		promslog.NewNopLogger(), nil, nil, s.storage, client.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.ApplyConfig(configuration); err != nil {
		t.Fatal(err)
	}
	targets := make(chan map[string][]*targetgroup.Group, 1)
	targets <- static(t, configuration)
	ended := make(chan error, 1)
	go func() { ended <- manager.Run(targets) }()
	t.Cleanup(func() {
		manager.Stop()
		if err := <-ended; err != nil {
			t.Errorf("scraping: %v", err)
		}
	})
}

// static are the targets that the configuration names by themselves.
func static(t *testing.T, configuration *config.Config) map[string][]*targetgroup.Group {
	t.Helper()
	targets := make(map[string][]*targetgroup.Group)
	for _, job := range configuration.ScrapeConfigs {
		for _, found := range job.ServiceDiscoveryConfigs {
			if groups, ok := found.(discovery.StaticConfig); ok {
				targets[job.JobName] = groups
			}
		}
	}
	if len(targets) == 0 {
		t.Fatal("the configuration has no targets")
	}
	return targets
}

// evaluate has the rules evaluated until the test's end.
func (s *server) evaluate(t *testing.T) {
	t.Helper()
	s.rules = rules.NewManager(&rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(s.engine, s.storage), Queryable: s.storage, AppendableV2: s.storage,
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Context:    t.Context(), Logger: promslog.NewNopLogger(), Parser: newParser(),
	})
	if err := s.rules.Update(scrapeInterval, []string{rulesFile}, labels.EmptyLabels(), "", nil); err != nil {
		t.Fatal(err)
	}
	go s.rules.Run()
	t.Cleanup(s.rules.Stop)
}

// query is what a panel asks: the query's values since the server began.
func (s *server) query(t *testing.T, text string) promql.Matrix {
	t.Helper()
	query, err := s.engine.NewRangeQuery(t.Context(), s.storage, nil, text, s.began, time.Now(), scrapeInterval)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer query.Close()
	result := query.Exec(t.Context())
	matrix, err := result.Matrix()
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for i := range matrix { // the points are the engine's again after Close
		matrix[i].Floats = append([]promql.FPoint(nil), matrix[i].Floats...)
	}
	return matrix
}

// most is the greatest value of all series, and whether there is any.
func most(matrix promql.Matrix) (value float64, found bool) {
	value = math.Inf(-1)
	for _, series := range matrix {
		for _, point := range series.Floats {
			if !math.IsNaN(point.F) && !math.IsInf(point.F, 0) {
				value, found = max(value, point.F), true
			}
		}
	}
	return value, found
}

// names are those of all series there are.
func (s *server) names(t *testing.T) map[string]bool {
	t.Helper()
	querier, err := s.storage.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer querier.Close()
	values, _, err := querier.LabelValues(t.Context(), model.MetricNameLabel, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool, len(values))
	for _, value := range values {
		names[strings.Clone(value)] = true
	}
	return names
}

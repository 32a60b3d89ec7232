package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

const healthcheckTimeout = 3 * time.Second

// healthcheck checks the readiness of the proxy that runs with the same settings: images without a
// shell have no curl.
func healthcheck(p Process) *cobra.Command {
	url, insecure := "", false
	c := &cobra.Command{
		Use: "healthcheck", Args: noArguments,
		Short: "Ask a running proxy whether it is ready; exit code 0 if it is",
		RunE: func(c *cobra.Command, _ []string) error {
			if url != "" {
				return checkHealth(c.Context(), url, insecure, p.Stdout)
			}
			url, err := app.ReadinessURL()
			if err != nil {
				return err
			}
			// The certificate is valid for the names that clients use for the proxy, and this
			// machine's is not one of them.
			return checkHealth(c.Context(), url, true, p.Stdout)
		},
	}
	c.Flags().StringVar(&url, "url", "", "what to ask (default /readyz of the management listener on this machine)")
	c.Flags().BoolVar(&insecure, "insecure", false, "do not check the certificate of an https URL")
	return c
}

func checkHealth(ctx context.Context, url string, insecure bool, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return usageError{fmt.Errorf("--url: %w", err)}
	}
	// The proxy is on this machine, whatever HTTP_PROXY says.
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: insecure}, //nolint:gosec // only on request, and nothing secret is sent
	}}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking the proxy: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("reading the proxy's answer: %w", err)
	}
	text := strings.TrimSpace(string(body))
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s: %s", answer.Status, text)
	}
	_, err = fmt.Fprintln(stdout, text)
	return err
}

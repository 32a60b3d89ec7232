package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// adminTimeout bounds a question to the admin API.
const adminTimeout = 30 * time.Second

// adminFlags say how a command reaches the admin API.
type adminFlags struct {
	connect connectFlags
	url     string
	json    bool
}

func (f *adminFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.url, "admin-url", "", "address of the management listener, such as http://127.0.0.1:9078 (default: "+adminVariable+")")
	c.Flags().BoolVarP(&f.json, "json", "J", false, "print the answer of the admin API as it is")
	f.connect.addCredentials(c)
}

// asking is a command that asks the admin API one thing and prints the answer.
type asking struct {
	use, short string
	path       func(args []string) string
	most       int                                     // arguments
	rows       func(answer []byte) ([][]string, error) // a table, its header first
}

// command makes the cobra command of a question.
func (a asking) command(p Process) *cobra.Command {
	var f adminFlags
	c := &cobra.Command{
		Use: a.use, Short: a.short,
		Long: a.short + ".\n\nIt asks the admin API, which the proxy has with WSPROXY_ADMIN_ENDPOINT_ENABLED.",
		Args: func(c *cobra.Command, args []string) error {
			if err := cobra.MaximumNArgs(a.most)(c, args); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			answer, err := f.ask(c.Context(), a.path(args))
			if err != nil {
				return err
			}
			if f.json {
				_, err := fmt.Fprintf(p.Stdout, "%s\n", bytes.TrimSpace(answer))
				return err
			}
			if len(args) > 0 {
				return printIndented(p.Stdout, answer)
			}
			rows, err := a.rows(answer)
			if err != nil {
				return fmt.Errorf("reading the answer of the admin API: %w", err)
			}
			return printTable(p.Stdout, rows)
		},
	}
	f.add(c)
	return c
}

// ask returns what the admin API answers.
func (f *adminFlags) ask(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	if err := f.connect.takeProfile(); err != nil {
		return nil, usageError{err}
	}
	base := cmp.Or(f.url, f.connect.variable(adminVariable))
	if base == "" {
		return nil, usageError{errors.New("no management listener is named: give --admin-url http://HOST:9078 or --profile, or set " + adminVariable)}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+path, nil)
	if err != nil {
		return nil, usageError{fmt.Errorf("--admin-url: %w", err)}
	}
	o, err := f.connect.credentials(hostOf(base))
	if err != nil {
		return nil, usageError{err}
	}
	switch {
	case o.Token != nil:
		token, err := o.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("getting a token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	case o.User != "":
		request.SetBasicAuth(o.User, o.Password)
	}
	h := http.Client{Transport: &http.Transport{TLSClientConfig: o.TLS, DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}
	answer, err := h.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the admin API: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostLine))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of the admin API: %w", err)
	}
	return body, adminError(answer, body)
}

func adminError(answer *http.Response, body []byte) error {
	var told struct{ Code, Message string }
	switch {
	case answer.StatusCode == http.StatusOK:
		return nil
	case json.Unmarshal(body, &told) != nil || told.Code == "":
		return fmt.Errorf("the admin API answers %q: is --admin-url right?", answer.Status)
	case told.Code == "NOT_AUTHENTICATED":
		return fmt.Errorf("%s: %s\n%s", told.Code, told.Message, adviceFor(told.Code))
	case answer.StatusCode == http.StatusNotFound && answer.Request.URL.RawQuery == "":
		return fmt.Errorf("%s: %s\nThe proxy has the admin API with WSPROXY_ADMIN_ENDPOINT_ENABLED=true alone", told.Code, told.Message)
	}
	return fmt.Errorf("%s: %s", told.Code, told.Message)
}

func printIndented(w io.Writer, answer []byte) error {
	var text bytes.Buffer
	if err := json.Indent(&text, bytes.TrimSpace(answer), "", "  "); err != nil {
		return fmt.Errorf("reading the answer of the admin API: %w", err)
	}
	_, err := fmt.Fprintln(w, text.String())
	return err
}

func printTable(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush() //nolint:wrapcheck // of standard output
}

// pathWith returns a path, with an argument behind it if there is one.
func pathWith(list, one, behind string) func(args []string) string {
	return func(args []string) string {
		if len(args) == 0 {
			return list
		}
		return one + url.PathEscape(args[0]) + behind
	}
}

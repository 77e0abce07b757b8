package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/serve"
)

// A desk is the running server, as who operates it speaks to it.
type desk struct{ address string }

func (d *desk) register(c *cobra.Command) {
	c.Flags().StringVar(&d.address, "internal", "127.0.0.1:8081", "the server's internal `address`, which answers its own host alone")
}

// ask asks the server and returns what it says.
func (d *desk) ask(ctx context.Context, method, path string) ([]byte, error) {
	address := d.address
	if strings.HasPrefix(address, ":") {
		address = net.JoinHostPort("127.0.0.1", strings.TrimPrefix(address, ":"))
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: 30 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the server does not answer; it must run on this host (kubectl exec), or be forwarded to it (kubectl port-forward): %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the server says: %s", strings.TrimSpace(string(body)))
	}
	return body, err
}

func queueCommand(p process) *cobra.Command {
	var d desk
	var asJSON bool
	c := &cobra.Command{
		Use:   "queue",
		Short: "List what waits and runs in a running weighlock serve, and what has failed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			body, err := d.ask(cmd.Context(), http.MethodGet, "/queue")
			if err != nil || asJSON {
				_, writeErr := p.stdout.Write(body)
				return errors.Join(err, writeErr)
			}
			var q serve.Queue
			if err := json.Unmarshal(body, &q); err != nil {
				return fmt.Errorf("what the server says is not understood: is it another version? %w", err)
			}
			return printQueue(p.stdout, q, time.Now())
		},
	}
	d.register(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print all that is known of each, as JSON")
	return c
}

// printQueue prints a line an item.
func printQueue(w io.Writer, q serve.Queue, now time.Time) error {
	if len(q.Items) == 0 {
		_, err := fmt.Fprintln(w, "Nothing waits, runs or has failed.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSTATE\tKIND\tSINCE\tTRIES\tABOUT\tNOTE")
	for _, e := range q.Items {
		state := string(e.State)
		if e.State == queue.Waiting && e.Next.After(now) {
			state += " " + e.Next.Sub(now).Round(time.Second).String()
		}
		note, _, _ := strings.Cut(e.Note, "\n")
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%s\t%s\n", e.ID, state, e.Kind, now.Sub(e.Received).Round(time.Second), e.Attempts, oneLine(e.Key), oneLine(note))
	}
	return t.Flush()
}

func retryCommand(p process) *cobra.Command {
	var d desk
	c := &cobra.Command{
		Use:   "retry ID…",
		Short: "Have a running weighlock serve try again what has failed",
		Long: "Have a running weighlock serve try again what has failed, by the ID that \"weighlock serve queue\" prints. A push is deployed if its branch\n" +
			"still stands there. A command whose comment was answered is not carried out any more: who wrote it repeats it.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			var errs []error
			for _, id := range ids {
				if _, err := strconv.ParseInt(id, 10, 64); err != nil {
					errs = append(errs, fmt.Errorf("%q is not an ID: want a number that weighlock serve queue prints", id))
					continue
				}
				if _, err := d.ask(cmd.Context(), http.MethodPost, "/queue/"+id+"/retry"); err != nil {
					errs = append(errs, fmt.Errorf("item %s: %w", id, err))
					continue
				}
				fmt.Fprintf(p.stdout, "%s is tried again\n", id)
			}
			return errors.Join(errs...)
		},
	}
	d.register(c)
	return c
}

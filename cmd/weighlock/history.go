package main

import (
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/report"
)

func historyCommand(p process) *cobra.Command {
	var flags clusterFlags
	var out listFlags
	c := &cobra.Command{
		Use:   "history",
		Short: "List what was deployed, when and by whom",
		Long:  "List the results that the cluster keeps of a target, with --target, or of all targets of the cluster that --context names; the\nnewest first. history show prints one.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			cluster, t, err := flags.find(cmd.Context(), p)
			if err != nil {
				return err
			}
			entries, err := cluster.History(flags.records.namespace).List(cmd.Context(), t.Discriminator)
			if err != nil && len(entries) == 0 {
				return err
			}
			if entries == nil {
				entries = []history.Entry{}
			}
			if err := writeList(p.stdout, outputs, entries, entryTable(entries)); err != nil {
				return err
			}
			return err // of records that cannot be read
		},
	}
	flags.register(c)
	out.register(c, "text")
	c.AddCommand(historyShowCommand(p))
	return c
}

// entryTable lists results for people: a line each, aligned.
func entryTable(entries []history.Entry) string {
	if len(entries) == 0 {
		return "no results\n"
	}
	rows := [][]string{{"ID", "TARGET", "COMMAND", "STARTED", "TOOK", "BY", "COMMIT", "OUTCOME"}}
	for _, e := range entries {
		rows = append(rows, []string{
			oneLine(e.ID), oneLine(e.Target), oneLine(e.Command), e.StartTime.UTC().Format(time.RFC3339),
			e.EndTime.Sub(e.StartTime).Round(100 * time.Millisecond).String(), oneLine(e.Person), oneLine(shortCommit(e.Commit)),
			oneLine(string(e.Outcome) + ": " + e.Summary),
		})
	}
	return columns(rows)
}

var commitForm = regexp.MustCompile(`^([0-9a-f]{10})[0-9a-f]{30,54}(-dirty)?$`)

// shortCommit is enough of a commit's ID to find it by.
func shortCommit(id string) string { return commitForm.ReplaceAllString(id, "$1$2") }

// shownResult is a result as history show prints it: as the run itself printed it, and of what run it is.
type shownResult struct {
	Run history.Entry `json:"run"`
	report.Document
}

var resultID = regexp.MustCompile(`^[0-9a-z][0-9a-z-]*$`)

func historyShowCommand(p process) *cobra.Command {
	var flags clusterFlags
	var out listFlags
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Print the result of a run again",
		Long:  "Print the result of a run again, as history lists it, masked as it was.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			cluster, _, err := flags.find(cmd.Context(), p)
			if err != nil {
				return err
			}
			var r *history.Record
			if resultID.MatchString(args[0]) {
				if r, err = history.Read(cmd.Context(), cluster.History(flags.records.namespace), args[0]); err != nil {
					return err
				}
			}
			if r == nil {
				return fmt.Errorf("there is no result %q in namespace %s of the cluster: weighlock history lists those that are kept", args[0], flags.records.namespace)
			}
			return showRecord(p, outputs, r)
		},
	}
	flags.register(c)
	out.register(c, "text")
	return c
}

func showRecord(p process, outputs []output, r *history.Record) error {
	e := r.Entry
	text := fmt.Sprintf("%s of %s by %s, started %s, took %s: %s\n", oneLine(e.Command), targetName(oneLine(e.Target)), oneLine(e.Person),
		e.StartTime.UTC().Format(time.RFC3339), e.EndTime.Sub(e.StartTime).Round(time.Millisecond), e.Outcome)
	if e.Commit != "" {
		text += "commit " + oneLine(e.Commit)
		if e.Onto != "" {
			text += " merged onto " + oneLine(e.Onto)
		}
		text += "\n"
	}
	if e.Holder != e.Person {
		text += "run " + oneLine(e.Holder) + "\n"
	}
	return writeList(p.stdout, outputs, shownResult{e, r.Document}, text+"\n"+report.Visible(r.Text))
}

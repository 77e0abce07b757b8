package main

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/offline"
	"github.com/weighlock/weighlock/cmd/weighlock/memory"
)

// compareOffline is the name of the command that the bot runs for itself.
const compareOffline = memory.Limited

func compareOfflineCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use:    compareOffline,
		Short:  "Compare two trees without a cluster, confined: what the bot runs for the changes of strangers",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return offline.Serve(cmd.Context(), p.stdin, p.stdout) },
	}
}

// offlineProcess compares the changes of strangers in a process of this program. nil, so that nothing of them is looked at, where
// it is not known where the program is.
func offlineProcess(limits offline.Limits, log *slog.Logger) bot.Offline {
	program, err := os.Executable()
	if err != nil {
		log.Warn("nothing of forks is looked at before somebody lets it be", "error", err)
		return nil
	}
	return &offline.Process{Program: program, Args: []string{compareOffline}, Limits: limits, Log: log}
}

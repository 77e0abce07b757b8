package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// foreign are flags of Kluctl that have no counterpart, by what to say about them; "" where doing nothing is what the flag
// asks for. Pipelines that were written for Kluctl go on working.
var foreign = map[string]string{
	"no-update-check":             "",
	"use-system-python":           "", // there is no Python at all
	"gops-agent":                  "there is no gops agent",
	"gops-agent-addr":             "there is no gops agent",
	"cpu-profile":                 "profiles are not written; use the benchmarks of package engine",
	"force-write-command-result":  "a dry run is not stored",
	"write-command-result":        "only what writes to a target has a result to store",
	"keep-command-results-count":  "only what writes to a target has a result to store",
	"command-result-namespace":    "results are kept beside the locks, which all must see: --records-namespace moves both",
	"keep-validate-results-count": "results of validate are not stored",
	"no-obfuscate":                "secret values are never shown",
	"render-output-dir":           "render, diff and deploy write what they have rendered",
}

// aliases are flags of Kluctl that have another name here.
var aliases = map[string]string{"output-format": "output"}

// ownName is the name of a flag that is given by Kluctl's.
func ownName(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	if own, ok := aliases[name]; ok {
		name = own
	}
	return pflag.NormalizedName(name)
}

// registerForeign adds them, hidden, to all commands.
func registerForeign(root *cobra.Command) {
	root.SetGlobalNormalizationFunc(ownName)
	flags := root.PersistentFlags()
	for name := range foreign {
		switch name {
		case "gops-agent-addr", "cpu-profile", "command-result-namespace", "render-output-dir":
			flags.String(name, "", "")
		case "keep-command-results-count", "keep-validate-results-count":
			flags.Int(name, 0, "")
		default:
			flags.Bool(name, false, "")
		}
		flags.Lookup(name).Hidden = true
	}
}

// warnForeign says which of the flags that are given do nothing. To switch off what is not there is fine. A command may have
// a flag of its own in the place of one of them.
func warnForeign(c *cobra.Command, p process) {
	c.Flags().Visit(func(f *pflag.Flag) {
		if why := foreign[f.Name]; why != "" && f.Hidden && f.Value.String() != "false" {
			fmt.Fprintf(p.stderr, "Warning: --%s has no effect: %s\n", f.Name, why)
		}
	})
}

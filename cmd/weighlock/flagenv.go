package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// envPrefixes are those under which flags are looked for in the environment: our own, and Kluctl's, whose projects and
// pipelines go on working.
var envPrefixes = []string{"WEIGHLOCK_", "KLUCTL_"}

// flagsFromEnvironment sets the flags that the command line leaves open from the environment: --project-dir from
// WEIGHLOCK_PROJECT_DIR, else KLUCTL_PROJECT_DIR. Repeatable flags are also looked for with _0, _1 and so on behind the
// name; what the environment gives comes before what the command line gives, so that the latter wins.
func flagsFromEnvironment(c *cobra.Command, getenv func(string) string) error {
	var errs []error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == "version" || f.Annotations[skipEnv] != nil {
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values := envList(getenv, f.Name)
			for other, own := range aliases {
				if own == f.Name && len(values) == 0 {
					values = envList(getenv, other)
				}
			}
			if len(values) > 0 {
				given := []string{}
				if f.Changed {
					given = list.GetSlice()
				}
				errs = append(errs, list.Replace(append(values, given...)))
				f.Changed = true
			}
			return
		}
		if f.Changed {
			return
		}
		if name, value, ok := envValue(getenv, f.Name); ok {
			if err := c.Flags().Set(f.Name, value); err != nil {
				errs = append(errs, fmt.Errorf("environment variable %s: %w", name, err))
			}
		}
	})
	return errors.Join(errs...)
}

func envName(flag string) string { return strings.ToUpper(strings.ReplaceAll(flag, "-", "_")) }

func envValue(getenv func(string) string, flag string) (name, value string, ok bool) {
	for _, prefix := range envPrefixes {
		name := prefix + envName(flag)
		if v := getenv(name); v != "" {
			return name, v, true
		}
	}
	return "", "", false
}

// maxGap is how many numbers in a row may be missing in a list of the environment: people count from 0, from 1, or by tens.
const maxGap = 20

// envList reads NAME and then NAME_0, NAME_1 and so on, under the first prefix that has any.
func envList(getenv func(string) string, flag string) []string {
	for _, prefix := range envPrefixes {
		var out []string
		name := prefix + envName(flag)
		if v := getenv(name); v != "" {
			out = append(out, v)
		}
		for i, gap := 0, 0; gap < maxGap; i++ {
			v := getenv(fmt.Sprintf("%s_%d", name, i))
			if gap++; v != "" {
				out, gap = append(out, v), 0
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine/lock"
)

func lockCommand(p process) *cobra.Command {
	var flags clusterFlags
	var reason string
	c := &cobra.Command{
		Use:   "lock",
		Short: "Keep others from deploying to a target",
		Long: "Keep others from deploying to a target, from any door, until it is unlocked. Your own deploys go on. Nothing in the target is\n" +
			"changed; a deploy that is under way already is named, and not stopped.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := flags.named(cmd.Context(), p)
			if err != nil {
				return err
			}
			cluster, err := connect(p, flags.target.kubeconfig, t)
			if err != nil {
				return err
			}
			locks := cluster.Locks(flags.records.namespace)
			claim := lock.Claim{Target: t.Name, Discriminator: t.Discriminator, Person: person(p.getenv), Why: reason}
			r, err := lock.Hold(cmd.Context(), locks, claim, time.Now())
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "%s is locked: %s\n", targetName(t.Name), oneLine(r.String()))
			running, err := lock.Running(cmd.Context(), locks, t.Discriminator, time.Now())
			if err != nil {
				return fmt.Errorf("the target is locked, but whether a deploy is under way cannot be found out: %w", err)
			}
			if running != nil {
				fmt.Fprintf(p.stderr, "Warning: a deploy is under way, %s; wait for it to end\n", oneLine(running.String()))
			}
			return nil
		},
	}
	flags.register(c)
	c.Flags().StringVar(&reason, "reason", "", "why, for those who are kept out")
	return c
}

func unlockCommand(p process) *cobra.Command {
	var flags clusterFlags
	c := &cobra.Command{
		Use:   "unlock",
		Short: "Let others deploy to a target again",
		Long:  "Let others deploy to a target again, whoever has locked it. The lock of a run that is under way is not touched; that of one\nthat died expires by itself.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := flags.named(cmd.Context(), p)
			if err != nil {
				return err
			}
			cluster, err := connect(p, flags.target.kubeconfig, t)
			if err != nil {
				return err
			}
			removed, err := lock.Unhold(cmd.Context(), cluster.Locks(flags.records.namespace), t.Discriminator)
			switch {
			case errors.Is(err, lock.ErrChanged):
				return fmt.Errorf("%w: look again with weighlock locks", err)
			case err != nil:
				return err
			case removed == nil:
				fmt.Fprintf(p.stdout, "%s was not locked\n", targetName(t.Name))
			default:
				fmt.Fprintf(p.stdout, "%s is not locked any more; it was %s\n", targetName(t.Name), oneLine(removed.String()))
			}
			return nil
		},
	}
	flags.register(c)
	return c
}

// listedLock is a lock as locks prints it.
type listedLock struct {
	Target        string `json:"target"`
	Discriminator string `json:"discriminator"`
	// Kind is "run" for that of a run, "hold" for one that a person put on.
	Kind   string    `json:"kind"`
	Holder string    `json:"holder"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
	// Expires is when a run's lock ends without a further sign of life; Expired, that it has.
	Expires *time.Time `json:"expires,omitempty"`
	Expired bool       `json:"expired,omitempty"`
}

func locksCommand(p process) *cobra.Command {
	var flags clusterFlags
	var out listFlags
	c := &cobra.Command{
		Use:   "locks",
		Short: "List who keeps others from deploying",
		Long:  "List the locks of a target, with --target, or of all targets of the cluster that --context names: those of runs that are under\nway, and those that people have put on.",
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
			records, err := cluster.Locks(flags.records.namespace).List(cmd.Context())
			if err != nil {
				return err
			}
			list := []listedLock{}
			for _, r := range records {
				if t.Discriminator == "" || r.Discriminator == t.Discriminator {
					list = append(list, newListedLock(r, time.Now()))
				}
			}
			return writeList(p.stdout, outputs, list, lockTable(list))
		},
	}
	flags.register(c)
	out.register(c, "text")
	return c
}

func newListedLock(r lock.Record, now time.Time) listedLock {
	l := listedLock{Target: r.Target, Discriminator: r.Discriminator, Kind: "hold", Holder: r.Holder, Reason: r.Why, Since: r.Since.UTC()}
	if !r.Hold {
		end := r.Renewed.Add(r.Duration).UTC()
		l.Kind, l.Expires, l.Expired = "run", &end, r.Expired(now)
	}
	return l
}

// lockTable lists locks for people: a line each, aligned.
func lockTable(list []listedLock) string {
	if len(list) == 0 {
		return "no locks\n"
	}
	rows := [][]string{{"TARGET", "DISCRIMINATOR", "KIND", "SINCE", "HOLDER", "REASON"}}
	for _, l := range list {
		kind := l.Kind
		if l.Expired {
			kind += " (expired)"
		}
		rows = append(rows, []string{oneLine(l.Target), oneLine(l.Discriminator), kind, l.Since.Format(time.RFC3339), oneLine(l.Holder), oneLine(l.Reason)})
	}
	return columns(rows)
}

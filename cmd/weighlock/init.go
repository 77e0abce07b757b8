package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/engine/doctor"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// initFlags say what a repository is set up with.
type initFlags struct {
	dir, forge, deploy string
	projects           []string
	names              []string // of the projects
	yes, force         bool
}

func initCommand(p process) *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:   "init",
		Short: "Set a repository up: the workflow, .weighlock.yaml and the rights that its targets need",
		Long: "Set a repository up: write the forge's workflow, .weighlock.yaml for the projects that are found, and manifests with the least\n" +
			"rights that their targets need. Each file is asked for, unless --yes is given; a file that is there is never overwritten without\n" +
			"asking, or --force.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), p) },
	}
	flags := c.Flags()
	flags.StringVar(&f.dir, "dir", ".", "the repository's `directory`")
	flags.StringVar(&f.forge, "forge", "", "github or gitlab; default: asks, or what the clone's remote tells")
	flags.StringVar(&f.deploy, "deploy", "", "what deploys: merge or command; default: asks")
	flags.StringArrayVar(&f.projects, "project", nil, "`directory` of a project (repeatable); default: those that are found")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask; what is there is left as it is")
	flags.BoolVar(&f.force, "force", false, "overwrite what is there")
	return c
}

// A written is a file to write.
type written struct {
	name, text string
	// added is what text has more than the file that is there; "" where it takes that one's place.
	added string
}

func (f *initFlags) run(ctx context.Context, p process) error {
	if info, err := os.Stat(f.dir); err != nil || !info.IsDir() {
		return fmt.Errorf("--dir %s: no such directory", f.dir)
	}
	answers := &asker{ctx: ctx, process: p}
	around := surroundings(ctx, f.dir)
	if around.root != "" {
		return fmt.Errorf("%s is a directory of the repository %s, whose workflow and %s are read at its root: say --dir %[2]s", f.dir, around.root, bot.ConfigFile)
	}
	if f.forge == "" {
		forges := []string{"github", "gitlab"}
		if around.forge == "gitlab" {
			slices.Reverse(forges)
		}
		f.forge = answers.choose("Which forge?", f.yes, forges...)
		if f.yes {
			fmt.Fprintf(p.stdout, "for %s, as %s; --forge says otherwise\n", f.forge, cmp.Or(around.why, "nothing tells the forge"))
		}
	}
	if f.deploy == "" {
		f.deploy = answers.choose("What deploys?", f.yes, "merge", "command")
	}
	if answers.err != nil {
		return answers.err
	}
	if !slices.Contains([]string{"github", "gitlab"}, f.forge) || !slices.Contains([]string{"merge", "command"}, f.deploy) {
		return fmt.Errorf("--forge %s --deploy %s: expected github or gitlab, and merge or command", f.forge, f.deploy)
	}
	if len(f.projects) == 0 {
		found, err := findProjects(f.dir)
		if err != nil {
			return err
		}
		if f.projects = found; len(found) == 0 {
			return fmt.Errorf("no project is found below %s: no .kluctl.yaml, kustomization.yaml or Chart.yaml; name one with --project", f.dir)
		}
	}
	taken := map[string]bool{}
	for i, dir := range f.projects {
		if f.projects[i] = f.below(dir); !filepath.IsLocal(filepath.FromSlash(f.projects[i])) {
			return fmt.Errorf("--project %s: it is no directory of the repository %s", dir, f.dir)
		}
		f.names = append(f.names, projectName(f.projects[i], taken))
	}
	if named := f.usedBy(); named != "" {
		return fmt.Errorf("%s runs weighlock already; a second workflow would do all twice: change that one, or delete it first", named)
	}
	workflow, err := f.workflow(around.branch)
	config, wrong := f.config(p)
	if err := errors.Join(err, wrong); err != nil {
		return err
	}
	files := []written{workflow, config}
	for i, dir := range f.projects {
		rights, err := f.rights(ctx, p, dir, f.names[i])
		if err != nil {
			fmt.Fprintf(p.stderr, "Warning: not all rights are suggested for %s: %v\nOnce it renders, weighlock rbac suggest prints them.\n", dir, err)
		}
		files = append(files, rights...)
	}
	for _, w := range files {
		if err := f.write(p, answers, w); err != nil {
			return err
		}
	}
	next := "Next: make an environment weighlock that only " + around.branch + " may use, and in it a secret KUBECONFIG of what deploys;\n" +
		"secrets of the repository, KUBECONFIG_PREVIEW of an identity that cannot write, and WEIGHLOCK_DIGEST_KEY of random characters;"
	if f.forge == "gitlab" {
		next = "Next: make the variables KUBECONFIG of what deploys (of type file, and protected, so that only protected branches have it),\n" +
			"KUBECONFIG_PREVIEW of an identity that cannot write (of type file), and WEIGHLOCK_TOKEN;"
	}
	fmt.Fprintln(p.stdout, next+"\ndocs/access.md says why two, and weighlock doctor whether they hold. Then open a first request.")
	return nil
}

// write writes a file. One that is there is overwritten only where that was asked for.
func (f *initFlags) write(p process, answers *asker, w written) error {
	name := filepath.Join(f.dir, filepath.FromSlash(w.name))
	old, err := os.ReadFile(name)
	switch {
	case err == nil && bytes.Equal(old, []byte(w.text)):
		fmt.Fprintf(p.stdout, "%s is as it should be\n", w.name)
		return nil
	case err == nil && w.added != "" && !f.force:
		if f.yes || !answers.yes(fmt.Sprintf("%s is there already. Add to its include?\n%s", w.name, w.added), true) {
			fmt.Fprintf(p.stdout, "%s is left as it is; to its include belongs\n%s", w.name, w.added)
			return answers.err
		}
	case err == nil && !f.force:
		if f.yes || !answers.yes(fmt.Sprintf("%s is there already. Overwrite it?", w.name), false) {
			fmt.Fprintf(p.stdout, "%s is left as it is\n", w.name)
			return answers.err
		}
	case errors.Is(err, fs.ErrNotExist):
		if !f.yes && !f.force && !answers.yes(fmt.Sprintf("Write %s?", w.name), true) {
			return answers.err
		}
	case err != nil:
		return fmt.Errorf("what is there instead of a file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", w.name, err)
	}
	if err := os.WriteFile(name, []byte(w.text), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "wrote %s\n", w.name)
	return nil
}

// config is .weighlock.yaml for the projects: a target whose name says that it is for production is deployed by command.
func (f *initFlags) config(p process) (written, error) {
	var projects, entries strings.Builder
	var seen []string
	for i, dir := range f.projects {
		fmt.Fprintf(&projects, "- {path: %s, name: %s}\n", inFlow(dir), inFlow(f.names[i]))
		proj, err := f.open(p, dir)
		if err != nil {
			return written{}, err
		}
		for _, t := range targets(proj) {
			entry, tells := t, t
			if t == "" {
				// The project's one target has no name, and what the project is called tells what it is for.
				entry, tells = f.names[i]+":", f.names[i]
			}
			policy := "deploy: " + f.deploy
			if strings.Contains(strings.ToLower(tells), "prod") {
				policy = "deploy: command, approvals: 1, pin: true"
			} else if t == "" {
				continue // as all
			}
			if !slices.Contains(seen, entry) {
				seen = append(seen, entry)
				fmt.Fprintf(&entries, "  %q: {%s}\n", entry, policy)
			}
		}
		if err := proj.Close(); err != nil {
			return written{}, err
		}
	}
	text := fmt.Sprintf("# Who may do what: read from the base branch. weighlock explain prints what holds for each target.\nversion: 1\nprojects:\n%stargets:\n  \"*\": {deploy: %s, allow: {permission: write}, prune: report}\n%s", projects.String(), f.deploy, entries.String())
	if _, err := bot.ParseConfig(bot.ConfigFile, []byte(text)); err != nil {
		return written{}, err
	}
	return written{name: bot.ConfigFile, text: text}, nil
}

// open opens a project as the bot does: what it names elsewhere in the repository is there, also where that is no clone yet.
func (f *initFlags) open(p process, dir string) (*project.Project, error) {
	proj, err := (&targetFlags{}).openAt(p, filepath.Join(f.dir, filepath.FromSlash(dir)), f.dir)
	if err != nil {
		return nil, fmt.Errorf("project %s: %w", dir, err)
	}
	return proj, nil
}

// targets are the names of a project's targets; one without any is a target itself, without a name.
func targets(proj *project.Project) []string {
	if names := proj.Targets(); len(names) > 0 {
		return names
	}
	return []string{""}
}

// projectName names a project as its directory, or by the way to it where that says too little or is another's name.
func projectName(dir string, taken map[string]bool) string {
	name := path.Base(dir)
	if name == "deploy" || name == "." || taken[name] {
		name = cmp.Or(strings.ReplaceAll(strings.Trim(dir, "./"), "/", "-"), "main")
	}
	for base, n := name, 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	taken[name] = true
	return name
}

// inFlow writes a text as a value of a flow mapping.
func inFlow(text string) string {
	if plainText.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

var plainText = regexp.MustCompile(`^[A-Za-z_./][A-Za-z0-9_./-]*$`)

// rights are manifests for each target of a project, as far as it renders without a cluster.
func (f *initFlags) rights(ctx context.Context, p process, dir, called string) (out []written, err error) {
	proj, err := f.open(p, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, proj.Close()) }()
	account := doctor.Account{Name: "weighlock", Namespace: lock.Namespace, Records: lock.Namespace}
	var errs []error
	for _, name := range targets(proj) {
		t, err := proj.Target(ctx, project.Selection{Target: name})
		if err == nil {
			var text []byte
			if text, err = rights(ctx, proj, t, render.Options{}, account); err == nil {
				file := strings.TrimSuffix(strings.ReplaceAll(called+"-"+name, "/", "-"), "-")
				out = append(out, written{name: path.Join(".weighlock", "rbac", file+".yaml"), text: string(text)})
				continue
			}
		}
		errs = append(errs, fmt.Errorf("%s: %w", targetName(name), err))
	}
	return out, errors.Join(errs...)
}

// An asker asks questions. Its first error stays: later questions are not asked.
type asker struct {
	ctx context.Context
	process
	err error
}

func (a *asker) yes(question string, otherwise bool) bool {
	hint := "y/N"
	if otherwise {
		hint = "Y/n"
	}
	switch strings.ToLower(a.line(question + " [" + hint + "] ")) {
	case "":
		return otherwise && a.err == nil
	case "y", "yes":
		return true
	}
	return false
}

// choose asks for one of several; the first one is meant by an empty line, and where nobody is asked.
func (a *asker) choose(question string, quiet bool, options ...string) string {
	if quiet {
		return options[0]
	}
	answer := a.line(fmt.Sprintf("%s %s [%s] ", question, strings.Join(options, ", "), options[0]))
	if answer == "" {
		return options[0]
	}
	return answer
}

func (a *asker) line(prompt string) string {
	if a.err != nil {
		return ""
	}
	fmt.Fprint(a.stderr, prompt)
	var line []byte
	for one := make([]byte, 1); ; { // no more than the line, which a next question is to have
		n, err := a.stdin.Read(one)
		if n == 1 && one[0] == '\n' {
			break
		}
		line = append(line, one[:n]...)
		if err != nil {
			if len(line) == 0 {
				fmt.Fprintln(a.stderr)
				a.err = errors.New("nobody is there to answer; say --yes, and what you want by flags")
			}
			break
		}
	}
	return strings.TrimSpace(string(line))
}

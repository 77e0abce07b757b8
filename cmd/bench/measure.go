package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A figure is what one scenario cost: the median of its runs.
type figure struct {
	Project  string `json:"project"`
	Scenario string `json:"scenario"`
	Objects  int    `json:"objects,omitempty"`
	// Wall and CPU are seconds, Memory the most that was resident, in MB.
	Wall   float64 `json:"wallSeconds"`
	CPU    float64 `json:"cpuSeconds,omitempty"`
	Memory float64 `json:"peakMB,omitempty"`
	// Requests are those that the API server answered, by verb; dry runs have a verb of their own.
	Requests map[string]int `json:"requests,omitempty"`
	// Ratio is to the floor of dry runs of the same project in the same run.
	Ratio float64 `json:"ratioToFloor,omitempty"`
}

type bench struct {
	settings
	env      environment // login makes it that of the account
	admin    environment
	progress io.Writer
	least    *floor
	// suffix ends the names of what is made in the cluster: what an earlier run made may still be there.
	suffix string
}

// account is whom the measured programs work as: the log of the test cluster leaves out what administrators read.
func (b *bench) account() string { return "bench-" + b.suffix }

// login makes the account, and a kubeconfig for it in dir.
func (b *bench) login(ctx context.Context, dir string) (err error) {
	b.admin = b.env
	account := b.account()
	if _, err := b.command(ctx, "create", "serviceaccount", account, "-n", "default"); err != nil {
		return err
	}
	if _, err := b.command(ctx, "create", "clusterrolebinding", account, "--clusterrole=cluster-admin", "--serviceaccount=default:"+account); err != nil {
		return err
	}
	token, err := b.command(ctx, "create", "token", account, "-n", "default", "--duration=4h")
	if err != nil {
		return err
	}
	config, err := b.command(ctx, "config", "view", "--raw", "--flatten", "--minify")
	if err != nil {
		return err
	}
	b.env.Kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(b.env.Kubeconfig, config, 0o600); err != nil {
		return err
	}
	if _, err := b.command(ctx, "config", "set-credentials", account, "--token="+strings.TrimSpace(string(token))); err != nil {
		return err
	}
	if _, err := b.command(ctx, "config", "set-context", "--current", "--user="+account); err != nil {
		return err
	}
	if err := b.move(ctx); err != nil {
		return err
	}
	b.least, err = newFloor(b.env.Kubeconfig)
	return err
}

// logout takes the account away.
func (b *bench) logout(ctx context.Context) error {
	b.env = b.admin
	_, err := b.command(ctx, "delete", "--ignore-not-found", "-n", "default", "serviceaccount/"+b.account(), "clusterrolebinding/"+b.account())
	return err
}

// move puts the server as far away as is asked for.
func (b *bench) move(ctx context.Context) error {
	if b.away == 0 {
		return nil
	}
	server, err := b.command(ctx, "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server} {.contexts[0].context.cluster}")
	if err != nil {
		return err
	}
	address, cluster, _ := strings.Cut(string(server), " ")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { l.Close() })
	go away(l, strings.TrimPrefix(address, "https://"), b.away) //nolint:errcheck // who asks it says so
	_, err = b.command(ctx, "config", "set-cluster", cluster, "--server=https://"+l.Addr().String())
	return err
}

// scenario is one way to run the program.
type scenario struct {
	name string
	args []string
	// once is for what cannot be repeated: it changes what it measures.
	once bool
}

// measure runs all scenarios of a project, in a namespace of its own.
func (b *bench) measure(ctx context.Context, p proj) (figures []figure, err error) {
	dir, err := os.MkdirTemp("", "weighlock-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := p.write(dir); err != nil {
		return nil, err
	}
	ns := fmt.Sprintf("bench-%s-%s", strings.ReplaceAll(p.name, " ", "-"), b.suffix)
	if _, err := b.command(ctx, "create", "namespace", ns); err != nil {
		return nil, err
	}
	defer func() {
		_, gone := b.command(context.WithoutCancel(ctx), "delete", "namespace", ns, "--wait=false")
		err = errors.Join(err, gone)
	}()
	flags := []string{"--project-dir", dir, "-a", "ns=" + ns}
	rendered, err := b.rendered(ctx, flags)
	if err != nil {
		return nil, err
	}
	objects, err := decode(rendered)
	if err != nil {
		return nil, err
	}
	add := func(f figure, err error) error {
		if err == nil {
			f.Project, f.Objects = p.name, len(objects)
			figures = append(figures, f)
		}
		return err
	}
	diff := append([]string{"diff"}, flags...)
	deploy := append([]string{"deploy", "-y"}, flags...)
	// floors are left out where they are not asked for.
	floors := func(step func() error) func() error {
		if b.floor {
			return step
		}
		return func() error { return nil }
	}
	steps := []func() error{
		func() error {
			return add(b.run(ctx, scenario{name: "start of the process", args: []string{"version"}}))
		},
		func() error {
			return add(b.run(ctx, scenario{name: "render", args: append([]string{"render", "--offline-kubernetes"}, flags...)}))
		},
		floors(func() error { return add(b.least.dryRuns(ctx, "floor: dry runs, empty cluster", objects)) }),
		func() error { return add(b.run(ctx, scenario{name: "diff, empty cluster", args: diff})) },
		func() error { return add(b.run(ctx, scenario{name: "deploy", args: deploy, once: true})) },
		floors(func() error { return add(b.least.dryRuns(ctx, "floor: dry runs", objects)) }),
		floors(func() error { return add(b.least.reads(ctx, "floor: reads", ns, objects)) }),
		func() error { return add(b.run(ctx, scenario{name: "diff, nothing changed", args: diff})) },
		func() error {
			return add(b.run(ctx, scenario{name: "diff, 1 % changed", args: append(slices.Clone(diff), "-a", "version=v2")}))
		},
		func() error { return add(b.run(ctx, scenario{name: "deploy, nothing changed", args: deploy})) },
	}
	if p.items <= b.kubectl {
		steps = append(steps, func() error {
			return add(b.kubectlRun(ctx, "kubectl apply --dry-run=server", rendered, "apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-"))
		}, func() error {
			return add(b.kubectlRun(ctx, "kubectl diff --server-side", rendered, "diff", "--server-side", "--force-conflicts", "-f", "-"))
		})
	}
	// Last: what it leaves behind is deleted in the background, which keeps the server busy.
	steps = append(steps, floors(func() error { return add(b.firstWrites(ctx, dir, ns+"-floor")) }))
	for _, step := range steps {
		before := len(figures)
		if err := step(); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		if len(figures) == before {
			continue
		}
		fmt.Fprintf(b.progress, "%s: %s: %.2f s\n", p.name, figures[len(figures)-1].Scenario, figures[len(figures)-1].Wall)
	}
	compare(figures)
	return figures, nil
}

// firstWrites measures the floor of a first deploy, at the best of several widths, each in another namespace. These are deleted
// when all are measured: that keeps the server busy.
func (b *bench) firstWrites(ctx context.Context, dir, ns string) (best figure, err error) {
	for _, width := range writeWidths {
		in := fmt.Sprintf("%s-%d", ns, width)
		if _, err := b.command(ctx, "create", "namespace", in); err != nil {
			return figure{}, err
		}
		defer func() {
			_, gone := b.command(context.WithoutCancel(ctx), "delete", "namespace", in, "--wait=false")
			err = errors.Join(err, gone)
		}()
		rendered, err := b.rendered(ctx, []string{"--project-dir", dir, "-a", "ns=" + in})
		if err != nil {
			return figure{}, err
		}
		objects, err := decode(rendered)
		if err != nil {
			return figure{}, err
		}
		wall, cpu, err := b.least.applies(ctx, width, objects)
		if err != nil {
			return figure{}, fmt.Errorf("%d at once: %w", width, err)
		}
		if best.Wall == 0 || wall < best.Wall {
			best = figure{Scenario: "floor: first writes", Wall: wall, CPU: cpu, Requests: map[string]int{"patch": len(objects)}}
		}
	}
	return best, nil
}

// compare relates what asks the server to the floor that holds for it.
func compare(figures []figure) {
	wall := map[string]float64{}
	for _, f := range figures {
		wall[f.Scenario] = f.Wall
	}
	for i, f := range figures {
		floor := wall["floor: dry runs"]
		switch f.Scenario {
		case "diff, empty cluster":
			floor = wall["floor: dry runs, empty cluster"]
		case "deploy":
			floor = wall["floor: dry runs, empty cluster"] + wall["floor: first writes"]
		}
		if floor > 0 && (strings.HasPrefix(f.Scenario, "diff") || strings.HasPrefix(f.Scenario, "deploy") || strings.HasPrefix(f.Scenario, "kubectl")) {
			figures[i].Ratio = f.Wall / floor
		}
	}
}

func (b *bench) rendered(ctx context.Context, flags []string) ([]byte, error) {
	cmd := b.weighlockCommand(ctx, append([]string{"render", "--offline-kubernetes"}, flags...))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("rendering: %w: %s", err, said.String())
	}
	return out, nil
}

func (b *bench) weighlockCommand(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.weighlock, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+b.env.Kubeconfig)
	return cmd
}

// run runs the program and returns the median of its runs.
func (b *bench) run(ctx context.Context, s scenario) (figure, error) {
	runs := b.runs
	if s.once {
		runs = 1
	}
	return b.repeated(s.name, runs, "weighlock/", func() *exec.Cmd { return b.weighlockCommand(ctx, s.args) })
}

func (b *bench) kubectlRun(ctx context.Context, name string, input []byte, args ...string) (figure, error) {
	return b.repeated(name, 1, "kubectl", func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, b.env.Kubectl, append([]string{"--kubeconfig", b.env.Kubeconfig}, args...)...)
		cmd.Stdin = bytes.NewReader(input)
		return cmd
	})
}

func (b *bench) repeated(name string, runs int, agent string, command func() *exec.Cmd) (figure, error) {
	var all []figure
	for range runs {
		f, err := b.once(agent, command())
		if err != nil {
			return figure{}, fmt.Errorf("%s: %w", name, err)
		}
		f.Scenario = name
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b figure) int { return int(1000 * (a.Wall - b.Wall)) })
	return all[len(all)/2], nil
}

// once measures one run of a process.
func (b *bench) once(agent string, cmd *exec.Cmd) (figure, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &said
	from, err := b.logged()
	if err != nil {
		return figure{}, err
	}
	began := time.Now()
	err = cmd.Run()
	wall := time.Since(began)
	if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || cmd.Args[len(cmd.Args)-1] != "-" || exit.ExitCode() != 1) { // kubectl diff tells a difference by 1
		return figure{}, fmt.Errorf("%w: %s", err, said.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return figure{}, errors.New("this system does not tell what a process has used")
	}
	requests, err := b.requests(from, agent)
	return figure{
		Wall: wall.Seconds(), CPU: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		Memory: float64(usage.Maxrss) / 1000, Requests: requests,
	}, err
}

// logged is how long the audit log is. The server answers a request when it is logged.
func (b *bench) logged() (int64, error) {
	stat, err := os.Stat(b.env.AuditLog)
	if err != nil {
		return 0, err
	}
	return stat.Size(), nil
}

// requests counts what a program has asked the server since the log had the given length.
func (b *bench) requests(from int64, agent string) (map[string]int, error) {
	file, err := os.Open(b.env.AuditLog)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 1<<20)
	if from > 0 {
		// The file grows by pages, not by lines: what it ended with may be the first half of somebody else's
		// line, whose other half is none of ours.
		if _, err := file.Seek(from-1, io.SeekStart); err != nil {
			return nil, err
		}
		if _, err := lines.ReadBytes('\n'); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	out := map[string]int{}
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var event struct {
			Stage, Verb, RequestURI, UserAgent string
			ObjectRef                          *struct{ Resource string }
			User                               struct{ Username string }
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
		if event.Stage != "ResponseComplete" || !strings.HasPrefix(event.UserAgent, agent) || event.User.Username != "system:serviceaccount:default:"+b.account() {
			continue
		}
		switch {
		case event.ObjectRef == nil || event.ObjectRef.Resource == "":
			out["discovery"]++
		case strings.Contains(event.RequestURI, "dryRun=All"):
			out["dry run"]++
		default:
			out[event.Verb]++
		}
	}
}

func (b *bench) command(ctx context.Context, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, b.env.Kubectl, append([]string{"--kubeconfig", b.env.Kubeconfig}, args...)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return out, nil
}

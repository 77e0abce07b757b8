package main

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// config holds the files that components read: the audit policy, kwok's stages and the node.
//
//go:embed config
var config embed.FS

const (
	envFile      = "env.json"
	startTimeout = 3 * time.Minute // usual are 5 seconds; a busy CI machine takes its time
)

// Env is what env.json tells about a running cluster. The first four names are those that the conformance suite reads.
type Env struct {
	Kubeconfig string `json:"kubeconfig"` // of the administrator
	Server     string `json:"server"`     // URL of the API server
	Token      string `json:"token"`      // the administrator's
	AuditLog   string `json:"audit_log"`  // JSON lines, level Request, written before the client has its answer

	RestrictedKubeconfig string `json:"restricted_kubeconfig"` // of a user without rights
	Kubectl              string `json:"kubectl"`               // program of the server's version
	PID                  int    `json:"pid"`                   // of the process whose end is the cluster's

	Components map[string]int `json:"components"` // process ids by name; the cluster ends with any of them
}

// controllers are those that run: what deployments, jobs, their tests and a clean end of a namespace need. The ones left
// out need nodes, clouds or metrics, or write objects into every namespace.
var controllers = []string{
	"namespace-controller", "garbage-collector-controller", "serviceaccount-controller", "clusterrole-aggregation-controller",
	"deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller",
	"job-controller", "cronjob-controller", "ttl-after-finished-controller",
	"disruption-controller", "resourcequota-controller", "validatingadmissionpolicy-status-controller",
	"endpoints-controller", "endpointslice-controller",
	"persistentvolume-binder-controller", "persistentvolume-protection-controller", "persistentvolumeclaim-protection-controller",
}

// cluster is a control plane that runs.
type cluster struct {
	dir      string
	program  string // this one
	children []*child
	ctx      context.Context // ends with the cluster; its cause says why
	end      context.CancelCauseFunc
}

// start runs a cluster in dir and returns when it is ready. The result is never nil: what it has started must be stopped.
//
// It binds the calling goroutine to its thread for good (see lifeline), so the caller must stay as long as the cluster does.
func start(ctx context.Context, dir string) (*cluster, error) {
	runtime.LockOSThread()
	c := &cluster{dir: dir}
	c.ctx, c.end = context.WithCancelCause(ctx)
	var err error
	if c.program, err = os.Executable(); err != nil {
		return c, err
	}
	if err := c.layOut(); err != nil {
		return c, err
	}
	timeout := time.AfterFunc(startTimeout, func() { c.end(fmt.Errorf("not ready within %v", startTimeout)) })
	defer timeout.Stop()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return c, err
	}
	defer listener.Close() // the API server has its own copy
	env := Env{
		Server:   "https://" + listener.Addr().String(),
		Token:    admin,
		AuditLog: filepath.Join(dir, "audit.log"),
		Kubectl:  filepath.Join(filepath.Dir(c.program), "kubectl"),
		PID:      os.Getpid(),
	}
	ca, err := credentials(dir)
	if err != nil {
		return c, err
	}
	for user, path := range map[string]*string{
		admin: &env.Kubeconfig, restricted: &env.RestrictedKubeconfig,
		controllerManagerUser: new(string), schedulerUser: new(string), kwokUser: new(string),
	} {
		if *path, err = kubeconfig(dir, env.Server, user, ca); err != nil {
			return c, err
		}
	}
	if err := c.startControlPlane(listener.(*net.TCPListener)); err != nil {
		return c, err
	}
	if err := c.ready(env.Kubeconfig); err != nil {
		return c, err
	}
	env.Components = map[string]int{}
	for _, child := range c.children {
		env.Components[child.name] = child.cmd.Process.Pid
	}
	return c, c.publish(env)
}

// layOut makes the directories and writes the components' configuration.
func (c *cluster) layOut() error {
	if err := os.MkdirAll(filepath.Join(c.dir, "log"), 0o700); err != nil {
		return err
	}
	return os.CopyFS(c.dir, config)
}

// startControlPlane starts the components. All but etcd may start together: what needs the API server finds
// its port open and waits for the answer.
func (c *cluster) startControlPlane(listener *net.TCPListener) error {
	etcd, err := c.startEtcd()
	if err != nil {
		return err
	}
	socket, err := listener.File()
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := c.spawn(socket, c.program, "kube-apiserver",
		"--etcd-servers="+etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--tls-cert-file=server.crt", "--tls-private-key-file=server.key",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=accounts.key", "--service-account-key-file=accounts.key",
		"--service-cluster-ip-range=10.0.0.0/16", "--allow-privileged",
		"--token-auth-file=tokens.csv", "--anonymous-auth=false", "--authorization-mode=RBAC",
		// The node would be tainted until a controller that does not run has seen it.
		"--disable-admission-plugins=TaintNodesByCondition",
		// Blocking: an event is in the log before the client has its answer.
		"--audit-policy-file=config/audit-policy.yaml", "--audit-log-path=audit.log",
		"--audit-log-mode=blocking", "--audit-log-maxsize=4096",
		"--profiling=false",
	); err != nil {
		return err
	}
	return errors.Join(
		c.spawn(nil, c.program, "kube-controller-manager",
			"--kubeconfig=kubeconfig-"+controllerManagerUser, "--leader-elect=false", "--secure-port=0",
			"--kube-api-qps=500", "--kube-api-burst=1000", "--concurrent-namespace-syncs=20",
			"--controllers="+strings.Join(controllers, ",")),
		c.spawn(nil, c.program, "kube-scheduler",
			"--kubeconfig=kubeconfig-"+schedulerUser, "--leader-elect=false", "--secure-port=0"),
		c.spawn(nil, filepath.Join(filepath.Dir(c.program), "kwok"),
			"--kubeconfig=kubeconfig-"+kwokUser, "--config=config/stages.yaml", "--manage-all-nodes", "--node-lease-duration-seconds=40"),
	)
}

// startEtcd starts etcd and returns its client URL, which it tells when it is ready.
func (c *cluster) startEtcd() (string, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer out.Close()
	err = c.spawn(in, c.program, "etcd", filepath.Join(c.dir, "etcd"))
	in.Close() // from here on the pipe ends with the process
	if err != nil {
		return "", err
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		<-c.ctx.Done() // its death is being noticed
		return "", context.Cause(c.ctx)
	}
	return strings.TrimSpace(url), nil
}

func (c *cluster) spawn(file *os.File, program string, args ...string) error {
	child, err := spawn(c.dir, program, args, file)
	if err != nil {
		return err
	}
	c.children = append(c.children, child)
	go child.watch(c.end)
	return nil
}

// publish writes env.json, complete or not at all.
func (c *cluster) publish(env Env) error {
	text, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(c.dir, envFile)
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// stop ends all components at once: nobody needs their data any more.
func (c *cluster) stop() {
	for _, child := range c.children {
		child.kill()
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/cli"
	basecompatibility "k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// passed is the number of the file descriptor that a component gets from the program that starts it.
const passed = 3

// components are the parts of the control plane that are in this program, by the name under which it runs them.
var components = map[string]func(args []string) error{
	"etcd":                    etcd,
	"kube-apiserver":          kubeAPIServer,
	"kube-controller-manager": cobraComponent(controllermanager.NewControllerManagerCommand),
	"kube-scheduler":          cobraComponent(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
}

func cobraComponent(newCommand func() *cobra.Command) func([]string) error {
	return func(args []string) error {
		cmd := newCommand()
		cmd.SetArgs(args)
		if code := cli.Run(cmd); code != 0 {
			return fmt.Errorf("%s: exit code %d", cmd.Name(), code)
		}
		return nil
	}
}

// etcd keeps its data in the directory args[0]. It takes free ports and writes its client URL to the
// passed descriptor when it is ready: a port chosen by the starting program could be taken meanwhile.
func etcd(args []string) error {
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	cfg := embed.NewConfig()
	cfg.Dir = args[0]
	cfg.LogLevel = "error" // below it every request is logged
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = anyPort, anyPort
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = anyPort, anyPort
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.EnableGRPCGateway = false // it would look for etcd at the advertised port 0
	cfg.UnsafeNoFsync = true      // the data does not outlive the process

	server, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		return err
	}
	ready := os.NewFile(passed, "ready")
	if _, err := fmt.Fprintf(ready, "http://%s\n", server.Clients[0].Addr()); err != nil {
		return err
	}
	if err := ready.Close(); err != nil {
		return err
	}
	return <-server.Err()
}

// kubeAPIServer is the API server's own command but for its listener: that one is passed open, so that the
// address is known, and nobody else's, before the server runs.
func kubeAPIServer(args []string) error {
	listener, err := net.FileListener(os.NewFile(passed, "listener"))
	if err != nil {
		return fmt.Errorf("listener passed as file descriptor %d: %w", passed, err)
	}
	server := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, set := range server.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	server.SecureServing.Listener = listener
	server.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port

	registry := server.GenericServerRunOptions.ComponentGlobalsRegistry
	if err := registry.Set(); err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := logsapi.ValidateAndApply(server.Logs, registry.FeatureGateFor(basecompatibility.DefaultKubeComponent)); err != nil {
		return err
	}
	ctx := context.Background()
	completed, err := server.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return errors.Join(errs...)
	}
	return apiserver.Run(ctx, completed)
}

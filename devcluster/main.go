// Command controlplane runs etcd and kube-apiserver in one process, for the demo, the tests and the benchmarks.
//
//	controlplane --etcd-dir=DIR [KUBE-APISERVER FLAG]...
//
// Started under the name etcd or kube-apiserver it is that program alone: a folder with two links to it serves as the
// KUBEBUILDER_ASSETS of any test that wants one.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	switch filepath.Base(os.Args[0]) {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(app.NewAPIServerCommand()))
	default:
		go exitOnSignal()
		os.Exit(cli.Run(newCommand()))
	}
}

// newCommand is kube-apiserver's own command with one flag more, which replaces --etcd-servers.
func newCommand() *cobra.Command {
	cmd := app.NewAPIServerCommand()
	cmd.Use = "controlplane"
	cmd.Short = "etcd and kube-apiserver in one process"
	dir := cmd.Flags().String("etcd-dir", "", "folder of etcd's data and of its unix socket (required)")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		endpoint, err := startEtcd(*dir)
		if err != nil {
			return fmt.Errorf("etcd did not start in %q: %w", *dir, err)
		}
		return cmd.Flags().Set("etcd-servers", endpoint)
	}
	return cmd
}

// exitOnSignal ends the process at once. An orderly shutdown takes three seconds of draining that nobody waits for here, and
// etcd's log survives the end of its process without it.
func exitOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	os.Exit(0)
}

// A Kubernetes API server for tests, small enough to build from Debian's packages in minutes.
//
// Debian packages the libraries that the real kube-apiserver is made of, but not kube-apiserver itself, whose
// own packages (RBAC, the workload kinds, …) are not libraries. Two of those libraries are servers:
//
//   - apiextensions-apiserver serves CustomResourceDefinitions and the objects of the kinds they define, with
//     validation, status subresources, printer columns and server-side apply. The real server contains the
//     very same code, so what a controller sees of its own kinds is the real thing (crds.go).
//   - apiserver is the frame for any such server: HTTPS, discovery, watches, storage in etcd. On it, core.go
//     serves the few built-in kinds that a controller needs (kinds.go), with plain rules (strategy.go).
//
// The core half stands in front and hands what it does not know to the half for custom resources.
// README.md, beside the folder of this file, lists what a real kube-apiserver has and this one has not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/version"
)

func main() {
	options := newOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	options.addFlags(flags)
	showVersion := flags.Bool("version", false, "print the version and exit")
	// A wrong flag gets one line, not the list of all of them.
	flags.Usage = func() {}
	err := flags.Parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Print(flags.FlagUsages())
		return
	}
	exitOn(err)
	if *showVersion {
		fmt.Println("test API server on Kubernetes' libraries", version.Get().GitVersion)
		return
	}
	exitOn(options.validate())
	exitOn(run(genericapiserver.SetupSignalContext(), options))
}

// run serves until the context ends, which SIGTERM and SIGINT bring about.
func run(ctx context.Context, options *options) error {
	shared, err := newShared(options)
	if err != nil {
		return err
	}
	customResources, err := newCustomResourceServer(shared)
	if err != nil {
		return err
	}
	core, err := newCoreServer(shared, customResources)
	if err != nil {
		return err
	}
	return core.PrepareRun().RunWithContext(ctx)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "kube-apiserver (test server): %v. --help lists what this server understands\n", err)
		os.Exit(1)
	}
}

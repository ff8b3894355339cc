package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/spf13/pflag"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/storage/storagebackend"
)

// ignoredFlags are flags of the real kube-apiserver that a test passes and that mean nothing here. They are
// accepted so that one command line starts either server.
var ignoredFlags = []string{
	"advertise-address",
	"allow-privileged",
	"client-ca-file",
	"disable-admission-plugins",
	"service-account-issuer",
	"service-account-key-file",
	"service-account-signing-key-file",
	"service-cluster-ip-range",
}

// options is the command line. Serving, etcd and the audit log take the flags of the real server, from its libraries.
type options struct {
	serving           *genericoptions.SecureServingOptionsWithLoopback
	etcd              *genericoptions.EtcdOptions
	audit             *genericoptions.AuditOptions
	tokenFile         string
	authorizationMode []string
}

func newOptions() *options {
	serving := genericoptions.NewSecureServingOptions().WithLoopback()
	serving.BindPort = 6443
	serving.ServerCert.PairName = "apiserver"
	serving.ServerCert.CertDirectory = "/var/run/kubernetes"
	return &options{
		serving: serving,
		etcd:    genericoptions.NewEtcdOptions(storagebackend.NewDefaultConfig("/registry", nil)),
		audit:   genericoptions.NewAuditOptions(),
	}
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	o.serving.AddFlags(flags)
	o.etcd.AddFlags(flags)
	o.audit.AddFlags(flags)
	flags.StringVar(&o.tokenFile, "token-auth-file", "",
		"CSV file of token,user,uid,\"groups\". Without it, every request is one of system:masters")
	flags.StringSliceVar(&o.authorizationMode, "authorization-mode", nil,
		"ignored, with a warning: every authenticated request is allowed")
	for _, name := range ignoredFlags {
		flags.String(name, "", "ignored")
		// The real server has this one as a switch; a bare `--allow-privileged` must not eat the next word.
		if name == "allow-privileged" {
			flags.Lookup(name).NoOptDefVal = "true"
		}
	}
}

func (o *options) validate() error {
	problems := append(o.serving.Validate(), o.etcd.Validate()...)
	problems = append(problems, o.audit.Validate()...)
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, mode := range o.authorizationMode {
		if mode != "AlwaysAllow" {
			fmt.Fprintf(os.Stderr, "warning: authorization mode %s is not enforced by this test server\n", mode)
		}
	}
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	return o.serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, loopback)
}

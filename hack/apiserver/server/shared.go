package main

import (
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/token/tokenfile"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	restclient "k8s.io/client-go/rest"
	"k8s.io/component-base/compatibility"
	"k8s.io/component-base/version"
	"k8s.io/kube-openapi/pkg/common"
)

// shared is what the two halves of the server have in common. They are one process and one port.
type shared struct {
	options *options
	// serving is the open port with its certificate; loopback is how the server calls itself there.
	serving  *genericapiserver.SecureServingInfo
	loopback *restclient.Config

	client        kubernetes.Interface
	informers     informers.SharedInformerFactory
	authenticator authenticator.Request
	admission     admission.Interface
	version       compatibility.EffectiveVersion
}

func newShared(options *options) (*shared, error) {
	s := &shared{options: options}
	if err := options.serving.ApplyTo(&s.serving, &s.loopback); err != nil {
		return nil, fmt.Errorf("cannot serve on the given address: %w", err)
	}
	var err error
	if s.client, err = kubernetes.NewForConfig(s.loopback); err != nil {
		return nil, err
	}
	s.informers = informers.NewSharedInformerFactory(s.client, 0)
	if s.authenticator, err = newAuthenticator(options.tokenFile); err != nil {
		return nil, err
	}
	if s.admission, err = newNamespaceLifecycle(s.client, s.informers); err != nil {
		return nil, err
	}
	number := version.Get()
	s.version = compatibility.NewEffectiveVersionFromString(number.Major+"."+number.Minor, "", "")
	return s, nil
}

// config is the part of a half's configuration that is the same for both.
func (s *shared) config(
	scheme *runtime.Scheme,
	codecs serializer.CodecFactory,
	definitions common.GetOpenAPIDefinitions,
) *genericapiserver.RecommendedConfig {
	config := genericapiserver.NewRecommendedConfig(codecs)
	config.EffectiveVersion = s.version
	config.SecureServing = s.serving
	config.LoopbackClientConfig = s.loopback
	config.SharedInformerFactory = s.informers
	config.Authentication.Authenticator = s.authenticator
	config.Authorization.Authorizer = authorizerfactory.NewAlwaysAllowAuthorizer()
	config.AdmissionControl = s.admission
	namer := openapinamer.NewDefinitionNamer(scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions, namer)
	return config
}

// etcd is the storage options with the codec that turns one half's objects into what is stored.
func (s *shared) etcd(codec runtime.Codec) *genericoptions.EtcdOptions {
	etcd := *s.options.etcd
	etcd.StorageConfig.Codec = codec
	return &etcd
}

func newAuthenticator(tokenFile string) (authenticator.Request, error) {
	if tokenFile == "" {
		everyone := &authenticator.Response{User: &user.DefaultInfo{
			Name:   "test",
			Groups: []string{user.SystemPrivilegedGroup, user.AllAuthenticated},
		}}
		return authenticator.RequestFunc(func(*http.Request) (*authenticator.Response, bool, error) {
			return everyone, true, nil
		}), nil
	}
	tokens, err := tokenfile.NewCSV(tokenFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read --token-auth-file: %w", err)
	}
	return group.NewAuthenticatedGroupAdder(bearertoken.New(tokens)), nil
}

// newNamespaceLifecycle refuses objects in namespaces that do not exist, as every real cluster does.
func newNamespaceLifecycle(
	client kubernetes.Interface,
	informers informers.SharedInformerFactory,
) (admission.Interface, error) {
	plugin, err := lifecycle.NewLifecycle(sets.New(systemNamespaces...))
	if err != nil {
		return nil, err
	}
	plugin.SetExternalKubeClientSet(client)
	plugin.SetExternalKubeInformerFactory(informers)
	return plugin, plugin.ValidateInitialization()
}

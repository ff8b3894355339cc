package main

import (
	"fmt"
	"net/http"
	"net/url"

	"go.opentelemetry.io/otel/trace/noop"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	crdoptions "k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	crdopenapi "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/apiserver/pkg/util/webhook"
)

// newCustomResourceServer is the half that serves CustomResourceDefinitions and the objects of their kinds.
// It is Kubernetes' own code; here it is only wired up.
func newCustomResourceServer(s *shared) (*crdserver.CustomResourceDefinitions, error) {
	config := s.config(crdserver.Scheme, crdserver.Codecs, crdopenapi.GetOpenAPIDefinitions)
	etcd := s.etcd(crdserver.Codecs.LegacyCodec(apiextensionsv1.SchemeGroupVersion))
	// The core half has the same health check of the same etcd.
	etcd.SkipHealthEndpoints = true
	if err := etcd.ApplyTo(&config.Config); err != nil {
		return nil, fmt.Errorf("cannot use etcd: %w", err)
	}
	enabled := serverstorage.NewResourceConfig()
	enabled.EnableVersions(apiextensionsv1.SchemeGroupVersion)
	config.MergedResourceConfig = enabled

	extensions := &crdserver.Config{
		GenericConfig: config,
		ExtraConfig: crdserver.ExtraConfig{
			CRDRESTOptionsGetter: crdoptions.NewCRDRESTOptionsGetter(
				*etcd, config.ResourceTransformers, config.StorageObjectCountTracker),
			MasterCount:     1,
			ServiceResolver: noServices{},
			AuthResolverWrapper: webhook.NewDefaultAuthenticationInfoResolverWrapper(
				nil, nil, s.loopback, noop.NewTracerProvider()),
		},
	}
	notFound := genericapiserver.NewEmptyDelegateWithCustomHandler(http.NotFoundHandler())
	return extensions.Complete().New(notFound)
}

// noServices answers conversion webhooks that name a Service: there are none here.
type noServices struct{}

func (noServices) ResolveEndpoint(namespace, name string, _ int32) (*url.URL, error) {
	return nil, fmt.Errorf("this test server has no Services: give the webhook of %s/%s a url", namespace, name)
}

package main

import (
	"fmt"

	crdserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

// newCoreServer is the half that serves the built-in kinds and discovery. What it does not know, it hands to
// the half behind it.
func newCoreServer(
	s *shared,
	behind *crdserver.CustomResourceDefinitions,
) (*genericapiserver.GenericAPIServer, error) {
	config := s.config(scheme, codecs, definitions)
	// One list of all groups: `kubectl` finds a new custom resource through it.
	config.AggregatedDiscoveryGroupManager = behind.GenericAPIServer.AggregatedDiscoveryGroupManager
	if err := s.etcd(codecs.LegacyCodec(storedVersions...)).ApplyTo(&config.Config); err != nil {
		return nil, fmt.Errorf("cannot use etcd: %w", err)
	}
	// This half sees the requests for the other one, too.
	if err := s.options.audit.ApplyTo(&config.Config); err != nil {
		return nil, fmt.Errorf("cannot keep an audit log: %w", err)
	}
	server, err := config.Complete().New("core", behind.GenericAPIServer)
	if err != nil {
		return nil, err
	}

	// Each group has kinds of one version here.
	served := map[schema.GroupVersion]map[string]rest.Storage{}
	for _, kind := range kinds {
		storage, err := kind.storage(config.RESTOptionsGetter)
		if err != nil {
			return nil, fmt.Errorf("cannot store %s: %w", kind.resource, err)
		}
		for _, version := range kind.versions() {
			if served[version] == nil {
				served[version] = map[string]rest.Storage{}
			}
			served[version][kind.resource.Resource] = storage
		}
	}
	for version, storage := range served {
		if err := install(server, version, storage); err != nil {
			return nil, fmt.Errorf("cannot serve the API group '%s': %w", version.Group, err)
		}
	}
	return server, server.AddPostStartHook("system-namespaces", s.makeSystemNamespaces)
}

func install(
	server *genericapiserver.GenericAPIServer,
	version schema.GroupVersion,
	storage map[string]rest.Storage,
) error {
	info := genericapiserver.NewDefaultAPIGroupInfo(version.Group, scheme, metav1.ParameterCodec, codecs)
	info.VersionedResourcesStorageMap[version.Version] = storage
	if version.Group == "" {
		return server.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, &info)
	}
	return server.InstallAPIGroup(&info)
}

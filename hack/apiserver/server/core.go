package main

import (
	"fmt"

	crdserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	server, err := config.Complete().New("core", behind.GenericAPIServer)
	if err != nil {
		return nil, err
	}

	groups := map[string]map[string]rest.Storage{}
	for _, kind := range kinds {
		storage, err := kind.storage(config.RESTOptionsGetter)
		if err != nil {
			return nil, fmt.Errorf("cannot store %s: %w", kind.resource, err)
		}
		for _, group := range kind.groups() {
			if groups[group] == nil {
				groups[group] = map[string]rest.Storage{}
			}
			groups[group][kind.resource.Resource] = storage
		}
	}
	for group, storage := range groups {
		if err := install(server, group, storage); err != nil {
			return nil, fmt.Errorf("cannot serve the API group '%s': %w", group, err)
		}
	}
	return server, server.AddPostStartHook("system-namespaces", s.makeSystemNamespaces)
}

func install(server *genericapiserver.GenericAPIServer, group string, storage map[string]rest.Storage) error {
	info := genericapiserver.NewDefaultAPIGroupInfo(group, scheme, metav1.ParameterCodec, codecs)
	info.VersionedResourcesStorageMap["v1"] = storage
	if group == "" {
		return server.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, &info)
	}
	return server.InstallAPIGroup(&info)
}

#!/usr/bin/python3
"""Helm for tests: one request as JSON on standard input, its answer as JSON on standard output.

    echo '{"do": "render", "chart": "charts/kea-operator", "values": {}}' | hack/helm/helm.py

`do` is lint, render, install, upgrade, uninstall or test; `name`, `namespace`, `values`, `kubeconfig` and `is_upgrade`
say the rest. The exit status is 1, with Helm's words on standard error, where Helm refuses. `hack/helm/install` makes
the library that this uses.
"""

import json
import os
import sys
from pathlib import Path

# The cache folder is that of the installer, however this is run.
sys.dont_write_bytecode = True


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("KEA_OPERATOR_CACHE") or Path(base) / "kea-operator")


sys.path.insert(0, str(cache() / "helm"))
try:
    import helm_python as helm
except ImportError:
    sys.exit("there is no Helm in the cache: run 'hack/helm/install'")


def lint(request):
    report = helm.lint(request["chart"], request["values"], strict=True, namespace=request["namespace"])
    # What Helm calls info is advice, such as that an icon is recommended.
    found = [message for message in report["messages"] if message["severity"] > 1]
    return {"problems": [f"{message['path']}: {message['error']}" for message in found] + report["errors"]}


def render(request):
    upgrade = request.get("is_upgrade", False)
    with helm.Chart.load(request["chart"]) as chart:
        chart.validate_schema(request["values"])
        return chart.render(
            request["values"],
            name=request["name"],
            namespace=request["namespace"],
            is_install=not upgrade,
            is_upgrade=upgrade,
        )


def release(request):
    name, values, namespace = request["name"], request["values"], request["namespace"]
    with helm.Config(kubeconfig_path=request["kubeconfig"], namespace=namespace) as cluster:
        match request["do"]:
            case "install":
                return cluster.install(request["chart"], name, values, namespace=namespace, wait="hookOnly")
            case "upgrade":
                return cluster.upgrade(request["chart"], name, values, namespace=namespace, wait="hookOnly")
            case "test":
                return cluster.test(name, timeout=60)
            case "uninstall":
                return cluster.uninstall(name, wait="hookOnly")


def main():
    request = {"name": "kea-operator", "namespace": "default", "values": {}} | json.load(sys.stdin)
    answer = {"lint": lint, "render": render}.get(request["do"], release)
    try:
        json.dump(answer(request), sys.stdout)
    except helm.HelmError as error:
        sys.exit(f"{error}")


main()

"""The outputs of a whole lab, for people, for programs and for stacks that refer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.platform import shared
from lab.core import tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.mesh.istio import Istio
    from components.observability.observability import Observability
    from components.platform.base import Platform

_README = """\
# Istio lab: stack {stack}

| Page | Address |
|---|---|
{pages}

Work in the cluster:

    (umask 077; pulumi stack output kubeconfig --show-secrets --stack {stack} > kubeconfig-{stack}.yaml)
    export KUBECONFIG="$PWD/kubeconfig-{stack}.yaml"
    kubectl get pods --all-namespaces

Take it down:

    pulumi destroy --stack {stack}
"""


def of_lab(
    stack: str, labels: Mapping[str, str], platform: Platform, istio: Istio, observability: Observability
) -> pulumi.Inputs:
    """Return the outputs: addresses, a secret kubeconfig, facts for other stacks, and next steps in Markdown.

    Pulumi's console shows the output `README` as the stack's page.
    """
    page = istio.public_address.apply(lambda host: bookinfo(stack, host))
    urls = {"bookinfoUrl": page, **observability.urls}
    return {
        "README": pulumi.Output.all(**urls).apply(lambda found: readme(stack, found)),
        "kubeconfig": platform.kubeconfig,
        tags.OUTPUT: labels,
        **platform.outputs,
        **urls,
        shared.OUTPUT: shared.facts(platform, istio.ingress_address),
    }


def bookinfo(stack: str, host: str) -> str:
    """Return the address of Bookinfo's page; the command that opens it where Services get no address."""
    return f"http://{host}/productpage" if host else f"lab open bookinfo --stack {stack}"


def readme(stack: str, urls: Mapping[str, str]) -> str:
    """Return the stack's page; `urls` are addresses by the name of their output, such as `grafanaUrl`."""
    rows = (f"| {name.removesuffix('Url').capitalize()} | {url} |" for name, url in urls.items())
    return _README.format(stack=stack, pages="\n".join(rows))

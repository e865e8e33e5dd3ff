"""`lab class export`: a class as resources of the Pulumi Kubernetes Operator."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer evaluates the annotations
from typing import Annotated

import typer

from lab.cli.console import say


class ExportTarget(StrEnum):
    """What runs the class from then on."""

    OPERATOR = "operator"


def export(  # noqa: PLR0913 - each is an option of the command line
    class_file: Annotated[Path, typer.Argument(help="The class file.")],
    *,
    to: Annotated[  # noqa: ARG001 - there is one target so far
        ExportTarget, typer.Option(help="What runs the class from then on.")
    ] = ExportTarget.OPERATOR,
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for the manifests.")],
    backend: Annotated[
        str,
        typer.Option(
            envvar="ISTIO_LAB_BACKEND_URL",
            help="Pulumi's backend, which every machine must reach, such as azblob://...",
        ),
    ] = "",
    secrets_provider: Annotated[
        str,
        typer.Option(
            envvar="ISTIO_LAB_SECRETS_PROVIDER", help="The service that encrypts secrets, such as azurekeyvault://..."
        ),
    ] = "",
    repository: Annotated[str, typer.Option(help="URL of the git repository that has this project.")] = "",
    ref: Annotated[str, typer.Option(help="A branch, or a commit's 40 digits.")] = "main",
    image: Annotated[str, typer.Option(help="Image of the workspaces; docs/scale.md says how to build it.")] = "",
    namespace: Annotated[str, typer.Option(help="Namespace of the Stacks.")] = "pulumi-kubernetes-operator",
    service_account: Annotated[str, typer.Option(help="Service account of the workspaces.")] = "istio-lab",
    passphrase: Annotated[
        str, typer.Option(help="Name of the Secret that has the passphrase, under `passphrase`.")
    ] = "",
    credentials: Annotated[
        list[str] | None,
        typer.Option(help="Name of a Secret whose keys become environment variables; may be repeated."),
    ] = None,
    kubeconfig: Annotated[
        str, typer.Option(help="Name of the Secret that has the kubeconfig, under `kubeconfig`.")
    ] = "",
    organization: Annotated[
        str, typer.Option(help="Organization of the stacks, for a backend in Pulumi's own service.")
    ] = "organization",
    workload_identity: Annotated[
        bool, typer.Option("--workload-identity", help="Log in to Azure with the service account.")
    ] = False,
) -> None:
    """Write the class as Stacks of the Pulumi Kubernetes Operator, which run the plan of `lab class up`.

    Nothing is created, and no secret is written: the files name where secrets are. See docs/scale.md.
    """
    from lab.services.classes import plan as plans
    from lab.services.classes import validation
    from lab.services.classes.export import operator

    options = operator.OperatorOptions(
        repository=repository,
        ref=ref,
        backend=backend,
        image=image,
        namespace=namespace,
        service_account=service_account,
        secrets_provider=secrets_provider,
        passphrase=passphrase,
        credentials=tuple(credentials or ()),
        workload_identity=workload_identity,
        kubeconfig=kubeconfig,
        organization=organization,
    )
    # Nothing is known of what is up: the operator finds out from the state.
    plan = plans.up(validation.read(class_file), {}, "")
    for file in operator.write(operator.stacks(plan, options), output):
        say(f"wrote {file}")

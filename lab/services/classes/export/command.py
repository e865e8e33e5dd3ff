"""`lab class export`: a class handed to the Pulumi Kubernetes Operator, or to GitHub Actions."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer evaluates the annotations
from typing import Annotated

import typer
from rich.console import Console

from lab.core import paths
from lab.core.errors import LabError
from lab.services.classes.export import demands

console = Console()


class Recipient(StrEnum):
    """Who works on the class from then on."""

    OPERATOR = "operator"
    GITHUB = "github"


OPERATOR_ONLY = "with `--to operator`: "
GITHUB_ONLY = "with `--to github`: "


def export(  # noqa: PLR0913 - each is an option of the command line
    class_file: Annotated[Path, typer.Argument(help="The class file.")],
    *,
    to: Annotated[Recipient, typer.Option(help="Who works on the class from then on.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for the operator's files, or the file of the workflow.")
    ],
    backend: Annotated[
        str,
        typer.Option(
            envvar="ISTIO_LAB_BACKEND_URL",
            help="Where Pulumi's state is: a place that every machine reaches, such as azblob://...",
        ),
    ] = "",
    secrets_provider: Annotated[
        str,
        typer.Option(
            envvar="ISTIO_LAB_SECRETS_PROVIDER", help="The service that encrypts secrets, such as azurekeyvault://..."
        ),
    ] = "",
    parallel: Annotated[
        int, typer.Option(help=f"{GITHUB_ONLY}how many students are worked on at a time; 0 for the class file's.")
    ] = 0,
    runner: Annotated[str, typer.Option(help=f"{GITHUB_ONLY}label of the machines.")] = "ubuntu-24.04",
    repository: Annotated[
        str, typer.Option(help=f"{OPERATOR_ONLY}address of the git repository that has this project.")
    ] = "",
    ref: Annotated[str, typer.Option(help=f"{OPERATOR_ONLY}a branch, or a commit's 40 digits.")] = "main",
    image: Annotated[
        str, typer.Option(help=f"{OPERATOR_ONLY}image of the workspaces; docs/scale.md says how to build it.")
    ] = "",
    namespace: Annotated[
        str, typer.Option(help=f"{OPERATOR_ONLY}the namespace of the Stacks.")
    ] = "pulumi-kubernetes-operator",
    service_account: Annotated[str, typer.Option(help=f"{OPERATOR_ONLY}as whom the workspaces run.")] = "istio-lab",
    passphrase: Annotated[
        str, typer.Option(help=f"{OPERATOR_ONLY}name of the Secret that has the passphrase, under `passphrase`.")
    ] = "",
    credentials: Annotated[
        list[str] | None,
        typer.Option(help=f"{OPERATOR_ONLY}name of a Secret whose keys become environment variables; often."),
    ] = None,
    kubeconfig: Annotated[
        str, typer.Option(help=f"{OPERATOR_ONLY}name of the Secret that has the kubeconfig, under `kubeconfig`.")
    ] = "",
    organization: Annotated[
        str, typer.Option(help=f"{OPERATOR_ONLY}of the stacks, where Pulumi's own service has the state.")
    ] = "organization",
    workload_identity: Annotated[
        bool, typer.Option("--workload-identity", help=f"{OPERATOR_ONLY}let Azure believe the service account.")
    ] = False,
) -> None:
    """Write the class for machines other than this one: the same plan, in the words of who works on it.

    Nothing is made, and no secret is written: the files name where secrets are. docs/scale.md says when it is worth it.
    """
    from lab.services.classes import plan as plans
    from lab.services.classes import validation

    klass = validation.read(class_file)
    # Nothing is known of what stands: whoever gets the files finds out by the state.
    plan = plans.up(klass, {}, "")
    match to:
        case Recipient.OPERATOR:
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
            files = operator.files(operator.stacks(plan, options))
            written = {output / name: text for name, text in files.items()}
        case Recipient.GITHUB:
            from lab.services.classes.export import github

            written = {
                output: github.workflow(
                    plan,
                    github.GithubOptions(
                        class_file=_inside(class_file),
                        backend=backend,
                        secrets_provider=secrets_provider,
                        preparation=github.preparation(_WORKFLOW.read_text(encoding="utf-8")),
                        parallel=parallel or klass.parallel or github.GithubOptions.parallel,
                        runner=runner,
                    ),
                )
            }
    for file in written:
        _require_own(file)
    for file, text in written.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        console.print(f"wrote {file}", highlight=False, soft_wrap=True)


_WORKFLOW = paths.PROJECT / ".github" / "workflows" / "shop.yml"
"""The repository's own workflow, which pins the actions."""


def _inside(file: Path) -> str:
    """The path of a file as the runners find it.

    Raises:
        LabError: it is outside of the repository.
    """
    whole = file.resolve()
    if not whole.is_relative_to(paths.PROJECT):
        raise LabError(
            f"{file} is outside of {paths.PROJECT}, where no runner finds it",
            "commit the class file with the project; it has no secrets in it",
        )
    return whole.relative_to(paths.PROJECT).as_posix()


def _require_own(file: Path) -> None:
    """Refuse to write over what somebody else has written.

    Raises:
        LabError: there is such a file, or a folder in its place.
    """
    if file.is_dir() or (file.exists() and not file.read_text(encoding="utf-8").startswith(demands.MARK)):
        raise LabError(f"{file} is there and was not made by lab class export", "name another place: --output")

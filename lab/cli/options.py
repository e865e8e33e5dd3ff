"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

StackName = Annotated[str, typer.Option("--stack", "-s", envvar="STACK", help="Pulumi stack to use.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", envvar="ISTIO_LAB_YES", help="Do not ask for confirmation.")]
AllowReplace = Annotated[
    bool, typer.Option(help="Allow replacing or deleting the AKS cluster, the registry or the resource group.")
]

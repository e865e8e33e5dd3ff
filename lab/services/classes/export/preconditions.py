"""Preconditions of an export: nothing that a class depends on may belong to a single machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.settings import Target

if TYPE_CHECKING:
    from lab.services.classes.plan import Action, Plan

KEY_SERVICES = ("azurekeyvault", "awskms", "gcpkms", "hashivault")
"""Providers of secrets that hold the key themselves, so that nobody has to carry a passphrase."""

_SHARED_BACKENDS = ("azblob", "s3", "gs", "https")
_DEMANDED = "--backend takes the address of a place that every machine reaches: azblob://state?storage_account=ACCOUNT"
_BEHIND_A_COLON = re.compile(r"://[^/@]*:[^/@]*@")


def cluster(plan: Plan) -> Action | None:
    """The stack that a class shares; none when each student has a whole lab."""
    return next((action for action in plan.actions if not action.student), None)


def target(plan: Plan) -> Target:
    """Where the class stands.

    Args:
        plan: of a class that is to stand; its students stand in one kind of place.

    Raises:
        LabError: the plan has nobody in it, its stacks stand on the machine that works on them, or in several kinds of
            places.
    """
    if not plan.actions:
        raise LabError(f"nobody is in the class {plan.classroom}", "add a student to the class file")
    shared = cluster(plan)
    key, makers = ("platform.target", [shared]) if shared else ("settings.target", list(plan.actions))
    found = {Target(str(each.config.get("target", Target.EMBEDDED))): each.stack for each in makers}
    if Target.EMBEDDED in found:
        raise LabError(
            f"{key}: found embedded (stack {found[Target.EMBEDDED]}): it would stand on the machine that makes it, "
            "and go with it; allowed here: azure, kubeconfig",
            f"set {key} in the class file, or stay on one machine: lab class up",
        )
    if len(found) > 1:
        raise LabError(
            f"{key}: found {', '.join(sorted(found))}; an exported class stands in one kind of place",
            "make a class file for each",
        )
    return next(iter(found))


def require_shared_backend(backend: str) -> None:
    """Refuse a place for the state that is one machine's own, or that has a password in its address.

    Args:
        backend: its address, as `pulumi login` takes it.

    Raises:
        LabError: other machines would not find what one of them made, or would read the password.
    """
    scheme = backend.partition("://")[0] if "://" in backend else ""
    if scheme not in _SHARED_BACKENDS:
        found = f"the folder {backend}" if scheme in {"", "file"} and backend else repr(backend)
        raise LabError(
            f"--backend: found {found}; each machine that works on the class would have a state of its own, and make "
            "everything again",
            _DEMANDED,
        )
    if _BEHIND_A_COLON.search(backend):
        raise LabError("--backend: found an address with a password in it, which would be written out", _DEMANDED)


def require_address_without_password(repository: str) -> None:
    """Refuse a repository whose address has a password in it.

    Args:
        repository: its address.

    Raises:
        LabError: it would be written out.
    """
    if _BEHIND_A_COLON.search(repository):
        raise LabError(
            "--repository: found an address with a password in it, which would be written out",
            "leave it out of the address; the operator reads a private repository with a Secret",
        )


def has_key_service(secrets_provider: str) -> bool:
    """Whether secrets are encrypted by a service that holds the key itself."""
    return secrets_provider.partition("://")[0] in KEY_SERVICES and "://" in secrets_provider

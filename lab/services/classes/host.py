"""The project's own program inside this process, for any number of stacks: what a language host of Pulumi's does."""

from __future__ import annotations

import gc
import importlib
import runpy
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import pulumi
import pulumi.runtime.resource
from pulumi.runtime.proto import source_pb2

from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

_KUBERNETES = (
    "admissionregistration.v1",
    "apiextensions",
    "apps.v1",
    "core.v1",
    "helm.v3",
    "meta.v1",
    "networking.v1",
    "rbac.v1",
)
_AZURE = ("authorization", "consumption", "containerregistry", "containerservice", "managedidentity", "resources")
"""Modules of the SDKs that the program needs.

They load when they are first used, and not safely in several threads: one of two students would find half a module.
"""

_SELDOM = 50_000
"""New objects between two looks for garbage; Python looks every 700."""


class Host:
    """The program, which is imported once and run for every student."""

    def __init__(self, *, azure: bool) -> None:
        """Import it in the background: an engine needs as long to start as it takes.

        Args:
            azure: whether any stack is one of Azure, whose classes alone cost half a second.
        """
        # The SDK tells the engine of every step of every resource, each in a call: a fifth of the program's work.
        pulumi.log.debug = _unsaid
        # It also says of every resource by which lines of which files it was made: half of a student's state, which
        # the engine writes anew after every step.
        pulumi.runtime.resource._get_stack_trace = source_pb2.StackTrace  # noqa: SLF001 - no setting of it
        pool = ThreadPoolExecutor(1, "program")
        self._main = pool.submit(_load, azure=azure)
        pool.shutdown(wait=False)

    def run(self, ready: Callable[[], None]) -> None:
        """Run the program for the stack whose engine has called.

        Args:
            ready: is called before, and may wait or raise.
        """
        main = self._main.result()
        ready()
        pulumi.run(main)


def load(*, azure: bool) -> None:
    """Load all of the SDKs that the program can come to need.

    Args:
        azure: whether it is to make anything of Azure.
    """
    wanted = {"pulumi_kubernetes": _KUBERNETES, "pulumi_azure_native": _AZURE if azure else ()}
    for package, names in wanted.items():
        for name in _with_parents(names):
            # The import alone loads nothing of it; to ask for anything in it does.
            getattr(importlib.import_module(f"{package}.{name}"), "__all__", ())


def _load(*, azure: bool) -> Callable[[], Awaitable[pulumi.Inputs]]:
    load(azure=azure)
    main = runpy.run_path(str(paths.PROJECT / "__main__.py"), run_name="istio_lab")["main"]
    # What was imported stays to the end; to look through it again and again took a tenth of this process.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_SELDOM)
    return cast("Callable[[], Awaitable[pulumi.Inputs]]", main)


def _with_parents(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[: depth + 1]) for depth in range(len(parts)))


def _unsaid(*_arguments: object, **_options: object) -> None:
    """Instead of a message that nobody reads."""

"""The environment of every program that is started: an allowlist, so that nothing else of the user's shell reaches it.

What is not listed here can neither change a result (switches of Pulumi, Python, curl and git) nor leak (others can
read a server's environment).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Program:
    """A kind of program.

    Attributes:
        passes: the user's variables that it gets besides the common ones; a star stands for any ending.
        sets: variables with a value of ours.
        common: whether it gets the common ones and the user's PATH.
    """

    passes: tuple[str, ...] = ()
    sets: Mapping[str, str] = field(default_factory=dict)
    common: bool = True


_COMMON = (
    "HOME",
    "USER",
    "LOGNAME",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
)

_MARKS = ("ISTIO_LAB_BENCH",)
"""Marks whatever a benchmark has started."""

_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH of programs that get nothing of the user's."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_EXCEPTIONS = ("NO_PROXY", "no_proxy")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")

_NETWORK = (*_PROXIES, *_EXCEPTIONS, "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The way out of a company's network. Only what reaches outside gets it: a proxy does not know the names in a lab."""

_CLOUDS = (
    # Azure: the CLI's login, service principals, managed and federated identities, Cloud Shell.
    "ARM_*",
    "AZURE_CONFIG_DIR",
    "AZURE_EXTENSION_DIR",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_TENANT_ID",
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_AUTHORITY_HOST",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_STORAGE_*",
    "AZURE_KEYVAULT_AUTH_VIA_CLI",
    "ACTIONS_ID_TOKEN_REQUEST_*",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "ACC_CLOUD",
    # Others, which a kubeconfig or a backend of the user's own may need.
    "AWS_*",
    "GOOGLE_*",
    "CLOUDSDK_*",
    "VAULT_*",
)
"""Logins; none of them changes what a lab on this machine does."""

_PIP = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "PIP_TRUSTED_HOST",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_PROXY",
    "PIP_CONFIG_FILE",
    "PIP_CACHE_DIR",
)
"""Where packages come from; hashes pin what is installed."""

_LAB = (
    "ISTIO_LAB_HOME",
    "ISTIO_LAB_CACHE",
    "ISTIO_LAB_OFFLINE",
    "ISTIO_LAB_MIRROR",
    "ISTIO_LAB_BACKEND_URL",
    "ISTIO_LAB_SECRETS_PROVIDER",
)
"""Settings of the lab itself. A pipeline's tokens are not among them."""

LOCAL = Program()
"""Whatever stays on this machine and ends soon, such as curl inside a Pod's network."""

SERVER = Program(common=False)
"""A server of the lab: nothing of the shell that happened to start it. One that starts programs finds the system's."""

GIT = Program(
    # A user's configuration may rewrite addresses and hide changed files.
    sets={
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_TERMINAL_PROMPT": "0",
    }
)

PIP = Program(passes=(*_NETWORK, *_PIP))

GO = Program(
    passes=(
        *_NETWORK,
        "GOPROXY",
        "GOPRIVATE",
        "GONOPROXY",
        "GOSUMDB",
        "GONOSUMDB",
        "GOINSECURE",
        "GOVCS",
        "GOAUTH",
        "GOENV",
        "GOROOT",
        "NETRC",
        "SSH_AUTH_SOCK",
    )
)
"""Where modules come from is the user's choice; go.sum pins what is built."""

CONTAINERS = Program(
    passes=(
        *_NETWORK,
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
        "DOCKER_TLS*",
        "DOCKER_CERT_PATH",
        "BUILDX_*",
        "CONTAINER_HOST",
        "CONTAINERS_*",
        "REGISTRY_AUTH_FILE",
        "DBUS_SESSION_BUS_ADDRESS",
        "SSH_AUTH_SOCK",
    )
)

AZURE_CLI = Program(
    passes=(*_NETWORK, *_CLOUDS),
    # az would stop and ask whether it may install an extension.
    sets={"AZURE_CORE_NO_COLOR": "true", "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no"},
)

KUBECTL = Program(passes=(*_NETWORK, *_CLOUDS))
"""A kubeconfig may name a helper that logs in to a cloud."""

LAB = Program(passes=(*_NETWORK, *_PIP, *_LAB, *_CLOUDS))
"""What runs the lab's own code for any target: pulumi with its program, tests."""

BACKEND_LOGIN = (
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_CREDENTIAL_STORE",
)

LAB_WITH_BACKEND = Program(passes=(*LAB.passes, *BACKEND_LOGIN, "PG*"))
"""Pulumi with a backend of the user's own, a database among them: its login, and the passphrase of its secrets."""


def make(program: Program = LOCAL, **extra: str) -> dict[str, str]:
    """Return all variables of a program that is started; `extra` overrides what the user has set."""
    passed = {name: value for name, value in os.environ.items() if _allowed(name, program)}
    if any(name in passed for name in _PROXIES):
        given = next((passed[name] for name in _EXCEPTIONS if passed.get(name)), "")
        passed |= dict.fromkeys(_EXCEPTIONS, ",".join([*filter(None, [given]), *_LOOPBACK]))
    if program.common:
        passed |= {"HOME": str(_home())}
        if not _usable(Path(passed.get("TMPDIR", ""))):
            passed.pop("TMPDIR", None)  # the system's is used
    path = _search_path() if program.common else _SYSTEM
    return {**passed, "PATH": path, "LC_ALL": _utf8_locale(), **program.sets, **extra}


def tool_folders() -> list[str]:
    """Return the folders that come first on PATH: links to the lab's tools, and its own Python."""
    return [str(paths.bin_dir()), str(paths.PROJECT / ".venv" / "bin")]


def _home() -> Path:
    """Return the user's folder, or one of the lab's where that cannot be used.

    Without one, kubectl and Helm would look for their settings in the folder that they happen to run in; kubectl ends
    with an error where a part of the path is a file, and root would make one that is not there.
    """
    own = paths.user_home()
    return own if own and _usable(own) else paths.temporary_dir().absolute()


def _usable(folder: Path) -> bool:
    return folder.is_absolute() and os.access(folder, os.R_OK | os.X_OK) and folder.is_dir()


def _allowed(name: str, program: Program) -> bool:
    common = _COMMON if program.common else ()
    return any(fnmatchcase(name, pattern) for pattern in (*_MARKS, *common, *program.passes))


def _search_path() -> str:
    own = tool_folders()
    present = os.environ.get("PATH", os.defpath).split(os.pathsep)
    # An empty entry would be the current folder.
    return os.pathsep.join([*own, *(folder for folder in present if folder and folder not in own)])


def _utf8_locale() -> str:
    """Messages in English, text in UTF-8, whatever the user's locale."""
    return "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"

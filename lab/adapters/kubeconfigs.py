"""Kubeconfigs: one context of a file with all that it refers to, read as kubectl reads it."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from lab.adapters import text_files
from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.core.manifests import Object

_CLUSTER_FILES = ("certificate-authority",)
_USER_FILES = ("client-certificate", "client-key")
"""Keys that name a file, whose content may stand beside them with the suffix `-data`."""

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""A text that a kubeconfig may leave empty."""

Words = Annotated[tuple[str, ...], BeforeValidator(lambda value: value or ())]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Cluster(_Part):
    """The API server, and how to know it."""

    server: str
    certificate_authority_data: Text = Field("", alias="certificate-authority-data")
    insecure_skip_tls_verify: bool | None = Field(None, alias="insecure-skip-tls-verify")
    tls_server_name: Text = Field("", alias="tls-server-name")
    proxy_url: Text = Field("", alias="proxy-url")


class Variable(_Part):
    """An environment variable of a credential plugin."""

    name: str
    value: Text = ""


class Plugin(_Part):
    """A program that prints credentials."""

    command: str
    api_version: str = Field(alias="apiVersion")
    args: Words = ()
    env: Annotated[tuple[Variable, ...], BeforeValidator(lambda value: value or ())] = ()
    install_hint: Text = Field("", alias="installHint")
    provide_cluster_info: bool | None = Field(None, alias="provideClusterInfo")
    interactive_mode: Text = Field("", alias="interactiveMode")


class AuthProvider(_Part):
    """The older kind of a login, of which kubectl still has `oidc`."""

    name: Text = ""
    config: Annotated[dict[str, Any], BeforeValidator(lambda value: value or {})] = Field(default_factory=dict)


class User(_Part):
    """Credentials of a user, of which the first that is there counts."""

    client_certificate_data: Text = Field("", alias="client-certificate-data")
    client_key_data: Text = Field("", alias="client-key-data")
    token: Text = ""
    token_file: Text = Field("", alias="tokenFile")
    username: Text = ""
    password: Text = ""
    plugin: Plugin | None = Field(None, alias="exec")
    auth_provider: AuthProvider | None = Field(None, alias="auth-provider")
    impersonated: Text = Field("", alias="as")
    impersonated_uid: Text = Field("", alias="as-uid")
    impersonated_groups: Words = Field((), alias="as-groups")


class Kubeconfig(_Part):
    """One context: a cluster, and a user of it."""

    cluster: Cluster
    user: User


def contexts(file: Path) -> list[str]:
    """List the contexts of a kubeconfig.

    Raises:
        LabError: it is no kubeconfig.
    """
    try:
        return [str(each["name"]) for each in _load(file).get("contexts") or ()]
    except (AttributeError, TypeError, KeyError):
        raise _malformed(file) from None


def flatten(file: Path, context: str) -> str:
    """Return one context of a kubeconfig with the files that it refers to, as `kubectl config view --flatten` does.

    Raises:
        LabError: it is no kubeconfig, or one of those files cannot be read.
    """
    return yaml.safe_dump(_flat(_load(file), context, file))


def parse(content: str) -> Kubeconfig:
    """Read the current context of a kubeconfig.

    Raises:
        LabError: it is no kubeconfig.
    """
    try:
        raw = yaml.safe_load(content)
        flat = _flat(raw, str(raw["current-context"]), None)
        return Kubeconfig(
            cluster=Cluster(**flat["clusters"][0]["cluster"]),
            user=User(**(flat["users"][0]["user"] if flat["users"] else {})),
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        raise LabError(f"the kubeconfig cannot be used: {where}: {first['msg']}", _LOOK) from None
    except (yaml.YAMLError, TypeError, KeyError, ValueError, LookupError, RecursionError):
        raise LabError("the kubeconfig cannot be used: it is malformed", _LOOK) from None


_LOOK = "kubectl config view --kubeconfig FILE shows what is wrong"


def _load(file: Path) -> Object:
    text = text_files.read(file, str(file))
    text_files.require_shallow(text, str(file))
    try:
        # JSON may be indented with tabs, which YAML does not take.
        found: Any = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        found = None
    try:
        found = found or yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LabError(f"{file}:{line}: this is no kubeconfig: {error.problem}", _LOOK) from None
    except (yaml.YAMLError, ValueError, LookupError, RecursionError):
        raise _malformed(file) from None
    if found is not None and not isinstance(found, dict):
        raise _malformed(file)
    return found or {}


def _flat(config: Object, context: str, file: Path | None) -> Object:
    """Return a kubeconfig of nothing but one context; relative paths in it begin at the folder of its file."""
    try:
        chosen = _entry(config, "context", context)
        cluster = _entry(config, "cluster", chosen["context"]["cluster"])
        name = chosen["context"].get("user")
        users = [_entry(config, "user", name)] if name else []
        flat_users = [{**each, "user": _flat_user(dict(each["user"] or {}), file)} for each in users]
        flat_cluster = {**cluster, "cluster": _inlined(dict(cluster["cluster"]), _CLUSTER_FILES, file)}
    except (AttributeError, TypeError, KeyError, ValueError):
        raise _malformed(file) from None
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [chosen],
        "clusters": [flat_cluster],
        "users": flat_users,
    }


def _entry(config: Object, kind: str, name: object) -> Object:
    found = [each for each in config.get(f"{kind}s") or () if str(each["name"]) == str(name)]
    if len(found) > 1:
        raise LabError(
            f"the kubeconfig cannot be used: it has the {kind} {name} {len(found)} times", "keep one of them"
        )
    if not found or not isinstance(found[0], dict) or kind not in found[0]:
        raise LabError(f"the kubeconfig cannot be used: it has no {kind} {name}", _LOOK)
    return found[0]


def _flat_user(user: Object, file: Path | None) -> Object:
    user = _inlined(user, _USER_FILES, file)
    if user.get("tokenFile"):
        user["tokenFile"] = str(_absolute(user["tokenFile"], file))
    plugin = user.get("exec")
    # A command without a slash is found on PATH.
    if plugin and os.sep in plugin.get("command", ""):
        user["exec"] = {**plugin, "command": str(_absolute(plugin["command"], file))}
    return user


def _inlined(part: Object, keys: tuple[str, ...], file: Path | None) -> Object:
    for key in keys:
        path, data = part.pop(key, None), f"{key}-data"
        if path and not part.get(data):
            try:
                part[data] = base64.b64encode(_absolute(path, file).read_bytes()).decode()
            except OSError as error:
                # kubectl takes a tilde for the name of a folder, too.
                remedy = (
                    "write the whole path, ~ is none in a kubeconfig" if path[:1] == "~" else "get a new kubeconfig"
                )
                where = f"the kubeconfig {file}" if file else "the kubeconfig"
                raise LabError(f"{where} cannot be used: {key}: {path}: {error.strerror}", remedy) from None
    return part


def _absolute(path: str, file: Path | None) -> Path:
    return (file.absolute().parent if file else Path.cwd()) / path


def _malformed(file: Path | None) -> LabError:
    return LabError(f"{file or 'the kubeconfig'} is no kubeconfig", _LOOK)

"""Credentials of a kubeconfig as a request to the API server carries them."""

from __future__ import annotations

import base64
import json
import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.adapters import environment, files, process
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    import socket

    from lab.adapters.kubeconfigs import Cluster, Plugin, User

_PLUGIN_TIMEOUT = 60.0
"""Seconds for a credential plugin, which may ask a cloud."""

_NEW = "log in again, or get a new kubeconfig"


@dataclass(frozen=True, kw_only=True)
class Login:
    """What proves who asks.

    Attributes:
        headers: of every request; a name may come more than once.
        certificate: of the client, in PEM.
        key: of that certificate, in PEM.
    """

    headers: tuple[tuple[str, str], ...] = ()
    certificate: str = ""
    key: str = ""


def login(user: User, cluster: Cluster) -> Login:
    """Return a user's credentials; a credential plugin is run for them.

    Raises:
        LabError: a file is missing, or the plugin failed.
    """
    found = Login(certificate=_pem(user.client_certificate_data), key=_pem(user.client_key_data))
    if user.token_file or user.token:
        found = replace(found, headers=_bearer(_read(user.token_file) if user.token_file else user.token))
    elif user.username:
        basic = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
        found = replace(found, headers=(("Authorization", f"Basic {basic}"),))
    elif user.plugin:
        found = _of_plugin(user.plugin, cluster)
    elif user.auth_provider:
        token = str(user.auth_provider.config.get("id-token") or "")
        if not token:
            raise LabError(f"the kubeconfig's auth-provider {user.auth_provider.name} is not supported", _NEW)
        found = replace(found, headers=_bearer(token))
    return replace(found, headers=(*found.headers, *_impersonation(user)))


def tls(cluster: Cluster, credentials: Login) -> ssl.SSLContext:
    """Return how the API server is known, and how it knows the client.

    Raises:
        LabError: a certificate cannot be used.
    """
    if cluster.insecure_skip_tls_verify and cluster.certificate_authority_data:
        raise LabError(
            "the kubeconfig cannot be used: it has a certificate-authority and insecure-skip-tls-verify, of which "
            "kubectl takes only one",
            "take insecure-skip-tls-verify out",
        )
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = cluster.tls_server_name
    try:
        if cluster.insecure_skip_tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif cluster.certificate_authority_data:
            context.load_verify_locations(cadata=_pem(cluster.certificate_authority_data))
        else:
            context.load_default_certs()
        if credentials.certificate:
            # The library reads them from a file only.
            pem = f"{credentials.certificate}\n{credentials.key}\n"
            with files.temporary(pem, paths.temporary_dir(), prefix="certificate") as file:
                context.load_cert_chain(file, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        raise LabError(f"a certificate or key of the kubeconfig cannot be used: {error}", _NEW) from None
    return context


class _Context(ssl.SSLContext):
    """Settings of TLS that expect the name of `tls-server-name`, through a proxy as well."""

    server_name = ""

    def wrap_socket(  # noqa: PLR0913, PLR0917 - the library's
        self,
        sock: socket.socket,
        server_side: bool = False,  # noqa: FBT001, FBT002 - the library's
        do_handshake_on_connect: bool = True,  # noqa: FBT001, FBT002
        suppress_ragged_eofs: bool = True,  # noqa: FBT001, FBT002
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        name = self.server_name or server_hostname
        return super().wrap_socket(sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, name, session)


_PLUGIN_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


def _require_usable(plugin: Plugin) -> None:
    if plugin.api_version not in _PLUGIN_VERSIONS:
        raise LabError(
            f"the kubeconfig cannot be used: exec.apiVersion: found {plugin.api_version}; allowed: "
            f"{', '.join(_PLUGIN_VERSIONS)}",
            f"update {Path(plugin.command).name}, and get a new kubeconfig",
        )
    if plugin.interactive_mode == "Always":
        raise LabError(
            f"the kubeconfig names {plugin.command} for the login, which asks at the terminal (interactiveMode: "
            "Always); Pulumi has none",
            "get a kubeconfig with another login, such as a token or a certificate",
        )


def _of_plugin(plugin: Plugin, cluster: Cluster) -> Login:
    _require_usable(plugin)
    spec: dict[str, Any] = {"interactive": False}
    if plugin.provide_cluster_info:
        spec["cluster"] = cluster.model_dump(by_alias=True, exclude_defaults=True)
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    variables = {
        **environment.make(environment.KUBECTL),
        **{each.name: each.value for each in plugin.env},
        "KUBERNETES_EXEC_INFO": json.dumps(info),
    }
    title = f"{Path(plugin.command).name}, which the kubeconfig names for the login,"
    try:
        result = process.run(
            [plugin.command, *plugin.args], environment=variables, timeout=_PLUGIN_TIMEOUT, title=title, remedy=_NEW
        )
    except process.CannotStartError as error:
        hint = " ".join(plugin.install_hint.split()) or error.remedy
        raise LabError(f"the kubeconfig names {plugin.command} for the login: {error.message}", hint) from None
    try:
        status = json.loads(result.stdout)["status"]
        token, certificate = status.get("token"), status.get("clientCertificateData")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise LabError(f"{title} printed no credentials", _NEW) from None
    headers = _bearer(token) if token else ()
    return Login(headers=headers, certificate=certificate or "", key=status.get("clientKeyData") or "")


def _bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {token}"),)


def _impersonation(user: User) -> tuple[tuple[str, str], ...]:
    groups = (("Impersonate-Group", group) for group in user.impersonated_groups)
    whom = (("Impersonate-User", user.impersonated), ("Impersonate-Uid", user.impersonated_uid), *groups)
    return tuple((name, value) for name, value in whom if value)


def _pem(data: str) -> str:
    try:
        return base64.b64decode(data).decode()
    except ValueError:
        raise LabError("a certificate or key of the kubeconfig cannot be used: it is not base64", _NEW) from None


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise LabError(f"the kubeconfig's tokenFile {file} cannot be read", _NEW) from None

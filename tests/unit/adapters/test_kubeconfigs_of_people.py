"""Kubeconfigs as people have them: read as kubectl reads them, or refused by file, place and remedy.

More of them are in `test_kubeconfigs`, `test_cluster_api` and `test_cluster`.
"""

from __future__ import annotations

import base64
import json
import textwrap
from typing import TYPE_CHECKING

import pytest
import yaml

from lab.adapters import cluster_login, kubeconfigs
from lab.adapters.cluster_api import ClusterApi
from lab.core.errors import LabError
from lab.platforms import kubeconfig
from tests.unit.pretended_api import Authority

if TYPE_CHECKING:
    from pathlib import Path

    from lab.adapters.cluster_login import Login

PLUGIN = """#!/bin/sh
echo '{"kind": "ExecCredential", "status": {"token": "of-the-plugin"}}'
"""


def config(user: str = "token: t", cluster: str = "server: https://192.0.2.1:6443", more: str = "") -> str:
    head = f"apiVersion: v1\nkind: Config\ncurrent-context: desk\n{more}"
    lists = "contexts:\n- {name: desk, context: {cluster: c, user: u}}\nclusters:\n- name: c\n  cluster:\n"
    cluster, user = (textwrap.indent(textwrap.dedent(part), "    ") for part in (cluster, user))
    return f"{head}{lists}{cluster}\nusers:\n- name: u\n  user:\n{user}\n"


def plugin(command: str, version: str = "v1", more: str = "") -> str:
    return config(f"exec: {{apiVersion: client.authentication.k8s.io/{version}, command: {command}{more}}}")


PLAIN = config()
SERVER = "server: https://192.0.2.1:6443\n"
BEARER, OF_PLUGIN = "Bearer t", "Bearer of-the-plugin"

READ: dict[str, tuple[str | bytes, str]] = {
    "a token": (PLAIN, BEARER),
    "JSON": (json.dumps(yaml.safe_load(PLAIN)), BEARER),
    "JSON with tabs": (json.dumps(yaml.safe_load(PLAIN), indent="\t"), BEARER),
    "a mark of UTF-8": (b"\xef\xbb\xbf" + PLAIN.encode(), BEARER),
    "lines of Windows": (PLAIN.replace("\n", "\r\n"), BEARER),
    "no current context": (PLAIN.replace("current-context: desk\n", ""), BEARER),
    "a current context that is not there": (PLAIN.replace("current-context: desk", "current-context: gone"), BEARER),
    "names that are numbers": (
        PLAIN.replace("cluster: c, user: u", "cluster: 1, user: 2")
        .replace("name: c\n", "name: 1\n")
        .replace("name: u\n", "name: 2\n"),
        BEARER,
    ),
    "keys that nobody knows": (config(more="extensions: []\npreferences: {colors: true}\n"), BEARER),
    "a file of a token beside it": (config("tokenFile: token"), "Bearer of-the-file"),
    "a user name": (config("{username: kim, password: p}"), f"Basic {base64.b64encode(b'kim:p').decode()}"),
    "a command beside it": (plugin("./login"), OF_PLUGIN),
    "a command in a folder beside it": (plugin("bin/login"), OF_PLUGIN),
    "a command above it": (plugin("../login"), OF_PLUGIN),
    "a plugin of the older version": (plugin("./login", "v1beta1"), OF_PLUGIN),
    "a plugin that may ask at the terminal": (plugin("./login", more=", interactiveMode: IfAvailable"), OF_PLUGIN),
    "a plugin without arguments": (plugin("./login", more=", args: null, env: null"), OF_PLUGIN),
    "OIDC": (config("auth-provider: {name: oidc, config: {id-token: t}}"), BEARER),
    "an authority beside it": (config(cluster=f"{SERVER}certificate-authority: pki/ca.crt"), BEARER),
    "another name of the server": (config(cluster=f"{SERVER}tls-server-name: kubernetes"), BEARER),
    "no check of the server": (config(cluster=f"{SERVER}insecure-skip-tls-verify: true"), BEARER),
    "a proxy": (config(cluster=f"{SERVER}proxy-url: http://proxy.example.test:3128"), BEARER),
    "a proxy of SOCKS": (config(cluster=f"{SERVER}proxy-url: socks5://proxy.example.test:1080"), BEARER),
    "an empty user": (config("{}"), ""),
}

GONE = "No such file or directory"

REFUSED: dict[str, tuple[str | bytes, str, str]] = {
    "nothing": ("", 'kubeconfig.context: found "desk"; FILE has none at all', "kubeconfig.context NAME"),
    "UTF-16": (PLAIN.encode("utf-16"), "FILE:1: this is UTF-16 text, not UTF-8", "save the file as UTF-8"),
    "Latin-1": (
        "kind: Config\n# für\n".encode("latin-1"),
        "FILE:2: this is not UTF-8 text",
        "save the file as UTF-8",
    ),
    "an archive": (b"PK\x03\x04", "FILE:1: this is no text, but a spreadsheet or an archive", "save it as text"),
    "a list": ("- a\n", "FILE is no kubeconfig", "kubectl config view --kubeconfig FILE"),
    "a text": ("kubeconfig\n", "FILE is no kubeconfig", "kubectl config view --kubeconfig FILE"),
    "contexts that are none": ("contexts: 3\n", "FILE is no kubeconfig", "kubectl config view"),
    "an open bracket": ("kind: Config\ncontexts: [\n", "FILE:3: this is no kubeconfig: ", "kubectl config view"),
    "a tab": (
        "kind: Config\n\tcontexts: []\n",
        "FILE:2: this is no kubeconfig: found character",
        "kubectl config view",
    ),
    "a day that is none": ("a: 2026-99-99\n", "FILE is no kubeconfig", "kubectl config view"),
    "50,000 brackets": ("[" * 50_000, "FILE:1: values are nested without end", "take the innermost out"),
    "no such context": (PLAIN.replace("name: desk", "name: home"), '"desk"; FILE has home', "kubeconfig.context NAME"),
    "a context twice": (
        PLAIN.replace("contexts:\n", "contexts:\n- {name: desk, context: {cluster: c}}\n"),
        "it has the context desk 2 times",
        "keep one of them",
    ),
    "a user twice": (f"{PLAIN}- {{name: u, user: {{}}}}\n", "it has the user u 2 times", "keep one of them"),
    "no such cluster": (PLAIN.replace("- name: c\n", "- name: d\n"), "it has no cluster c", "kubectl config view"),
    "no such user": (PLAIN.replace("- name: u\n", "- name: v\n"), "it has no user u", "kubectl config view"),
    "no server": (config(cluster="proxy-url: null"), "server: Field required", "kubectl config view"),
    "a server without https": (config(cluster="server: 192.0.2.1:6443"), 'server: found "192.0.2.1:6443"', "get a new"),
    "an authority that is gone": (
        config(cluster=f"{SERVER}certificate-authority: gone.crt"),
        f"FILE cannot be used: certificate-authority: gone.crt: {GONE}",
        "get a new kubeconfig",
    ),
    "an authority in ~": (
        config(cluster=f"{SERVER}certificate-authority: ~/ca.crt"),
        f"certificate-authority: ~/ca.crt: {GONE}",
        "write the whole path",
    ),
    "a certificate in ~kim": (
        config("client-certificate: ~kim/kim.crt"),
        f"client-certificate: ~kim/kim.crt: {GONE}",
        "write the whole path",
    ),
    "an authority that is a folder": (
        config(cluster=f"{SERVER}certificate-authority: pki"),
        "pki: Is a directory",
        "get a new",
    ),
    "an authority that is not base64": (
        config(cluster=f"{SERVER}certificate-authority-data: 'ü%'"),
        "it is not base64",
        "get a new kubeconfig",
    ),
    "an authority that is none": (
        config(cluster=f"{SERVER}certificate-authority-data: eA=="),
        "a certificate or key of the kubeconfig cannot be used",
        "get a new",
    ),
    "an authority and no check": (
        config(cluster=f"{SERVER}certificate-authority-data: eA==\ninsecure-skip-tls-verify: true"),
        "of which kubectl takes only one",
        "take insecure-skip-tls-verify out",
    ),
    "a certificate without its key": (
        config("client-certificate-data: eA=="),
        "a certificate or key of the kubeconfig cannot",
        "get a new",
    ),
    "a file of a token that is gone": (config("tokenFile: gone"), "gone cannot be read", "get a new kubeconfig"),
    "a plugin that is not installed": (
        plugin("no-such-login"),
        "no-such-login for the login: no-such-login is not installed",
        "install it",
    ),
    "a plugin with a hint": (
        plugin("no-such-login", more=", installHint: brew install it"),
        "no-such-login is not installed",
        "brew install it",
    ),
    "a plugin in ~": (plugin("~/bin/login"), "for the login: ", "install it"),
    "a plugin of a version that is gone": (
        plugin("./login", "v1alpha1"),
        "exec.apiVersion: found client.authentication.k8s.io/v1alpha1",
        "update login",
    ),
    "a plugin that asks at the terminal": (
        plugin("./login", more=", interactiveMode: Always"),
        "which asks at the terminal",
        "another login",
    ),
    "a plugin without a command": (
        config("exec: {apiVersion: client.authentication.k8s.io/v1}"),
        "command: Field required",
        "kubectl config view",
    ),
    "a plugin that prints nothing": (plugin("'true'"), "printed no credentials", "log in again"),
    "a plugin that fails": (
        plugin("'false'"),
        "false, which the kubeconfig names for the login, failed",
        "log in again",
    ),
    "a login that kubectl has no more": (
        config("auth-provider: {name: gcp, config: {}}"),
        "auth-provider gcp is not supported",
        "log in again",
    ),
    "a proxy that is none": (
        config(cluster=f"{SERVER}proxy-url: ftp://proxy"),
        'the proxy "ftp://proxy" cannot be used',
        "set another proxy",
    ),
}


def written(folder: Path, content: str | bytes) -> Path:
    home = folder / "of kim, and 김"
    (home / "pki").mkdir(parents=True)
    (home / "bin").mkdir()
    for place in (home / "login", home / "bin" / "login", folder / "login"):
        place.write_text(PLUGIN)
        place.chmod(0o700)
    (home / "token").write_text("of-the-file\n")
    (home / "pki" / "ca.crt").write_text(Authority().certificate)
    file = home / "config"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def use(file: Path) -> Login:
    """Do all that is done before the API server is asked."""
    content = kubeconfig.read(str(file), "desk")
    found = kubeconfigs.parse(content)
    login = cluster_login.login(found.user, found.cluster)
    ClusterApi(content, credentials=login).close()
    return login


def test_there_are_more_than_forty_kubeconfigs() -> None:
    assert len(READ) + len(REFUSED) > 55


@pytest.mark.parametrize(("content", "authorization"), READ.values(), ids=READ)
def test_a_kubeconfig_is_read_as_kubectl_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes, authorization: str
) -> None:
    monkeypatch.chdir("/")

    assert dict(use(written(tmp_path, content)).headers).get("Authorization", "") == authorization


@pytest.mark.parametrize(("content", "message", "remedy"), REFUSED.values(), ids=REFUSED)
def test_a_kubeconfig_is_refused_with_what_is_wrong_and_what_to_do(
    tmp_path: Path, content: str | bytes, message: str, remedy: str
) -> None:
    file = written(tmp_path, content)

    with pytest.raises(LabError) as caught:
        use(file)

    assert message in caught.value.message.replace(str(file), "FILE")
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("file", ["~/.kube/config:~/.kube/other", "/etc/a:/etc/b"])
def test_several_files_are_refused_with_the_command_that_makes_one_of_them(file: str) -> None:
    with pytest.raises(LabError, match="allowed: one file") as caught:
        kubeconfig.read(file, "desk")

    assert "kubectl config view --flatten" in caught.value.remedy


@pytest.mark.parametrize("name", ["~nobody-of-this-name/config", "config", "~/no such folder/config", "/proc/1"])
def test_a_file_that_is_not_there_is_refused_with_its_setting(name: str) -> None:
    with pytest.raises(LabError, match=r"istio-lab:kubeconfig.file: found .*; there is no such file"):
        kubeconfig.read(name, "desk")

"""One context of a kubeconfig, made independent of every file."""

from __future__ import annotations

import base64
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.adapters import kubeconfigs
from lab.core.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
apiVersion: v1
kind: Config
current-context: desk
contexts:
- {name: desk, context: {cluster: other, user: other}}
- {name: seoul, context: {cluster: c, user: u, namespace: shop}}
- {name: nobody, context: {cluster: c}}
- {name: lost, context: {cluster: gone, user: u}}
- {name: stranger, context: {cluster: c, user: gone}}
clusters:
- {name: other, cluster: {server: "https://192.0.2.1"}}
- {name: c, cluster: {server: "https://192.0.2.7:6443", certificate-authority: pki/ca.crt, proxy-url: null}}
users:
- {name: other, user: {token: t}}
- name: u
  user:
    client-certificate: pki/kim.crt
    client-key: %s/pki/kim.key
    tokenFile: token
    exec: {command: bin/login, args: null, env: null, apiVersion: client.authentication.k8s.io/v1}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "pki").mkdir()
    for name in ("ca.crt", "kim.crt", "kim.key"):
        (tmp_path / "pki" / name).write_text(name)
    file = tmp_path / "config"
    file.write_text(CONFIG % tmp_path)
    return file


def flat(file: Path, context: str) -> dict[str, Any]:
    return dict(yaml.safe_load(kubeconfigs.flatten(file, context)))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_named_context_comes_alone_and_is_the_current_one(file: Path) -> None:
    found = flat(file, "seoul")

    assert found["current-context"] == "seoul"
    assert found["contexts"] == [{"name": "seoul", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}]
    assert [each["name"] for each in found["clusters"] + found["users"]] == ["c", "u"]


def test_files_beside_the_kubeconfig_and_elsewhere_are_taken_in(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    found = flat(file, "seoul")
    cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]

    assert cluster["certificate-authority-data"] == encoded("ca.crt")
    assert user["client-certificate-data"] == encoded("kim.crt")
    assert user["client-key-data"] == encoded("kim.key")
    assert not {"certificate-authority", "client-certificate", "client-key"} & {*cluster, *user}


def test_what_is_read_later_is_named_by_its_whole_path(file: Path) -> None:
    user = flat(file, "seoul")["users"][0]["user"]

    assert user["tokenFile"] == str(file.parent / "token")
    assert user["exec"]["command"] == str(file.parent / "bin" / "login")


def test_a_command_on_path_stays_one(file: Path) -> None:
    file.write_text(file.read_text().replace("bin/login", "kubelogin"))

    assert flat(file, "seoul")["users"][0]["user"]["exec"]["command"] == "kubelogin"


def test_data_counts_more_than_a_file(file: Path) -> None:
    file.write_text(file.read_text().replace("proxy-url: null", "certificate-authority-data: eA=="))

    assert flat(file, "seoul")["clusters"][0]["cluster"]["certificate-authority-data"] == "eA=="


def test_what_is_left_empty_is_as_good_as_absent(file: Path) -> None:
    found = kubeconfigs.parse(kubeconfigs.flatten(file, "seoul"))

    assert found.cluster.proxy_url == ""
    assert found.user.plugin
    assert (found.user.plugin.args, found.user.plugin.env) == ((), ())


def test_a_context_without_a_user_has_no_credentials(file: Path) -> None:
    assert kubeconfigs.parse(kubeconfigs.flatten(file, "nobody")).user == kubeconfigs.User()


@pytest.mark.parametrize(("context", "said"), [("lost", "no cluster gone"), ("stranger", "no user gone")])
def test_a_context_of_what_is_not_there_is_told(file: Path, context: str, said: str) -> None:
    with pytest.raises(LabError, match=f"it has {said}"):
        kubeconfigs.flatten(file, context)


def test_a_file_that_is_not_there_is_told_with_its_key(file: Path) -> None:
    (file.parent / "pki" / "kim.key").unlink()

    with pytest.raises(LabError, match=r"client-key: .*/pki/kim.key: No such file"):
        kubeconfigs.flatten(file, "seoul")


def test_the_same_text_comes_out_as_kubectl_makes(file: Path) -> None:
    """A stack of an earlier version of the lab has kubectl's text in its state, and another one would be a change."""
    file.write_text(
        textwrap.dedent("""\
        kind: Config
        apiVersion: v1
        preferences: {}
        users: [{user: {token: t}, name: u}]
        clusters: [{cluster: {server: "https://192.0.2.7", insecure-skip-tls-verify: true}, name: c}]
        contexts: [{context: {user: u, cluster: c}, name: seoul}]
        current-context: seoul
        """)
    )

    assert kubeconfigs.flatten(file, "seoul") == textwrap.dedent("""\
        apiVersion: v1
        clusters:
        - cluster:
            insecure-skip-tls-verify: true
            server: https://192.0.2.7
          name: c
        contexts:
        - context:
            cluster: c
            user: u
          name: seoul
        current-context: seoul
        kind: Config
        users:
        - name: u
          user:
            token: t
        """)

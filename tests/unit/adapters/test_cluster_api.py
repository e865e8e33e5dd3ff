"""The API server, asked with whatever kubeconfig people have."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from typing import TYPE_CHECKING, Any

import pytest

from lab.adapters.cluster_api import ClusterApi, ForbiddenError, UnreachableError
from lab.core import paths
from lab.core.errors import LabError
from tests.unit.pretended_api import Authority, PretendedApi, items, kubeconfig, serving, status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = {"gitVersion": "v1.36.3"}


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def plain() -> Iterator[PretendedApi]:
    with serving(PretendedApi({"/version": VERSION})) as api:
        yield api


@pytest.fixture
def secure(authority: Authority, tmp_path: Path) -> Iterator[PretendedApi]:
    with serving(PretendedApi({"/version": VERSION}), authority.server(tmp_path)) as api:
        yield api


def ask(content: str, path: str = "/version") -> dict[str, Any]:
    with ClusterApi(content, timeout=5) as api:
        return api.get(path)


def refused(content: str, path: str = "/version") -> LabError:
    with pytest.raises(LabError) as error:
        ask(content, path)
    assert "\n" not in error.value.message
    assert error.value.remedy
    return error.value


# --- credentials ---


def test_the_client_has_the_certificate_of_the_kubeconfig_and_leaves_no_file_of_it(
    secure: PretendedApi, authority: Authority
) -> None:
    kim = authority.sign("kim")
    user = {"client-certificate-data": kim.certificate_data, "client-key-data": kim.key_data}

    assert ask(secure.kubeconfig(user, **{"certificate-authority-data": authority.data})) == VERSION
    assert secure.asked[0].client == "kim"
    assert list(paths.temporary_dir().iterdir()) == []


def test_a_token_is_carried_by_every_request(plain: PretendedApi) -> None:
    ask(plain.kubeconfig({"token": "t0p"}))

    assert plain.asked[0].headers["Authorization"] == "Bearer t0p"


def test_a_token_in_a_file_counts_more(plain: PretendedApi, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("fresh\n")

    ask(plain.kubeconfig({"token": "stale", "tokenFile": str(tmp_path / "token")}))

    assert plain.asked[0].headers["Authorization"] == "Bearer fresh"
    assert "tokenFile /nowhere cannot be read" in refused(plain.kubeconfig({"tokenFile": "/nowhere"})).message


def test_a_user_name_and_a_password_are_carried_as_well(plain: PretendedApi) -> None:
    ask(plain.kubeconfig({"username": "kim", "password": "pw"}))

    assert plain.asked[0].headers["Authorization"] == "Basic a2ltOnB3"


def test_an_id_token_of_oidc_is_carried(plain: PretendedApi) -> None:
    ask(plain.kubeconfig({"auth-provider": {"name": "oidc", "config": {"id-token": "jwt"}}}))

    assert plain.asked[0].headers["Authorization"] == "Bearer jwt"
    assert "auth-provider gcp" in refused(plain.kubeconfig({"auth-provider": {"name": "gcp"}})).message


def test_impersonation_is_said_with_every_group(plain: PretendedApi) -> None:
    ask(plain.kubeconfig({"token": "t", "as": "anna", "as-groups": ["a", "b"]}))

    assert plain.asked[0].headers["Impersonate-User"] == "anna"
    assert plain.asked[0].headers.get_all("Impersonate-Group") == ["a", "b"]


PLUGIN = """#!/bin/sh
cat <<END
{{"kind": "ExecCredential", "status": {{"token": "$1-$WHO-$(echo "$KUBERNETES_EXEC_INFO" | grep -c '"{kind}"')"}}}}
END
"""


def plugin(command: object, **more: object) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(command), **more}}


def program(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o755)
    return file


def test_a_plugin_is_run_with_its_arguments_and_variables_and_told_what_is_asked(
    plain: PretendedApi, tmp_path: Path
) -> None:
    command = program(tmp_path / "login", PLUGIN.format(kind="ExecCredential"))

    ask(plain.kubeconfig(plugin(command, args=["aks"], env=[{"name": "WHO", "value": "kim"}])))

    assert plain.asked[0].headers["Authorization"] == "Bearer aks-kim-1"


def test_a_plugin_may_give_a_certificate(secure: PretendedApi, authority: Authority, tmp_path: Path) -> None:
    kim = authority.sign("kim by a plugin")
    given = {"status": {"clientCertificateData": kim.certificate, "clientKeyData": kim.key}}
    (tmp_path / "given").write_text(json.dumps(given))
    command = program(tmp_path / "login", f"#!/bin/sh\ncat {tmp_path}/given\n")

    ask(secure.kubeconfig(plugin(command), **{"certificate-authority-data": authority.data}))

    assert secure.asked[0].client == "kim by a plugin"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\necho 'run az login' >&2; exit 3\n", "failed: run az login"),
        ("#!/bin/sh\necho hello\n", "printed no credentials"),
        ("#!/bin/sh\necho '{\"status\": null}'\n", "printed no credentials"),
    ],
)
def test_a_plugin_that_fails_is_named_with_its_words(plain: PretendedApi, tmp_path: Path, text: str, said: str) -> None:
    message = refused(plain.kubeconfig(plugin(program(tmp_path / "login", text)))).message

    assert message.startswith("login, which the kubeconfig names for the login, ")
    assert said in message
    assert plain.asked == []


def test_a_plugin_that_is_missing_is_told_with_its_makers_hint(plain: PretendedApi) -> None:
    error = refused(plain.kubeconfig(plugin("no-such-login", installHint="brew install\nno-such-login")))

    assert "no-such-login is not installed" in error.message
    assert error.remedy == "brew install no-such-login"


# --- the server ---


def test_a_server_that_the_kubeconfig_does_not_trust_is_told_nothing(secure: PretendedApi) -> None:
    error = refused(secure.kubeconfig({"token": "t0p"}, **{"certificate-authority-data": Authority().data}))

    assert error.message.startswith(f"the certificate of {secure.url} is not one that the kubeconfig trusts: ")
    assert secure.asked == []


def test_a_server_is_trusted_blindly_where_the_kubeconfig_says_so(secure: PretendedApi) -> None:
    assert ask(secure.kubeconfig(**{"insecure-skip-tls-verify": True})) == VERSION


def test_a_server_may_have_another_name(authority: Authority, tmp_path: Path) -> None:
    with serving(PretendedApi({"/version": VERSION}), authority.server(tmp_path, "api.example.test")) as api:
        trusted = {"certificate-authority-data": authority.data}

        assert ask(api.kubeconfig(**trusted, **{"tls-server-name": "api.example.test"})) == VERSION
        assert "trusts: IP address mismatch" in refused(api.kubeconfig(**trusted)).message


def test_a_path_of_the_server_comes_before_every_other(plain: PretendedApi) -> None:
    plain.answers["/k8s/clusters/c-1/version"] = VERSION

    assert ask(kubeconfig({"server": f"{plain.url}/k8s/clusters/c-1"})) == VERSION


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_server_that_is_not_there_is_named_with_the_reason() -> None:
    url = f"https://127.0.0.1:{closed_port()}"

    error = refused(kubeconfig({"server": url}))

    assert error.message == f"the cluster at {url} does not answer: [Errno 111] Connection refused"
    assert "kubectl --context NAME get nodes" in error.remedy


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            pytest.raises(UnreachableError, match="does not answer in time"),
            ClusterApi(kubeconfig({"server": url}), timeout=0.1) as api,
        ):
            api.get("/version")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, status(401, "Unauthorized")), "refuses the credentials of the kubeconfig, which may have expired"),
        ((403, status(403, "nodes is forbidden")), "does not let this user do that: nodes is forbidden"),
        ((500, status(500, "etcd is full")), "answers GET /version with: etcd is full"),
        ((503, b"<html>"), "answers GET /version with: 503 Service Unavailable"),
        ((200, b"<html>a login page</html>"), "is no API server of Kubernetes"),
        ((302, b""), "is no API server of Kubernetes"),
        ((200, [1]), "is no API server of Kubernetes"),
    ],
)
def test_a_refusal_is_told_in_one_line(plain: PretendedApi, answer: object, said: str) -> None:
    plain.answers["/version"] = answer

    assert said in refused(plain.kubeconfig()).message


def test_who_may_not_is_told_from_who_is_not_known(plain: PretendedApi) -> None:
    plain.answers["/version"] = (403, status(403, "no"))

    with pytest.raises(ForbiddenError):
        ask(plain.kubeconfig())


# --- proxies ---


class _Tunnel(socketserver.StreamRequestHandler):
    """A proxy that opens the tunnel it is asked for, and remembers where to."""

    asked: list[str]

    def handle(self) -> None:
        target = self.rfile.readline().split()[1].decode()
        self.asked.append(target)
        while self.rfile.readline().strip():
            pass
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port))) as other:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_copy, args=(other, self.connection), daemon=True)
            back.start()
            _copy(self.connection, other)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("Tunnel", (_Tunnel,), {"asked": asked})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def test_the_proxy_of_the_kubeconfig_is_gone_through_even_with_another_name_of_the_server(
    authority: Authority, tmp_path: Path, proxy: tuple[str, list[str]]
) -> None:
    address, asked = proxy
    with serving(PretendedApi({"/version": VERSION}), authority.server(tmp_path, "api.example.test")) as api:
        cluster = {"certificate-authority-data": authority.data, "tls-server-name": "api.example.test"}

        assert ask(api.kubeconfig(**cluster, **{"proxy-url": address})) == VERSION
        assert asked == [api.url.removeprefix("https://")]


def test_the_proxy_of_the_environment_is_not_for_this_machine(
    plain: PretendedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")

    assert ask(plain.kubeconfig()) == VERSION


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_is_not_there_is_a_cluster_that_does_not_answer(plain: PretendedApi, scheme: str) -> None:
    error = refused(plain.kubeconfig(**{"proxy-url": f"{scheme}://127.0.0.1:{closed_port()}"}))

    assert "does not answer: [Errno 111] Connection refused" in error.message


def test_a_proxy_that_is_none_is_told_without_its_password(plain: PretendedApi) -> None:
    error = refused(plain.kubeconfig(**{"proxy-url": "gopher://kim:pw@proxy.example.test"}))

    assert 'the proxy "proxy.example.test" cannot be used' in error.message
    assert "pw" not in str(error)


# --- questions ---


def test_an_object_that_is_not_there_is_none_and_its_deletion_is_done(plain: PretendedApi) -> None:
    plain.answers["/api/v1/namespaces/shop"] = {"metadata": {"name": "shop"}}

    with ClusterApi(plain.kubeconfig()) as api:
        assert api.find("/api/v1/namespaces/shop") == {"metadata": {"name": "shop"}}
        api.delete("/api/v1/namespaces/shop")
        api.delete("/api/v1/namespaces/shop")
        assert api.find("/api/v1/namespaces/shop") is None


def test_a_list_may_be_asked_for_its_metadata_alone(plain: PretendedApi) -> None:
    plain.answers["/api/v1/configmaps"] = items({"metadata": {"name": "a"}})

    with ClusterApi(plain.kubeconfig()) as api:
        found = api.items("/api/v1/configmaps", metadata=True, labelSelector="a=b")

    assert found == [{"metadata": {"name": "a"}}]
    assert plain.asked[0].query == "labelSelector=a%3Db"
    assert "PartialObjectMetadataList" in plain.asked[0].headers["Accept"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "malformed"),
        ("a: [", "malformed"),
        ("[1]", "malformed"),
        ("current-context: desk\n", "it has no context desk"),
        (kubeconfig({}), "server: Field required"),
        (kubeconfig({"server": "api.example.test"}), 'server: found "api.example.test"'),
        (kubeconfig({"server": "https://h", "certificate-authority": "/nowhere"}), "certificate-authority: /nowhere"),
        (kubeconfig({"server": "https://h", "certificate-authority-data": "%"}), "certificate or key"),
        (kubeconfig({"server": "https://h", "certificate-authority-data": "YQ=="}), "certificate or key"),
        (kubeconfig({"server": "https://h"}, {"exec": {"args": []}}), "exec.command: Field required"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_told_in_one_line(content: str, said: str) -> None:
    assert said in refused(content).message

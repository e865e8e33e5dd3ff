"""What a student is handed: credentials that are nobody else's, a page, and files that others cannot read."""

from __future__ import annotations

import base64
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.adapters.stack import Stack
from lab.core.errors import LabError
from lab.services.classes import handout
from lab.services.classes.handout import Given
from lab.services.classes.roster import Roster
from tests.unit.pretended_kubectl import PretendedKubectl

if TYPE_CHECKING:
    from pathlib import Path

STUDENTS = [{"id": "anna-k", "name": "Anna Kim"}, {"id": "bo"}]
AUTHORITY = "QVVUSE9SSVRZ"
SECRETS = ("QURNSU4tQ0VSVA", "QURNSU4tS0VZ", "admins-token", "admins-password", "/home/admin/ca.crt", "admin-exec")
"""Of whoever made the cluster."""
ADMIN = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [
        {
            "name": "admins",
            "cluster": {
                "server": "https://127.0.0.1:6443",
                "certificate-authority-data": AUTHORITY,
                "certificate-authority": "/home/admin/ca.crt",
                "proxy-url": "http://admin:admins-password@proxy",
                "extensions": [{"name": "x", "extension": "admins-token"}],
            },
        }
    ],
    "users": [
        {
            "name": "admins",
            "user": {
                "client-certificate-data": "QURNSU4tQ0VSVA",
                "client-key-data": "QURNSU4tS0VZ",
                "token": "admins-token",
                "password": "admins-password",
                "exec": {"command": "admin-exec"},
            },
        }
    ],
    "contexts": [{"name": "admins", "context": {"cluster": "admins", "user": "admins"}}],
    "current-context": "admins",
}
OWN = "its own token"
OUTPUTS = {
    "bookinfoUrl": "http://anna-k.lab.internal/productpage",
    "ingress": "127.0.0.1:8080",
    "namespaces": "anna-k-default",
}


def roster(**more: object) -> Roster:
    return Roster.model_validate({"class": "ws26", "students": STUDENTS, **more}, by_alias=True)


def secret(**values: str) -> dict[str, Any]:
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}}


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedKubectl:
    """A cluster that the class shares, and its kubectl."""
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Stack, "outputs", lambda _stack: dict(OUTPUTS))
    platform = Stack("ws26-platform")
    platform.directory.mkdir(parents=True)
    platform.kubeconfig.write_text(yaml.safe_dump(ADMIN), encoding="utf-8")
    pretended = PretendedKubectl(tmp_path / "kubectl")
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: pretended.file)
    pretended.answers("create token student --namespace=anna-k-default", "token-of-anna\n")
    pretended.answers("create token student --namespace=bo-default", "token-of-bo\n")
    pretended.answers("get secret config-dev --namespace=anna-k-shop", secret(MYSQL_PASSWORD="of-anna's"))  # noqa: S106
    pretended.answers("get secret config-dev --namespace=bo-shop", 'secrets "config-dev" not found', code=1)
    return pretended


def written(roster: Roster, folder: Path) -> int:
    """Hand out to everybody, and return how many folders were written."""
    return handout.write(roster, roster.students, folder, hours=24)


def modes(folder: Path) -> set[tuple[bool, str]]:
    """Whether each is a folder, and its mode."""
    return {(each.is_dir(), f"{stat.S_IMODE(each.stat().st_mode):o}") for each in (folder, *folder.rglob("*"))}


# --- credentials ---


def test_a_students_kubeconfig_has_the_clusters_address_and_the_students_token_alone() -> None:
    cluster = ADMIN["clusters"][0]["cluster"]  # type: ignore[index]
    found = yaml.safe_load(handout.compose(cluster, student="anna-k", namespace="anna-k-default", token=OWN))

    assert found["clusters"] == [
        {"name": "lab", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": AUTHORITY}}
    ]
    assert found["users"] == [{"name": "anna-k", "user": {"token": OWN}}]
    assert found["contexts"] == [
        {"name": "lab", "context": {"cluster": "lab", "user": "anna-k", "namespace": "anna-k-default"}}
    ]
    assert found["current-context"] == "lab"


def test_a_cluster_without_an_authority_of_its_own_gets_none() -> None:
    found = yaml.safe_load(handout.compose({"server": "https://x"}, student="a", namespace="a-default", token=OWN))

    assert found["clusters"][0]["cluster"] == {"server": "https://x"}


def test_a_cluster_is_trusted_by_a_student_as_by_whoever_made_it_and_no_proxys_password_is_told() -> None:
    reached = {"server": "https://10.0.0.1", "tls-server-name": "lab.example.org", "insecure-skip-tls-verify": True}
    cluster = {**reached, "proxy-url": "http://kim:secret@proxy", "extensions": []}
    found = yaml.safe_load(handout.compose(cluster, student="a", namespace="a-default", token=OWN))

    assert found["clusters"][0]["cluster"] == reached


@pytest.mark.parametrize("token", ["yes", "1e3", "a: b", "'", "{x}"])
def test_a_token_is_text_whatever_it_looks_like(token: str) -> None:
    found = yaml.safe_load(handout.compose({}, student="a", namespace="a-default", token=token))

    assert found["users"][0]["user"]["token"] == token


def test_nothing_of_the_administrator_is_in_what_a_student_gets(kubectl: PretendedKubectl) -> None:
    chosen = roster()
    found = handout.kubeconfig(chosen, chosen.find("anna-k"), hours=5)

    assert [secret for secret in SECRETS if secret in found] == []
    assert "token-of-anna\n" in found
    assert AUTHORITY in found
    assert "--duration=5h" in kubectl.calls[-1]


def test_a_lab_that_does_not_stand_is_said_to_be_made(kubectl: PretendedKubectl) -> None:
    Stack("ws26-platform").kubeconfig.unlink()
    chosen = roster()
    with pytest.raises(LabError, match="the lab of bo does not stand") as error:
        handout.kubeconfig(chosen, chosen.find("bo"), hours=5)

    assert error.value.remedy == "lab class up --only bo"
    assert kubectl.calls == []


# --- the page ---

GIVEN = Given(
    namespaces={"default": "anna-k-default", "tutorial": "anna-k-tutorial", "shop": "anna-k-shop"},
    addresses={"bookinfoUrl": "http://x/productpage"},
    passwords={"the shop's MySQL, MYSQL_PASSWORD": "secret"},
    hours=168,
)


def test_the_page_names_the_students_own_namespaces_and_nobody_else() -> None:
    chosen = roster(expires="2026-12-24")
    page = handout.first_steps(chosen, chosen.students[0], GIVEN)

    assert page.startswith("# The Istio lab of Anna Kim, class ws26\n")
    assert "good for 168 hours" in page
    assert "kubectl get pods,services -n anna-k-shop\n" in page
    assert "- `-n tutorial`: `-n anna-k-tutorial`\n" in page
    assert "- bookinfoUrl: http://x/productpage\n" in page
    assert "- the shop's MySQL, MYSQL_PASSWORD: `secret`\n" in page
    assert "may be taken away after 2026-12-24." in page
    assert "bo" not in page.replace("bookinfo", "").split()
    assert "bo-" not in page


def test_a_student_without_a_name_is_called_by_the_id_and_a_class_without_an_end_says_none() -> None:
    chosen = roster()
    page = handout.first_steps(chosen, chosen.students[1], GIVEN)

    assert page.startswith("# The Istio lab of bo, class ws26\n")
    assert "taken away" not in page


# --- folders ---


def test_every_student_has_a_folder_of_their_own(kubectl: PretendedKubectl, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "handouts"
    count = written(roster(), folder)
    anna, bo = ((folder / each / "README.md").read_text(encoding="utf-8") for each in ("anna-k", "bo"))

    assert count == 2
    assert sorted(each.name for each in folder.iterdir()) == [".gitignore", "anna-k", "bo"]
    assert "`of-anna's`" in anna
    assert "of-anna's" not in bo
    assert "`curl -H 'Host: anna-k.lab.internal' http://127.0.0.1:8080/productpage`" in anna
    assert "token-of-bo" in (folder / "bo" / "kubeconfig").read_text(encoding="utf-8")
    assert "grafana" not in json.dumps(kubectl.calls), "it is the class', and so is its password"


def test_nobody_else_can_read_any_of_it(kubectl: PretendedKubectl, tmp_path: Path) -> None:
    folder = tmp_path / "handouts"
    (folder / "bo").mkdir(parents=True, mode=0o755)
    (folder / "bo" / "kubeconfig").touch(mode=0o644)
    folder.chmod(0o755)
    written(roster(), folder)

    assert kubectl.calls
    assert modes(folder / "anna-k") == modes(folder / "bo") == {(True, "700"), (False, "600")}
    assert modes(folder) == {(True, "755"), (True, "700"), (False, "600")}, "a folder that was there stays open"


def test_a_folder_that_is_made_is_closed(kubectl: PretendedKubectl, tmp_path: Path) -> None:
    written(roster(), tmp_path / "handouts")

    assert kubectl.calls
    assert modes(tmp_path / "handouts") == {(True, "700"), (False, "600")}


def test_git_leaves_it_alone(kubectl: PretendedKubectl, tmp_path: Path) -> None:
    for _ in range(2):
        written(roster(), tmp_path / "handouts")

    assert kubectl.calls
    assert (tmp_path / "handouts" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_folder_that_is_for_something_else_is_left_as_it_is(kubectl: PretendedKubectl, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text(".lab/\n", encoding="utf-8")
    with pytest.raises(LabError, match=r"has a \.gitignore of its own") as error:
        written(roster(), tmp_path)

    assert "--output handouts" in error.value.remedy
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == ".lab/\n"
    assert kubectl.calls == []


def test_one_that_cannot_be_written_does_not_keep_the_others(kubectl: PretendedKubectl, tmp_path: Path) -> None:
    kubectl.answers("create token student --namespace=anna-k-default", "error: not found", code=1)
    folder = tmp_path / "[red]"
    with pytest.raises(LabError, match=r"1 could not be written:\n  anna-k: kubectl create token") as error:
        written(roster(), folder)

    assert error.value.remedy == "lab class status"
    assert error.value.message.startswith(f"1 folders are in {folder}; ")
    assert (folder / "bo" / "kubeconfig").is_file()
    assert not (folder / "anna-k").exists()


def test_who_has_a_cluster_gets_its_grafana_too(
    kubectl: PretendedKubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "outputs", lambda _stack: {"bookinfoUrl": "http://1.2.3.4/productpage", "grafana": "-"})
    kubectl.answers("create token student --namespace=default", "token")
    kubectl.answers("get secret config-dev --namespace=shop", secret(MYSQL_PASSWORD="x"))  # noqa: S106
    kubectl.answers(
        "get secret grafana --namespace=istio-system", secret(**{"admin-user": "admin", "admin-password": "g"})
    )
    chosen = roster(tenancy="cluster")
    for each in chosen.students:
        stack = Stack(each.stack)
        stack.directory.mkdir(parents=True)
        stack.kubeconfig.write_text(yaml.safe_dump(ADMIN), encoding="utf-8")
    written(chosen, tmp_path / "handouts")
    page = (tmp_path / "handouts" / "bo" / "README.md").read_text(encoding="utf-8")

    assert "- Grafana, user admin: `g`\n" in page
    assert "- bookinfoUrl: http://1.2.3.4/productpage\n" in page
    assert "- `-n shop`: `-n shop`\n" in page

"""Handouts for students: credentials for their own namespaces, addresses, passwords, first steps."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from lab.adapters import files, kubectl
from lab.adapters.stack import Stack
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.settings import students as names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.services.classes.roster import Roster, Student

_NOT_IN_GIT = "*\n"

_HOW_TO_REACH_IT = ("server", "certificate-authority-data", "tls-server-name", "insecure-skip-tls-verify")
"""Of a cluster in a student's kubeconfig; a proxy's address may contain the administrator's password."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """The place of a student's work.

    Attributes:
        stack: whose outputs say where things are.
        platform: whose cluster it is.
        namespaces: the student's, by what the notes call them.
    """

    stack: Stack
    platform: Stack
    namespaces: dict[str, str]

    @property
    def home(self) -> str:
        """The namespace of the student's account."""
        return self.namespaces[names.COURSE[0]]


@dataclass(frozen=True, kw_only=True)
class Given:
    """The content of a student's page.

    Attributes:
        namespaces: the student's, by what the notes call them.
        addresses: by what they are of.
        passwords: secrets, by what they open.
        hours: how long the credentials are good for.
    """

    namespaces: dict[str, str]
    addresses: dict[str, str]
    passwords: dict[str, str]
    hours: int


def share(roster: Roster, student: Student) -> Share:
    """Return where a student of a class works."""
    own = {each: names.namespace(student.id, each) if roster.shared else each for each in names.COURSE}
    stack = Stack(student.stack)
    return Share(stack=stack, platform=Stack(roster.platform_stack) if roster.shared else stack, namespaces=own)


def kubeconfig(roster: Roster, student: Student, *, hours: int) -> str:
    """Credentials that can do what the lessons need in the student's namespaces, and nothing else.

    Args:
        roster: the class.
        student: a row of it.
        hours: how long they are good for; the cluster may grant less.

    Raises:
        LabError: the student's lab does not stand.
    """
    where = share(roster, student)
    admin = where.platform.kubeconfig
    if not admin.is_file():
        raise LabError(f"the lab of {student.id} does not stand", f"lab class up --only {student.id}")
    token = kubectl.run(
        admin, "create", "token", names.ACCOUNT, f"--namespace={where.home}", f"--duration={hours}h"
    ).strip()
    given = yaml.safe_load(admin.read_text(encoding="utf-8"))
    return compose(given["clusters"][0]["cluster"], student=student.id, namespace=where.home, token=token)


def compose(cluster: dict[str, object], *, student: str, namespace: str, token: str) -> str:
    """A kubeconfig of one context: the cluster's address and authority, and a token instead of whoever made it.

    Args:
        cluster: the part of another kubeconfig that says where the cluster is.
        student: id.
        namespace: where kubectl works unless told otherwise.
        token: a secret.
    """
    kept = {key: cluster[key] for key in _HOW_TO_REACH_IT if key in cluster}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": kept}],
            "users": [{"name": student, "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": student, "namespace": namespace}}],
            "current-context": "lab",
        },
        sort_keys=False,
    )


def write(roster: Roster, students: Sequence[Student], folder: Path, *, hours: int) -> int:
    """Write a folder for each student.

    Args:
        roster: the class.
        students: rows of it.
        folder: for the folders; git leaves it alone.
        hours: how long the credentials are good for.

    Returns:
        How many were written.

    Raises:
        LabError: the folder is for something else, or some could not be written; the others are there.
    """
    _hide(folder)
    failed: dict[str, str] = {}
    with Progress() as progress:
        for student in students:
            try:
                with progress.step(f"writing the folder of {student.id}"):
                    _write(roster, student, folder / student.id, hours=hours)
            except LabError as error:
                failed[student.id] = error.message
    if failed:
        lines = "\n".join(f"  {student}: {why}" for student, why in failed.items())
        written = len(students) - len(failed)
        raise LabError(
            f"{written} folders are in {folder}; {len(failed)} could not be written:\n{lines}", "lab class status"
        )
    return len(students)


def _hide(folder: Path) -> None:
    """Make the folder, and have git leave all of it alone; one that git minds already, such as the project, stays."""
    if not folder.exists():
        files.folder(folder)
    rules = folder / ".gitignore"
    if rules.is_file() and rules.read_text(encoding="utf-8") != _NOT_IN_GIT:
        raise LabError(
            f"{folder} has a .gitignore of its own, and what is handed out must not get into git",
            "name a folder for nothing else: lab class handout --output handouts",
        )
    files.write(rules, _NOT_IN_GIT)


def _write(roster: Roster, student: Student, folder: Path, *, hours: int) -> None:
    credentials = kubeconfig(roster, student, hours=hours)
    where = share(roster, student)
    files.folder(folder)
    files.write(folder / "kubeconfig", credentials)
    given = Given(namespaces=where.namespaces, addresses=_addresses(where), passwords=_passwords(where), hours=hours)
    files.write(folder / "README.md", first_steps(roster, student, given))


def first_steps(roster: Roster, student: Student, given: Given) -> str:
    """The page that a student begins with.

    Args:
        roster: the class.
        student: a row of it.
        given: what is particular to the student.
    """
    namespaces, shop = given.namespaces, given.namespaces["shop"]
    lines = [
        f"# The Istio lab of {student.name or student.id}, class {roster.classroom}",
        "",
        f"The file `kubeconfig` beside this page is yours alone, and good for {given.hours} hours. Give it to nobody.",
        "",
        "## First steps",
        "",
        "```sh",
        'export KUBECONFIG="$PWD/kubeconfig"',
        "kubectl get pods",
        f"kubectl get pods,services -n {shop}",
        f"kubectl get virtualservices,destinationrules -n {namespaces['tutorial']}",
        f"kubectl logs -n {shop} deployment/order -c order",
        "```",
        "",
        "## Where the notes say, you say",
        "",
        *(f"- `-n {course}`: `-n {own}`" for course, own in namespaces.items()),
        "",
        "## Addresses",
        "",
        *(f"- {name}: {value}" for name, value in given.addresses.items()),
        "",
        "## Passwords",
        "",
        *(f"- {name}: `{value}`" for name, value in given.passwords.items()),
        "",
    ]
    if roster.expires:
        lines += [f"Everything here may be taken away after {roster.expires}.", ""]
    return "\n".join(lines)


def _addresses(where: Share) -> dict[str, str]:
    outputs = where.stack.outputs()
    found = {name: value for name, value in outputs.items() if value.startswith("http")}
    if host := outputs.get("ingress"):
        own = found["bookinfoUrl"].removeprefix("http://").removesuffix("/productpage")
        found["bookinfoUrl"] = f"`curl -H 'Host: {own}' http://{host}/productpage`"
    return found


def _passwords(where: Share) -> dict[str, str]:
    """Read the password of the student's database, and Grafana's if the student has a whole cluster."""
    shop = where.namespaces["shop"]
    found = {f"the shop's MySQL, {name}": value for name, value in _secret(where, shop, "config-dev").items()}
    if where.platform is where.stack and (grafana := _secret(where, "istio-system", "grafana")):
        found[f"Grafana, user {grafana['admin-user']}"] = grafana["admin-password"]
    return found


def _secret(where: Share, namespace: str, name: str) -> dict[str, str]:
    """The values of a Secret; none where it is not there, since the settings say what is."""
    try:
        text = kubectl.run(where.platform.kubeconfig, "get", "secret", name, f"--namespace={namespace}", "-o", "json")
    except LabError:
        return {}
    return {key: base64.b64decode(value).decode() for key, value in json.loads(text)["data"].items()}

"""A class as `Stack` resources of the Pulumi Kubernetes Operator: one for each stack, with its configuration."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import yaml

from lab.core.errors import LabError
from lab.core.tags import PROJECT
from lab.services.classes.export import preconditions
from lab.services.classes.plan import CANARY, REST
from lab.settings import Target, students

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lab.services.classes.plan import Action, Plan

API_VERSION = "pulumi.com/v1"
"""Of `Stack`, in version 2 of the operator too; its own inner kinds are of auto.pulumi.com/v1alpha1."""

LONGEST_NAME = 42
"""Characters of a Stack's name that the operator's definition allows; `names` keeps to 29."""

MARK = "# Made by `lab class export --to operator`: make it again when students come or go."
"""First line of every written file: only a file that begins with it is overwritten."""

EXPIRES = "istio-lab/expires"
"""Annotation: the day when everything of a class may be taken away."""

PASSPHRASE_KEY = "passphrase"  # noqa: S105 - a name inside a Secret
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

_WITHIN = "24h"
"""How long ago the shared cluster may have been updated. Later, the operator updates it before the next student."""

_PATIENCE_SECONDS = 900
"""Between two looks at the branch, for each stack: 300 stacks then ask the git host once in three seconds."""

_LONGEST_WAIT_SECONDS = 3600
"""Between two tries of a stack that fails; the operator would wait up to a day."""

_RESOURCES = {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
"""Of a workspace: engine, provider and program took 375 MB for a student's share. Pods that do not fit wait."""


@dataclass(frozen=True, kw_only=True)
class OperatorOptions:
    """What the operator has to know beside the class.

    Attributes:
        repository: address of the git repository that has this project.
        ref: a branch, which is followed, or a commit's 40 digits, which stays.
        backend: where Pulumi's state is.
        image: of the workspaces: Pulumi's own with the lab's charts and plugins in it.
        namespace: of the Stacks, and of the Secrets that they name.
        service_account: as whom the workspaces run.
        secrets_provider: what encrypts secrets in the state; empty for a passphrase, or for Pulumi's service.
        passphrase: name of the Secret with the passphrase under `passphrase`; empty without one.
        credentials: names of Secrets of which every key becomes an environment variable: logins to the cloud, to the
            state and to the git host.
        workload_identity: let Azure believe the service account.
        kubeconfig: name of the Secret with the file that `kubeconfig.file` names, for that target alone.
        organization: of the stacks' full names; the file backends know this one only.
    """

    repository: str
    ref: str
    backend: str
    image: str
    namespace: str = "pulumi-kubernetes-operator"
    service_account: str = "istio-lab"
    secrets_provider: str = ""
    passphrase: str = ""
    credentials: tuple[str, ...] = ()
    workload_identity: bool = False
    kubeconfig: str = ""
    organization: str = "organization"


@dataclass(frozen=True, kw_only=True)
class StackResource:
    """One `Stack`.

    Attributes:
        name: of the object, which is the stack's.
        student: id; empty for the shared cluster.
        text: the object as YAML.
    """

    name: str
    student: str
    text: str


def stacks(plan: Plan, options: OperatorOptions) -> tuple[StackResource, ...]:
    """A Stack for each stack of a class: the shared cluster first, then the student who finds out for all.

    Args:
        plan: of the whole class, nothing of which stands yet.
        options: what the operator has to know.

    Raises:
        LabError: something of the class or of the options cannot work in the operator's Pods.
    """
    target = preconditions.target(plan)
    _require(options, target)
    shared = preconditions.cluster(plan)
    if shared and target is Target.AZURE:
        _require_no_login_of_a_person("platform", shared)
    elif target is Target.AZURE:
        for action in plan.actions:
            _require_no_login_of_a_person("settings", action)
    canary = next((action for action in plan.actions if action.wave == CANARY), None)
    return tuple(_resource(plan, action, _before(action, shared, canary), options) for action in plan.actions)


def files(resources: Iterable[StackResource]) -> Mapping[str, str]:
    """The Stacks as files for `kubectl apply`, by their names: a shared cluster's, and the students'.

    Two files, because `kubectl delete` must take the students' first.
    """
    found = tuple(resources)
    parts = {
        "platform.yaml": [each.text for each in found if not each.student],
        "students.yaml": [each.text for each in found if each.student],
    }
    return {name: "---\n".join([f"{MARK}\n{texts[0]}", *texts[1:]]) for name, texts in parts.items() if texts}


def write(resources: Iterable[StackResource], folder: Path) -> list[Path]:
    """Write the Stacks into a folder and return the files.

    Raises:
        LabError: there is another file in the way.
    """
    written = {folder / name: text for name, text in files(resources).items()}
    foreign = [folder] if folder.is_file() else [file for file in written if file.exists() and not _own(file)]
    if foreign:
        raise LabError(f"{foreign[0]} is there and was not made by lab class export", "name another place: --output")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in written.items():
        file.write_text(text, encoding="utf-8")
    return list(written)


def _own(file: Path) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8").startswith(MARK)


def _before(action: Action, shared: Action | None, canary: Action | None) -> list[Mapping[str, object]]:
    """What must have succeeded: the cluster, and for the most the first student."""
    before: list[Mapping[str, object]] = []
    if shared and action.student:
        before.append({"name": shared.stack, "requirement": {"succeededWithinDuration": _WITHIN}})
    if canary and action.wave == REST:
        before.append({"name": canary.stack})
    return before


def _resource(
    plan: Plan, action: Action, before: list[Mapping[str, object]], options: OperatorOptions
) -> StackResource:
    labels = {
        students.CLASS_LABEL: plan.classroom,
        **({students.STUDENT_LABEL: action.student} if action.student else {}),
    }
    expires = str(action.config.get("expires", ""))
    document: dict[str, object] = {
        "apiVersion": API_VERSION,
        "kind": "Stack",
        "metadata": {
            "name": action.stack,
            "namespace": options.namespace,
            "labels": labels,
            **({"annotations": {EXPIRES: expires}} if expires else {}),
        },
        "spec": {
            "stack": f"{options.organization}/{PROJECT}/{action.stack}",
            "projectRepo": options.repository,
            **({"commit": options.ref} if _COMMIT.fullmatch(options.ref) else {"branch": options.ref, "shallow": True}),
            "backend": options.backend,
            **({"secretsProvider": options.secrets_provider} if options.secrets_provider else {}),
            **({"envRefs": _environment(options)} if options.passphrase else {}),
            "serviceAccountName": options.service_account,
            **({"prerequisites": before} if before else {}),
            # Deleting the object takes away what it made; else a class would stay, and cost, unseen.
            "destroyOnFinalize": True,
            # It would ask the cluster for every object at every update.
            "refresh": False,
            "resyncFrequencySeconds": _PATIENCE_SECONDS,
            "retryMaxBackoffDurationSeconds": _LONGEST_WAIT_SECONDS,
            "retryOnUpdateConflict": True,
            # Without it every student's Pod stays, with all its memory, when its work is done.
            "workspaceReclaimPolicy": "Delete",
            "workspaceTemplate": {"spec": _workspace(action, options)},
            "config": {f"{PROJECT}:{key}": value for key, value in _plain(action).items()},
        },
    }
    return StackResource(
        name=action.stack,
        student=action.student,
        text=yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120),
    )


def _environment(options: OperatorOptions) -> Mapping[str, object]:
    secret = {"name": options.passphrase, "key": PASSPHRASE_KEY}
    return {"PULUMI_CONFIG_PASSPHRASE": {"type": "Secret", "secret": secret}}


def _workspace(action: Action, options: OperatorOptions) -> Mapping[str, object]:
    """The Pod that works on a stack: its image, its room, its logins."""
    labels = {"azure.workload.identity/use": "true"} if options.workload_identity else {}
    file = _file_of_kubeconfig(action)
    template = {
        **({"metadata": {"labels": labels}} if labels else {}),
        **({"spec": _mounted(options.kubeconfig, file)} if file else {}),
    }
    return {
        "image": options.image,
        "securityProfile": "restricted",
        "resources": _RESOURCES,
        **({"envFrom": [{"secretRef": {"name": name}} for name in options.credentials]} if options.credentials else {}),
        **({"podTemplate": template} if template else {}),
    }


def _mounted(secret: str, file: PurePosixPath) -> Mapping[str, object]:
    """A kubeconfig where the class file says that it is."""
    mount = {"name": "kubeconfig", "mountPath": str(file.parent), "readOnly": True}
    # The operator's own container has this name; what is said of it here is added to it.
    return {
        "containers": [{"name": "pulumi", "volumeMounts": [mount]}],
        "volumes": [
            {
                "name": "kubeconfig",
                "secret": {"secretName": secret, "items": [{"key": "kubeconfig", "path": file.name}]},
            }
        ],
    }


def _file_of_kubeconfig(action: Action) -> PurePosixPath | None:
    """Where the stack of an existing cluster looks for its credentials; only a stack that needs them gets them."""
    if action.config.get("target") != Target.KUBECONFIG:
        return None
    file = str(action.config.get("kubeconfig", {}).get("file", ""))
    place = PurePosixPath(file)
    if not place.is_absolute() or place.parent == PurePosixPath("/"):
        raise LabError(
            f"kubeconfig.file: found {file!r} for stack {action.stack}; the operator puts the file there, so it must "
            "be a path from the root, in a folder of its own",
            "write for example: file: /etc/istio-lab/kubeconfig",
        )
    return place


def _plain(action: Action) -> Mapping[str, object]:
    """A configuration of nothing but what JSON has, in the order of the class file."""
    found: dict[str, object] = json.loads(json.dumps(action.config, default=str))
    return found


def _require(options: OperatorOptions, target: Target) -> None:
    preconditions.require_shared_backend(options.backend)
    preconditions.require_address_without_password(options.repository)
    if not options.repository or not options.ref:
        raise LabError(
            "--repository and --ref say where the operator finds this project, and one of them is empty",
            "give for example --repository https://github.com/OWNER/REPOSITORY --ref main",
        )
    if not options.image:
        raise LabError(
            "--image is not given: Pulumi's own image has none of the lab's charts in it",
            "build one as docs/scale.md says, and name it: --image REGISTRY/istio-lab-workspace:TAG",
        )
    for option, name in (
        ("--namespace", options.namespace),
        ("--service-account", options.service_account),
        ("--passphrase", options.passphrase),
        ("--kubeconfig", options.kubeconfig),
        *(("--credentials", name) for name in options.credentials),
    ):
        # Whoever pastes a password there would find it in the file.
        if name and not _NAME.fullmatch(name):
            raise LabError(f"{option}: found what is no name of an object of Kubernetes", "give the name of the object")
    if bool(options.passphrase) == bool(options.secrets_provider) and not options.backend.startswith("https://"):
        raise LabError(
            "secrets in the state need one of --secrets-provider and --passphrase",
            "give for example --secrets-provider azurekeyvault://VAULT.vault.azure.net/keys/pulumi",
        )
    if options.secrets_provider and not preconditions.has_key_service(options.secrets_provider):
        raise LabError(
            f"--secrets-provider: found {options.secrets_provider!r}; "
            f"allowed: {', '.join(f'{each}://...' for each in preconditions.KEY_SERVICES)}",
            "for a passphrase, name the Secret that has it: --passphrase SECRET",
        )
    if target is Target.KUBECONFIG and not options.kubeconfig:
        raise LabError(
            "the target is kubeconfig, and no Pod of the operator has your file",
            "put it into a Secret under the key kubeconfig, and name that: --kubeconfig SECRET",
        )


def _require_no_login_of_a_person(place: str, action: Action) -> None:
    """Refuse a cluster that is entered with the login of the Azure CLI: a workspace has none."""
    if action.config.get("azure", {}).get("entra", True) not in (False, "false"):
        raise LabError(
            f"{place}.azure.entra: found true for stack {action.stack}; the lab then enters the cluster with a login "
            "of the Azure CLI, and no Pod of the operator has one",
            f"set {place}.azure.entra to false before the cluster is made, or stay on one machine: lab class up",
        )

"""What a student may do: what the lessons need, and nothing that reaches beyond the student's namespaces."""

from __future__ import annotations

import re

import pytest

from components.students import rights
from components.students.rights import RIGHTS
from lab.services.lessons import lessons

READ = {"get", "list", "watch"}
WRITE = {"create", "update", "patch", "delete", "deletecollection"}

CLUSTER_SCOPED = {
    "nodes",
    "persistentvolumes",
    "storageclasses",
    "priorityclasses",
    "ingressclasses",
    "runtimeclasses",
    "csidrivers",
    "clusterroles",
    "clusterrolebindings",
    "customresourcedefinitions",
    "apiservices",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "certificatesigningrequests",
    "tokenreviews",
    "subjectaccessreviews",
    "clusteranalysistemplates",
    "gatewayclasses",
}
"""What a Role cannot give, or gives nobody a right to."""

ONLY_READ = {
    ("", "namespaces"),
    ("", "resourcequotas"),
    ("", "limitranges"),
    ("", "endpoints"),
    ("", "events"),
    ("", "pods/log"),
    ("", "pods/status"),
    ("discovery.k8s.io", "endpointslices"),
    ("events.k8s.io", "events"),
    ("metrics.k8s.io", "pods"),
    ("networking.istio.io", "gateways"),
    ("networking.istio.io", "sidecars"),
    ("networking.k8s.io", "networkpolicies"),
    ("rbac.authorization.k8s.io", "roles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
}
"""What the instructor has set, what the cluster itself says, and what reaches beyond a namespace."""

NEVER = {
    ("networking.istio.io", "envoyfilters"),
    ("networking.istio.io", "proxyconfigs"),
    ("networking.istio.io", "workloadentries"),
    ("extensions.istio.io", "wasmplugins"),
    ("networking.k8s.io", "ingresses"),
    ("", "nodes"),
    ("", "serviceaccounts/token"),
    ("", "pods/ephemeralcontainers"),
    ("policy", "poddisruptionbudgets"),
    ("coordination.k8s.io", "leases"),
    ("authentication.k8s.io", "tokenreviews"),
}
"""Code of one's own in proxies, addresses for the world, other people's identities."""

PODS = ("", "pods", "get list")
SHELL = ("", "pods/exec", "create")
ROUTES = ("networking.istio.io", "virtualservices", "get list")
SUBSETS = ("networking.istio.io", "destinationrules", "get list")
ROLLOUT = ("argoproj.io", "rollouts", "get list watch")
REPLICA_SETS = ("apps", "replicasets", "list watch")
DEPLOYMENT = ("apps", "deployments", "get list watch")
RESTART = ("apps", "deployments", "patch")
SERVICES = ("", "services", "get list")
ANALYSES = ("argoproj.io", "analysisruns", "get list watch")
EVERYTHING_OF_A_ROLLOUT = (ROLLOUT, REPLICA_SETS, ANALYSES, ("", "pods", "list watch"))

COMMANDS: dict[str, tuple[tuple[str, str, str], ...]] = {
    r"lab curl( |$)": (PODS, SHELL),
    r"lab load ": (SERVICES, PODS, SHELL),
    r"lab check traffic\.": (PODS, SHELL, ROUTES, SUBSETS),
    r"lab check strategies\.(recreate|ramped)$": (PODS, SHELL, DEPLOYMENT, RESTART),
    r"lab check strategies\.": (PODS, SHELL, ROUTES, SERVICES, *EVERYTHING_OF_A_ROLLOUT),
    r"lab rollout (status|watch) ": EVERYTHING_OF_A_ROLLOUT,
    r"lab rollout set-image ": (ROLLOUT, ("argoproj.io", "rollouts", "patch")),
    r"lab rollout promote ": (ROLLOUT, ("argoproj.io", "rollouts/status", "patch")),
    r"kubectl get virtualservice,destinationrule ": (ROUTES, SUBSETS),
    r"kubectl get deployment,pods ": (DEPLOYMENT, PODS),
    r"kubectl get pods .*--watch": (("", "pods", "list watch"),),
    r"kubectl get services ": (SERVICES,),
    r"kubectl get analysisruns ": (ANALYSES,),
    r"kubectl rollout restart deployment/": (DEPLOYMENT, RESTART),
    r"kubectl rollout status deployment/": (DEPLOYMENT,),
}
"""What each command of a lesson asks the cluster for; the first that fits counts."""

BY_HAND = [
    ("traffic: the rules of the notes", "networking.istio.io", "virtualservices", "create update patch delete"),
    ("traffic: their subsets", "networking.istio.io", "destinationrules", "create update patch delete"),
    ("traffic: a host outside", "networking.istio.io", "serviceentries", "create update patch delete"),
    ("strategies: a Rollout", "argoproj.io", "rollouts", "create update patch delete"),
    ("strategies: what judges it", "argoproj.io", "analysistemplates", "create update patch delete"),
    ("strategies: by the number of Pods", "argoproj.io", "rollouts/scale", "get update patch"),
    ("first steps: a Deployment", "apps", "deployments", "create update patch delete"),
    ("first steps: more of it", "apps", "deployments/scale", "get update patch"),
    ("first steps: back to the former one", "apps", "replicasets", "get list watch"),
    ("first steps: a Service", "", "services", "create update patch delete"),
    ("first steps: a ConfigMap", "", "configmaps", "create update patch delete"),
    ("first steps: a Secret", "", "secrets", "create update patch delete"),
    ("first steps: a Pod is deleted", "", "pods", "create delete"),
    ("first steps: what a Pod says", "", "pods/log", "get"),
    ("first steps: why a Pod does not start", "", "events", "get list watch"),
    ("first steps: a page of a Pod", "", "pods/portforward", "create"),
    ("first steps: more Pods by load", "autoscaling", "horizontalpodautoscalers", "create delete"),
    ("first steps: who uses what", "metrics.k8s.io", "pods", "get list"),
    ("first steps: how much is left", "", "resourcequotas", "get list"),
    ("first steps: one's namespace", "", "namespaces", "get"),
    ("security: who may call whom", "security.istio.io", "authorizationpolicies", "create update patch delete"),
    ("security: mTLS", "security.istio.io", "peerauthentications", "create update patch delete"),
    ("security: tokens", "security.istio.io", "requestauthentications", "create update patch delete"),
    ("telemetry: the access log", "telemetry.istio.io", "telemetries", "create update patch delete"),
]


def granted() -> dict[tuple[str, str], set[str]]:
    """Verbs by API group and resource."""
    found: dict[tuple[str, str], set[str]] = {}
    for right in RIGHTS:
        for resource in right.resources:
            found.setdefault((right.group, resource), set()).update(right.verbs)
    return found


def needs(command: str) -> tuple[tuple[str, str, str], ...]:
    return next((asked for pattern, asked in COMMANDS.items() if re.match(pattern, command)), ())


def test_nothing_is_given_by_a_wildcard_or_by_a_name_that_means_more() -> None:
    for right in RIGHTS:
        words = (right.group, *right.resources, *right.verbs)

        assert [word for word in words if "*" in word] == []
        assert set(right.verbs) <= READ | WRITE, "escalate, bind, impersonate and the like are nobody's here"


def test_only_namespaces_are_no_part_of_a_namespace_and_only_ones_own_can_be_looked_at() -> None:
    assert [key for key in granted() if key[1].partition("/")[0] in CLUSTER_SCOPED] == []
    assert granted()["", "namespaces"] == {"get"}


@pytest.mark.parametrize(("group", "resource"), sorted(ONLY_READ))
def test_what_is_set_for_a_student_can_be_seen_and_not_changed(group: str, resource: str) -> None:
    assert granted()[group, resource] <= READ
    assert granted()[group, resource] >= {"get"}


@pytest.mark.parametrize(("group", "resource"), sorted(NEVER))
def test_what_reaches_beyond_is_not_given_at_all(group: str, resource: str) -> None:
    assert (group, resource) not in granted()


def test_all_else_is_what_lessons_and_first_steps_work_on() -> None:
    written = {key for key, verbs in granted().items() if verbs & WRITE}
    by_commands = {need[:2] for asked in COMMANDS.values() for need in asked}

    assert written & ONLY_READ == set()
    # What is made along with the others, and what a browser or a terminal holds on to.
    assert written - by_commands - {row[1:3] for row in BY_HAND} == {
        ("", "serviceaccounts"),
        ("", "persistentvolumeclaims"),
        ("", "pods/attach"),
        ("apps", "replicasets/scale"),
        ("apps", "statefulsets"),
        ("argoproj.io", "experiments"),
        ("batch", "jobs"),
        ("batch", "cronjobs"),
    }


@pytest.mark.parametrize("lesson", lessons.every(), ids=lambda lesson: lesson.name)
def test_every_command_of_a_lesson_can_be_carried_out(lesson: lessons.Lesson) -> None:
    assert [command for command in lesson.commands if not needs(command)] == [], "say what it asks the cluster for"
    for command in lesson.commands:
        for group, resource, verbs in needs(command):
            assert set(verbs.split()) <= granted().get((group, resource), set()), f"{command}: {resource}"


@pytest.mark.parametrize(("group", "resource", "verbs"), [row[1:] for row in BY_HAND], ids=[row[0] for row in BY_HAND])
def test_what_a_student_does_by_hand_is_allowed(group: str, resource: str, verbs: str) -> None:
    assert set(verbs.split()) <= granted()[group, resource]


def test_every_row_of_commands_is_one_of_a_lesson() -> None:
    every = [command for lesson in lessons.every() for command in lesson.commands]

    assert [pattern for pattern in COMMANDS if not any(re.match(pattern, command) for command in every)] == []


def test_a_role_has_the_rights_as_kubernetes_spells_them() -> None:
    rules = rights.rules()

    assert len(rules) == len(RIGHTS)
    for rule, right in zip(rules, RIGHTS, strict=True):
        assert rule == {
            "apiGroups": [right.group],
            "resources": [*right.resources],
            "verbs": [*right.verbs],
        }


def test_nobody_can_change_the_rights_of_others_by_changing_the_list() -> None:
    rights.rules()[0]["verbs"].append("escalate")

    assert "escalate" not in str(rights.rules())

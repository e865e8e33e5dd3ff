"""A student's share of a cluster: the course, inside the namespaces of that student and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.students import rights
from lab.services.lessons import lessons
from lab.settings import students
from tests.unit.components import support
from tests.unit.components.support import after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.recorder import Recorded, Recording

GOLDEN = Path(__file__).parent / "golden" / "share.txt"
GROUP = "0a1b2c3d-0000-4000-8000-00000000abcd"
OWN = ["anna-default", "anna-tutorial", "anna-shop"]
INJECTED = ["anna-tutorial", "anna-shop"]
RUN_PODS = (":Deployment", ":StatefulSet", ":Rollout", ":Pod")
LESSONS = {lesson.name: lesson for lesson in lessons.every()}


def place(each: Recorded) -> str:
    """The namespace that an object is in, or is."""
    metadata = each.inputs["metadata"]
    return str(metadata["name"] if each.type.endswith(":Namespace") else metadata["namespace"])


def of(recording: Recording, kind: str) -> dict[str, Recorded]:
    """Every object of a kind, by its namespace; of these there is one in each."""
    found = [each for each in recording.kubernetes() if each.type.endswith(f":{kind}")]
    assert len({place(each) for each in found}) == len(found)
    return in_order({place(each): each for each in found})


def in_order(of_namespaces: dict[str, Any]) -> dict[str, Any]:
    """The same in the order of the course: resources are made at once, in any order."""
    return dict(sorted(of_namespaces.items(), key=lambda item: students.COURSE.index(item[0].rpartition("-")[2])))


def spec(each: Recorded) -> dict[str, Any]:
    return dict(each.inputs["spec"])


def texts(value: object) -> Iterator[str]:
    """Every text anywhere in a value."""
    if isinstance(value, dict):
        for child in value.values():
            yield from texts(child)
    elif isinstance(value, list):
        for child in value:
            yield from texts(child)
    elif isinstance(value, str):
        yield value


# --- where everything is ---


def test_what_a_share_consists_of_is_what_was_reviewed(anna: Recording, request: pytest.FixtureRequest) -> None:
    made = "".join(f"{line}\n" for line in anna.listing())
    if request.config.getoption("--update-golden", default=False):
        GOLDEN.write_text(made, encoding="utf-8")

    assert made == GOLDEN.read_text(encoding="utf-8"), "meant so? pytest tests/unit --update-golden, then git diff"


def test_a_student_has_the_three_namespaces_of_the_notes(anna: Recording) -> None:
    assert list(of(anna, "Namespace")) == OWN
    assert anna.stack_outputs["namespaces"] == OWN


def test_a_namespace_says_whose_it_is_and_whether_the_mesh_is_on(anna: Recording) -> None:
    labels = {name: each.inputs["metadata"]["labels"] for name, each in of(anna, "Namespace").items()}
    whose = {students.STUDENT_LABEL: "anna", students.CLASS_LABEL: "ws26"}

    assert labels == {
        "anna-default": whose,
        **{key: {**whose, "istio-injection": "enabled"} for key in INJECTED},
    }


def test_nothing_is_made_outside_the_namespaces_and_nothing_of_the_whole_cluster(anna: Recording) -> None:
    cluster_wide = {each.type for each in anna.kubernetes() if "namespace" not in each.inputs["metadata"]}

    assert cluster_wide == {"kubernetes:core/v1:Namespace"}
    assert {place(each) for each in anna.kubernetes()} == set(OWN)
    assert len(anna.kubernetes()) > 40
    assert [each.name for each in anna.resources if each.type.endswith(("helm.sh/v3:Release", "Patch"))] == []


@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_stays_inside_the_namespaces(name: str) -> None:
    lesson = support.share(**LESSONS[name].settings)
    foreign = {"default", "tutorial", "shop"}

    assert {place(each) for each in lesson.kubernetes()} == set(OWN)
    for each in lesson.kubernetes():
        hosts = {text.partition(".svc")[0] for text in texts(each.inputs) if ".svc" in text}
        assert {host.rpartition(".")[2] for host in hosts} & foreign == set(), each.name
        assert [text for text in texts(each.inputs) if 'namespace="' in text and 'namespace="anna-' not in text] == []


def test_only_values_depend_on_the_student(anna: Recording) -> None:
    bob = support.share("bob-k2")

    assert bob.listing() == anna.listing()
    hers, his = by_urn(anna), by_urn(bob)
    assert hers.keys() == his.keys()
    for urn, each in hers.items():
        assert json.dumps(each.inputs, sort_keys=True).replace("anna", "bob-k2") == json.dumps(
            his[urn].inputs, sort_keys=True
        ), urn


def by_urn(recording: Recording) -> dict[str, Recorded]:
    """Every resource by its URN without the stack's name."""
    return {each.urn.partition("::")[2]: each for each in recording.resources}


def test_a_first_preview_shows_all_that_an_update_makes(anna: Recording) -> None:
    assert support.share(preview=True).listing() == anna.listing()


def test_every_resource_belongs_to_a_component_of_the_lab(anna: Recording) -> None:
    urns = {component.urn for component in anna.components()}
    orphans = [each.type for each in anna.resources if each not in anna.components() and each.parent not in urns]

    assert orphans == ["pulumi:pulumi:StackReference"]
    assert [each.name for each in anna.components() if each.urn not in anna.outputs] == []


def test_everything_is_deleted_one_by_one_since_the_cluster_stays(anna: Recording) -> None:
    assert {each.deleted_with for each in anna.kubernetes()} == {""}


# --- what a student may use and do ---


def test_no_container_asks_for_more_than_the_quota_of_its_namespace(anna: Recording) -> None:
    small = {name: spec(each)["limits"][0]["defaultRequest"] for name, each in of(anna, "LimitRange").items()}
    asked = dict.fromkeys(OWN, 0.0)
    for each in anna.kubernetes():
        if each.type.endswith(RUN_PODS):
            template = spec(each) if each.type.endswith(":Pod") else spec(each)["template"]["spec"]
            cores = sum(cpu(found, small[place(each)]) for found in template["containers"])
            asked[place(each)] += cores * spec(each).get("replicas", 1)

    # As much again for sidecars and a roll under way.
    assert {name for name, cores in asked.items() if cores > 1.5} == set()
    assert min(asked.values()) > 0


def cpu(container: dict[str, Any], otherwise: dict[str, str]) -> float:
    asked = str(container.get("resources", {}).get("requests", otherwise)["cpu"])
    return float(asked.removesuffix("m")) / (1000 if asked.endswith("m") else 1)


def test_requests_come_from_the_student_and_the_platform_only(anna: Recording) -> None:
    found = {name: spec(each) for name, each in of(anna, "NetworkPolicy").items()}
    sources = [
        {"namespaceSelector": {"matchLabels": {"istio-lab/student": "anna"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}}},
    ]

    assert list(found) == OWN
    for each in found.values():
        assert each["podSelector"] == {}
        assert each["policyTypes"] == ["Ingress", "Egress"]
        assert each["ingress"] == [{"from": sources}]


def test_no_pod_learns_from_a_cloud_who_its_node_is(anna: Recording) -> None:
    for each in of(anna, "NetworkPolicy").values():
        pods, served, elsewhere = spec(each)["egress"]
        assert pods == {"to": [{"namespaceSelector": {}}]}
        assert set(served) == {"ports"}
        assert 80 not in {port["port"] for port in served["ports"]}
        assert elsewhere["to"] == [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16", "168.63.129.16/32"]}}]


def test_proxies_hear_of_the_students_services_and_the_platforms_only(anna: Recording) -> None:
    found = {name: each.inputs for name, each in of(anna, "Sidecar").items()}
    hosts = [*(f"{name}/*" for name in OWN), "istio-system/*"]

    assert {name: each["metadata"]["name"] for name, each in found.items()} == dict.fromkeys(INJECTED, "default")
    assert {name: each["spec"] for name, each in found.items()} == {
        key: {"egress": [{"hosts": hosts}]} for key in INJECTED
    }


def test_a_student_has_the_rights_of_the_lessons_in_each_namespace_and_in_no_other(anna: Recording) -> None:
    account = {"kind": "ServiceAccount", "name": "student", "namespace": "anna-default"}

    for name, each in of(anna, "RoleBinding").items():
        assert name in OWN
        assert each.inputs["subjects"] == [account]
        assert each.inputs["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": students.ROLE,
        }
    assert list(of(anna, "RoleBinding")) == OWN
    assert [each.name for each in anna.kubernetes() if "ClusterRole" in each.type] == []


@pytest.mark.parametrize("student", [{"classroom": "ws26"}, {"id": "anna", "classroom": "ws26"}, {"id": "anna"}])
def test_the_rights_are_those_of_the_lessons_and_stand_once_where_students_work(student: dict[str, str]) -> None:
    role = support.main(student=student).one("rights", ":ClusterRole").inputs

    assert role["metadata"] == {"name": students.ROLE, "annotations": support.SHARED_FIELDS}
    assert role["rules"] == rights.rules()


def test_a_lab_of_nobody_has_no_rights_of_students(dev: Recording) -> None:
    assert [each.name for each in dev.resources if each.name == "rights"] == []


def test_the_account_of_a_student_is_there_and_gives_no_token_to_pods(anna: Recording) -> None:
    account = anna.one("student", ":ServiceAccount").inputs

    annotations = support.SHARED_FIELDS
    assert account["metadata"] == {"name": "student", "namespace": "anna-default", "annotations": annotations}
    assert account["automountServiceAccountToken"] is False


def test_the_members_of_a_group_have_the_rights_too() -> None:
    group = {"kind": "Group", "name": GROUP, "apiGroup": "rbac.authorization.k8s.io"}

    for name, each in of(support.share(group=GROUP), "RoleBinding").items():
        assert each.inputs["subjects"][1:] == [group], name


def test_the_rules_of_a_namespace_are_there_before_its_first_pod(anna: Recording) -> None:
    rules = {name: [of(anna, kind)[name] for kind in ("Namespace", "LimitRange", "NetworkPolicy")] for name in OWN}
    for name in INJECTED:
        rules[name].append(of(anna, "Sidecar")[name])
    for each in anna.kubernetes():
        if each.type.endswith(":ResourceQuota") and not each.name.startswith("objects-"):
            rules[place(each)].append(each)
    pods = [each for each in anna.kubernetes() if each.type.endswith(RUN_PODS)]

    assert {place(each) for each in pods} == set(OWN)
    for each in pods:
        for rule in rules[place(each)]:
            assert after(anna, each, rule), f"{each.name} before {rule.type} of {place(each)}"


def test_everything_in_a_namespace_waits_for_it(anna: Recording) -> None:
    namespaces = of(anna, "Namespace")

    for each in anna.kubernetes():
        if not each.type.endswith(":Namespace"):
            assert after(anna, each, namespaces[place(each)]), each.name


# --- the course, elsewhere ---


def test_the_notes_objects_of_default_are_in_the_students_own(anna: Recording) -> None:
    assert place(anna.one("example-rollout", ":Rollout")) == "anna-default"
    assert place(anna.one("nginx", ":Service")) == "anna-default"
    assert place(anna.one("my-config")) == "anna-default"


def test_blue_green_is_there_too() -> None:
    chosen = support.share(rollouts={"example": {"strategy": "blueGreen"}})

    assert {place(chosen.one(name, ":Service")) for name in ("nginx-active", "nginx-preview")} == {"anna-default"}


def test_an_example_that_the_class_would_show_to_the_world_stays_inside() -> None:
    public = {"serviceType": "LoadBalancer", "sourceRanges": ["203.0.113.7/32"]}
    chosen = support.share(rollouts={"example": public})

    assert spec(chosen.one("nginx", ":Service"))["type"] == "ClusterIP"


def test_bookinfo_is_in_tutorial_and_the_shop_in_shop(anna: Recording) -> None:
    assert place(anna.one("productpage-v1")) == place(anna.one("hello-nginx")) == "anna-tutorial"
    for app in ("order", "delivery"):
        assert place(anna.one(f"shop-{app}", ":Deployment")) == "anna-shop"
        assert place(anna.one(f"tutorial-{app}", ":Deployment")) == "anna-tutorial"


def test_config_dev_is_in_all_three(anna: Recording) -> None:
    found = [anna.one(f"config-dev-{key}", ":ConfigMap").inputs["metadata"] for key in students.COURSE]

    assert found == [{"name": "config-dev", "namespace": name, "annotations": support.SHARED_FIELDS} for name in OWN]


def test_mysql_is_the_students_own_in_both_namespaces(anna: Recording) -> None:
    there = anna.one("mysql-tutorial", ":Service")

    assert place(anna.one("mysql", ":StatefulSet")) == place(anna.one("mysql", ":Service")) == "anna-shop"
    assert (place(there), there.inputs["metadata"]["name"]) == ("anna-tutorial", "mysql")
    assert spec(there)["externalName"] == "mysql.anna-shop.svc.cluster.local"


def test_no_gateway_answers_to_everything_or_for_another_namespace(anna: Recording) -> None:
    gateways = [each for each in anna.kubernetes() if each.type.endswith(":Gateway")]
    hosts = [host for each in gateways for server in spec(each)["servers"] for host in server["hosts"]]

    assert hosts == ["./anna.lab.internal"]
    assert anna.stack_outputs["bookinfoUrl"] == "http://anna.lab.internal/productpage"


def test_bookinfos_route_is_of_the_students_own_gateway(anna: Recording) -> None:
    route = anna.one("bookinfo", ":VirtualService")

    assert place(route) == place(anna.one("bookinfo-gateway")) == "anna-tutorial"
    assert spec(route)["gateways"] == ["bookinfo-gateway"]


def test_the_mesh_is_the_clusters_and_not_made_again(anna: Recording) -> None:
    made = {component.type for component in anna.components()}

    assert made == {
        "istio-lab:delivery:Example",
        "istio-lab:platform:Shared",
        "istio-lab:shop:App",
        "istio-lab:shop:Configuration",
        "istio-lab:shop:Mysql",
        "istio-lab:shop:Shop",
        "istio-lab:student:Access",
        "istio-lab:student:ObjectCounts",
        "istio-lab:student:Student",
        "istio-lab:traffic:Traffic",
        "istio-lab:tutorial:Tutorial",
    }


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({"shop": {"enabled": False}}, ["shop", "mysql", "siege-shop", "config-dev-default", "tutorial-order"]),
        ({"tutorial": {"shop": False}}, ["tutorial-order", "siege-tutorial", "mysql-tutorial"]),
        ({"tutorial": {"bookinfo": False}}, ["bookinfo-gateway", "productpage-v1"]),
        ({"tutorial": {"helloNginx": False}}, ["hello-nginx"]),
        ({"rollouts": {"enabled": False}}, ["example", "example-rollout"]),
        ({"rollouts": {"example": {"enabled": False}}}, ["example", "example-rollout", "nginx"]),
    ],
    ids=json.dumps,
)
def test_what_a_student_does_not_have_is_left_out(settings: dict[str, Any], gone: list[str]) -> None:
    without = support.share(**settings)
    own = [without.one("student", ":Student").urn, without.one("access", ":Access").urn]
    of_the_course = {each.name for each in without.resources if each.parent not in own}

    assert [name for name in gone if name in of_the_course] == []
    assert list(of(without, "Namespace")) == OWN, "the namespaces are the student's, whatever is in them"

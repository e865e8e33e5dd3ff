"""A student's own objects: which of them a lesson meets, and how they come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.adapters.stack import Stack
from lab.core import paths
from lab.services.drift.state import Declared
from lab.services.lessons import claims, foreign, kept, lessons
from lab.services.lessons.lessons import Subject
from tests.unit.components import support
from tests.unit.pretended_kubectl import PretendedKubectl

if TYPE_CHECKING:
    from pathlib import Path

Object = dict[str, Any]
ISTIO = "networking.istio.io"
BOOKINFO = Declared(api_version=f"{ISTIO}/v1", kind="VirtualService", namespaces=("tutorial",), name="bookinfo")


def rule(kind: str, name: str, *, namespace: str = "tutorial", group: str = ISTIO, **spec: Any) -> Object:  # noqa: ANN401
    metadata = {"name": name, "namespace": namespace, "managedFields": [{"manager": "kubectl-create"}]}
    return {"apiVersion": f"{group}/v1".removeprefix("/"), "kind": kind, "metadata": metadata, "spec": spec}


def met(number: str, *objects: Object) -> dict[str, bool]:
    """What a lesson meets among objects: titles, and whether it makes an object of that name."""
    lesson = lessons.find(number)
    cluster: Any = {
        (
            each["apiVersion"].rpartition("/")[0],
            each["kind"],
            each["metadata"]["namespace"],
            each["metadata"]["name"],
        ): each
        for each in objects
    }
    found = foreign.among([BOOKINFO], cluster, claims.of(lesson, lesson.onto({})))
    return {each.object.title: each.same_name for each in found}


OWN_ROUTE = rule("VirtualService", "reviews", hosts=["reviews"])
OTHER_NAME = rule("VirtualService", "mine", hosts=["reviews.tutorial.svc.cluster.local"])


def test_a_lesson_meets_what_has_the_name_of_its_own_object() -> None:
    assert met("01", OWN_ROUTE) == {"VirtualService tutorial/reviews": True}
    assert met("24", rule("Service", "nginx-active", namespace="default", group="")) == {
        "Service default/nginx-active": True
    }


@pytest.mark.parametrize("host", ["reviews", "reviews.tutorial", "reviews.tutorial.svc.cluster.local", "*"])
def test_a_lesson_meets_a_rule_of_another_name_about_the_same_requests(host: str) -> None:
    assert met("01", rule("VirtualService", "mine", hosts=[host])) == {"VirtualService tutorial/mine": False}
    assert met("01", rule("DestinationRule", "mine", host=host)) == {"DestinationRule tutorial/mine": False}


def test_a_lesson_does_not_meet_rules_about_other_requests() -> None:
    others = (
        rule("VirtualService", "ratings", hosts=["ratings"]),
        rule("VirtualService", "reviews-elsewhere", namespace="other", hosts=["reviews"]),
        rule("VirtualService", "in", hosts=["*"], gateways=["own"]),
        rule("AuthorizationPolicy", "mine", group="security.istio.io"),
    )

    assert met("01", *others) == {}


def test_untouched_means_no_rule_at_all_but_those_of_the_stack() -> None:
    rules = (
        OWN_ROUTE,
        OTHER_NAME,
        rule("VirtualService", "bookinfo", hosts=["*"]),
        rule("VirtualService", "ratings", hosts=["ratings"]),
        rule("Sidecar", "few"),
        rule("PeerAuthentication", "strict", namespace="istio-system", group="security.istio.io"),
        rule("DestinationRule", "far", namespace="other", host="order.tutorial.svc.cluster.local"),
        rule("DestinationRule", "own", namespace="other", host="order"),
    )

    assert set(met("00", *rules)) == {
        "VirtualService tutorial/reviews",
        "VirtualService tutorial/mine",
        "VirtualService tutorial/ratings",
        "Sidecar tutorial/few",
        "PeerAuthentication istio-system/strict",
        "DestinationRule other/far",
    }


@pytest.mark.parametrize("number", ["01", "04", "05", "07", "24", "20", "26", "28"])
def test_what_a_lesson_claims_is_what_the_program_makes_for_it(number: str) -> None:
    lesson = lessons.find(number)
    settings: dict[str, Any] = dict(lesson.onto({}))
    made = {
        (each.type.rpartition(":")[2], each.inputs["metadata"].get("namespace", ""), each.inputs["metadata"]["name"])
        for each in support.main(**settings).kubernetes()
        if "metadata" in each.inputs
    }

    claimed = {(each.kind, each.namespace, each.name) for each in claims.of(lesson, settings).objects}
    assert claimed
    assert claimed <= made
    if lesson.subject is Subject.TRAFFIC:
        untouched = {
            (
                each.type.rpartition(":")[2],
                each.inputs["metadata"].get("namespace", ""),
                each.inputs["metadata"]["name"],
            )
            for each in support.main().kubernetes()
            if "metadata" in each.inputs
        }
        assert made - untouched == claimed


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(paths, "home", lambda: tmp_path)
    return Stack("dev")


def test_what_is_taken_over_is_kept_as_its_owner_wrote_it_and_given_back(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl = PretendedKubectl(tmp_path / "kubectl")
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: kubectl.file)
    kubectl.answers("delete virtualservice.v1.networking.istio.io reviews -n tutorial", "deleted")
    kubectl.answers("create -f", "created")
    live = {**OWN_ROUTE, "metadata": {**OWN_ROUTE["metadata"], "uid": "1", "labels": {"own": "yes"}}, "status": {}}
    lesson = lessons.find("01")
    found = list(
        foreign.among([], {(ISTIO, "VirtualService", "tutorial", "reviews"): live}, claims.of(lesson, lesson.onto({})))
    )
    before: Any = {"traffic": {"order": {"timeout": "9s"}}}

    (file,) = kept.take_over(stack, Subject.TRAFFIC, before, found)

    assert yaml.safe_load(file.read_text()) == {
        "apiVersion": f"{ISTIO}/v1",
        "kind": "VirtualService",
        "metadata": {"name": "reviews", "namespace": "tutorial", "labels": {"own": "yes"}},
        "spec": {"hosts": ["reviews"]},
    }
    assert kept.settings(stack, Subject.TRAFFIC) == before
    assert kept.objects(stack, Subject.TRAFFIC) == [file]
    assert kept.objects(stack, Subject.STRATEGIES) == []

    assert list(kept.give_back(stack, Subject.TRAFFIC)) == [file]
    assert kept.objects(stack, Subject.TRAFFIC) == []
    assert kept.settings(stack, Subject.TRAFFIC) == {"traffic": {}}


def test_a_copy_never_overwrites_another(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = PretendedKubectl(tmp_path / "kubectl")
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: kubectl.file)
    kubectl.answers("delete", "deleted")
    lesson = lessons.find("01")
    cluster: Any = {(ISTIO, "VirtualService", "tutorial", "reviews"): OWN_ROUTE}
    found = list(foreign.among([], cluster, claims.of(lesson, lesson.onto({}))))

    presents: tuple[Any, ...] = ({"traffic": {}}, {"traffic": {"reviews": {"v2": 100}}})
    for before in presents:
        list(kept.take_over(stack, Subject.TRAFFIC, before, found))

    assert len(kept.objects(stack, Subject.TRAFFIC)) == 2
    assert kept.settings(stack, Subject.TRAFFIC) == {"traffic": {}}, "the way back leads to the beginning"

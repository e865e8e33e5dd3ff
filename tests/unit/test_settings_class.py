"""Settings of a student's lab and of a share of a cluster: good ones and bad ones."""

from __future__ import annotations

import json

import pytest

from lab.core.errors import LabError
from lab.settings import Settings, Target
from lab.settings.students import LONGEST_ID

GROUP = "0a1b2c3d-0000-4000-8000-00000000abcd"
SHARE = {"target": "shared", "student": {"id": "anna"}, "shared": {"platform": "ws26-platform"}}


def load(**given: object) -> Settings:
    """As Pulumi hands settings over: scalars as text, objects as JSON text."""
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    return Settings.from_mapping(config, source="Pulumi.test.yaml")


def refusal(**given: object) -> str:
    with pytest.raises(LabError) as caught:
        load(**given)
    return caught.value.message


@pytest.mark.parametrize("student", ["a", "anna", "anna-k", "a--b", "s01", "istiofan", "a" * LONGEST_ID])
def test_an_id_is_a_word_that_every_name_can_be_made_of(student: str) -> None:
    assert load(student={"id": student}).student.id == student


BAD = [
    *(
        ("student.id", value, "lower-case letters, digits and inner hyphens")
        for value in (
            "Anna",
            "anna k",
            "anna.k",
            "anna_k",
            "-anna",
            "anna-",
            "1anna",
            "안나",
            "anna\n",
            "a" * (LONGEST_ID + 1),
            7,
            True,
            None,
            ["anna"],
        )
    ),
    *(
        ("student.id", value, "none that begins like a namespace of the platform")
        for value in ("istio", "istio-system", "argo-rollouts", "kube-system", "default", "tutorial", "shop", "lab-a")
    ),
    *(("student.classroom", value, "ws26") for value in ("WS26", "26ws", "ws 26", "ws-", "w" * 21, 26, None, {})),
    *(
        ("student.group", value, "the object id of an Entra group")
        for value in ("students", GROUP.upper(), GROUP[:-1], f"{GROUP}0", f" {GROUP}", 7, None)
    ),
    ("student.name", "Anna", "id, classroom, group"),
    ("student", "anna", "an object of settings"),
    *(("shared.platform", value, "the name of a stack") for value in ("WS26", "a/b", "-a", "a-", "a" * 41, 7, None)),
    *(("shared.cpu", value, "a whole number from 1 to 64") for value in (0, 65, 1.5, "500m", -1, None, True)),
    *(("shared.memory", value, "from 2Gi to 512Gi") for value in ("1Gi", "513Gi", "4GB", "", 4, None)),
    *(("shared.pods", value, "a whole number from 10 to 500") for value in (9, 501, "many", None)),
    ("shared.quota", {}, "platform, cpu, memory, pods"),
    ("shared", 3, "an object of settings"),
]


def test_there_are_fifty_bad_settings_at_least() -> None:
    assert len(BAD) >= 50


@pytest.mark.parametrize(("key", "value", "allowed"), BAD)
def test_a_bad_setting_is_named_with_what_is_allowed(key: str, value: object, allowed: str) -> None:
    group, _, name = key.partition(".")

    said = refusal(**{group: {name: value} if name else value})

    assert f"istio-lab:{key}: found " in said
    assert allowed in said


def test_by_default_a_lab_is_nobodys_and_its_own() -> None:
    chosen = load()

    assert (chosen.student.id, chosen.student.classroom, chosen.student.group) == ("", "", "")
    assert (chosen.shared.platform, chosen.shared.cpu, chosen.shared.memory, chosen.shared.pods) == ("", 3, "6Gi", 40)
    assert not chosen.shares


def test_what_nobody_has_chosen_can_be_written_down_as_nothing() -> None:
    nothing = load(student={"id": "", "classroom": "", "group": ""}, shared={"platform": ""})

    assert nothing == load()


def test_a_share_says_whose_it_is_and_of_what() -> None:
    chosen = load(**SHARE)

    assert chosen.target is Target.SHARED
    assert chosen.shares
    assert chosen.warnings == ()


@pytest.mark.parametrize("key", ["shared.platform", "student.id"])
def test_a_share_of_nothing_or_of_nobody_is_refused(key: str) -> None:
    group = key.split(".", maxsplit=1)[0]

    said = refusal(**{name: value for name, value in SHARE.items() if name != group})

    assert f'istio-lab:{key}: found ""' in said
    assert "`lab class up` sets it" in said


def share(stack: str, platform: str = "dev", **student: str) -> tuple[str, str]:
    """The student and the class of a stack that shares another one's cluster."""
    given = {"target": "shared", "shared": {"platform": platform}, "student": student}
    chosen = Settings.from_mapping(given, source="Pulumi.test.yaml", stack=stack).student
    return chosen.id, chosen.classroom


@pytest.mark.parametrize("stack", ["student-07", "kim", "s" * LONGEST_ID])
def test_the_stack_tells_the_student_where_no_setting_does(stack: str) -> None:
    assert share(stack)[0] == stack
    assert share(stack, id="anna")[0] == "anna"


@pytest.mark.parametrize("stack", ["", "07", "Kim", "kim_lee", "istio-kim", "lab", "s" * (LONGEST_ID + 1)])
def test_a_stack_of_another_name_needs_the_setting(stack: str) -> None:
    with pytest.raises(LabError, match=r'istio-lab:student\.id: found ""'):
        share(stack)


@pytest.mark.parametrize(
    ("platform", "classroom"),
    [("ws26-platform", "ws26"), ("dev", "dev"), ("platform", "platform"), ("26", ""), ("w" * 21, "")],
)
def test_the_other_stack_tells_the_class_where_no_setting_does(platform: str, classroom: str) -> None:
    assert share("kim", platform)[1] == classroom
    assert share("kim", platform, classroom="ss27")[1] == "ss27"


def test_a_lab_of_its_own_is_nobodys_whatever_it_is_called() -> None:
    chosen = Settings.from_mapping({}, source="Pulumi.kim.yaml", stack="kim")

    assert (chosen.student.id, chosen.student.classroom) == ("", "")


def test_a_student_can_have_a_whole_lab() -> None:
    chosen = load(target="embedded", student={"id": "anna", "classroom": "ws26", "group": GROUP})

    assert (chosen.student.group, chosen.shares) == (GROUP, False)

"""The check of each lesson on traffic: it passes where the lesson is applied and fails where it is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lab.services.grading import traffic
from lab.services.lessons import lessons
from lab.services.lessons.lessons import Subject

if TYPE_CHECKING:
    from tests.mesh.mesh import Mesh

RULES = [each for each in lessons.every(Subject.TRAFFIC) if each.settings["traffic"]]


def test_no_check_passes_on_the_untouched_lab(mesh: Mesh) -> None:
    mesh.laboratory.lab("lesson", "apply", "00", "--yes").succeeded()
    result = mesh.laboratory.lab("check", "traffic.*", "--json")

    assert result.code == 1
    found = json.loads(result.output[result.output.index("[\n") :])
    assert [(each["name"], each["passed"]) for each in found] == [(name, False) for name in traffic.CHECKS]


@pytest.mark.parametrize("lesson", RULES, ids=lambda each: each.name)
def test_the_check_of_an_applied_lesson_passes(mesh: Mesh, lesson: lessons.Lesson) -> None:
    mesh.laboratory.lab("lesson", "apply", lesson.name, "--yes").succeeded()

    mesh.laboratory.lab("check", f"traffic.{lesson.name.partition('-')[2]}").succeeded()

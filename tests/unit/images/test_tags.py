"""Tags: which there may be, which one a build gets, when there is anything to build."""

from __future__ import annotations

import re
from datetime import date

import pytest

from lab.core.errors import LabError
from lab.services.images.store import Stored
from lab.services.images.tags import Revision, content_tag, decide, require_app, require_tag, unique_tag
from lab.settings import Settings

DAY = date(2026, 11, 24)
CLEAN = Revision(commit="0123abc", dirty=False)
CONTENT, OTHER = "a" * 64, "b" * 64


def stored(**digests: str) -> list[Stored]:
    return [Stored(tag=tag.replace("_", "-"), digest=digest) for tag, digest in digests.items()]


# --- what a tag is ---


def test_a_tag_sorts_by_day_and_leads_to_commit_and_content() -> None:
    assert unique_tag(DAY, CLEAN, CONTENT) == "20261124-0123abc-aaaaaaaaaaaa"


def test_a_tag_says_that_the_sources_were_not_committed() -> None:
    assert unique_tag(DAY, Revision(commit="0123abc", dirty=True), CONTENT) == "20261124-0123abc-dirty-aaaaaaaaaaaa"


def test_a_tag_does_without_git() -> None:
    assert unique_tag(DAY, Revision(commit="", dirty=False), CONTENT) == "20261124-aaaaaaaaaaaa"


def test_another_content_has_another_tag() -> None:
    assert unique_tag(DAY, CLEAN, CONTENT) != unique_tag(DAY, CLEAN, OTHER)
    assert content_tag(CONTENT) != content_tag(OTHER)


@pytest.mark.parametrize("tag", [unique_tag(DAY, CLEAN, CONTENT), "v1", "v2.0.1", "_", "A-b_c.d", "x" * 128])
def test_a_tag_that_can_be_is_taken(tag: str) -> None:
    require_tag(tag)
    Settings.from_mapping({"shop": {"order": {"image": f"order:{tag}"}}}, source="Pulumi.test.yaml")


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("latest", "another image tomorrow"),
        ("content-0123456789ab", "marks contents"),
        ("", "no tag"),
        ("-v1", "no tag"),
        (".v1", "no tag"),
        ("v 1", "no tag"),
        ("v1:2", "no tag"),
        ("versión", "no tag"),
        ("x" * 129, "no tag"),
    ],
)
def test_a_tag_that_moves_or_cannot_be_is_refused_with_what_is_allowed(tag: str, reason: str) -> None:
    with pytest.raises(LabError, match=reason) as caught:
        require_tag(tag)

    assert re.search(r"leave --tag out|allowed are", caught.value.remedy)


@pytest.mark.parametrize(("app", "hint"), [("Order", "lower-case: order"), ("orders", ""), ("", ""), ("order:v1", "")])
def test_only_the_applications_of_the_shop_have_images(app: str, hint: str) -> None:
    with pytest.raises(LabError) as caught:
        require_app(app, ("delivery", "order"))

    assert hint in caught.value.message
    assert caught.value.remedy == "name one of: delivery, order"


# --- whether there is anything to build ---


def test_a_new_content_is_built_under_the_labs_own_tag() -> None:
    plan = decide(chosen=None, proposed="new", content_hash=CONTENT, stored=stored(v1="sha256:1"))

    assert (plan.tag, plan.build) == ("new", True)


def test_a_content_that_is_there_is_not_built_again_whatever_it_is_called() -> None:
    there = stored(v1="sha256:1", **{content_tag(CONTENT).replace("-", "_"): "sha256:1"})

    for chosen in (None, "v1"):
        plan = decide(chosen=chosen, proposed="new", content_hash=CONTENT, stored=there)
        assert (plan.tag, plan.build) == ("v1", False)


def test_a_content_that_is_there_without_a_name_is_built_again() -> None:
    half = stored(**{content_tag(CONTENT).replace("-", "_"): "sha256:1"})

    assert decide(chosen=None, proposed="new", content_hash=CONTENT, stored=half).build


def test_a_free_tag_can_be_chosen() -> None:
    plan = decide(chosen="v2", proposed="new", content_hash=CONTENT, stored=stored(v1="sha256:1"))

    assert (plan.tag, plan.build) == ("v2", True)


@pytest.mark.parametrize("content", [OTHER, ""])
def test_a_tag_of_another_or_of_an_unknown_content_is_never_used_again(content: str) -> None:
    marks = {content_tag(content).replace("-", "_"): "sha256:1"} if content else {}

    with pytest.raises(LabError, match="the tag v1 is taken by another content") as caught:
        decide(chosen="v1", proposed="new", content_hash=CONTENT, stored=stored(v1="sha256:1", **marks))

    assert "leave --tag out" in caught.value.remedy

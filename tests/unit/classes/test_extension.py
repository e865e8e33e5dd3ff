"""A later end for a class: the moment as a table, and its file, of which everything else stays."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.services.classes import extension, validation

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)
WEEK = "2026-12-31T12:00Z"


@pytest.mark.parametrize(
    ("expires", "by", "until"),
    [
        ("", "12h", "2026-12-25T00:00Z"),
        ("", "7d", WEEK),
        ("", "2w", "2027-01-07T12:00Z"),
        ("", "1h", "2026-12-24T13:00Z"),
        ("", "9999w", "2218-08-13T12:00Z"),
        ("2026-12-20", "7d", WEEK),
        ("2026-12-24", "7d", WEEK),
        ("2026-12-24T18:00Z", "7d", WEEK),
        ("2026-12-24T18:00Z", "1h", "2026-12-24T18:00Z"),
        ("2027-06-30", "7d", "2027-07-01T00:00Z"),
    ],
)
def test_an_extension_counts_from_now_and_never_takes_away(expires: str, by: str, until: str) -> None:
    assert extension.until(expires, by, NOW) == until


def test_a_part_of_a_minute_is_given() -> None:
    assert extension.until("", "1h", NOW.replace(second=1)) == "2026-12-24T13:01Z"


@pytest.mark.parametrize(
    "by", ["", "7", "d", "7 d", "7days", "7m", "-7d", "1.5d", "99999d", "\u0667d", "7d\n", "0d", "0w"]
)
def test_anything_else_is_no_length_of_time(by: str) -> None:
    with pytest.raises(LabError, match=r"^found ") as error:
        extension.until("", by, NOW)

    assert error.value.remedy == "lab class extend 7d"


BODY = "students:\n  - {id: anna}  # expires: never\n"
FILES = {
    "it says one": (f"class: ws26\nexpires: 2026-12-24\n{BODY}", f"class: ws26\nexpires: {WEEK}\n{BODY}"),
    "quoted": (f'class: ws26\nexpires: "2026-12-24"\n{BODY}', f"class: ws26\nexpires: {WEEK}\n{BODY}"),
    "empty": (f"class: ws26\nexpires:\n{BODY}", f"class: ws26\nexpires: {WEEK}\n{BODY}"),
    "with a comment": (
        f"class: ws26\nexpires: 2026-12-24  # the last lesson # of all\n{BODY}",
        f"class: ws26\nexpires: {WEEK}  # the last lesson # of all\n{BODY}",
    ),
    "at its end": (f"class: ws26\n{BODY}expires: 2026-12-24", f"class: ws26\n{BODY}expires: {WEEK}"),
    "at its beginning": (f"expires: 2026-12-24\nclass: ws26\n{BODY}", f"expires: {WEEK}\nclass: ws26\n{BODY}"),
    "with space": (f"class : ws26\nexpires : 2026-12-24  \n{BODY}", f"class : ws26\nexpires: {WEEK}  \n{BODY}"),
    "it says none": (f"# A class\nclass: ws26\n{BODY}", f"# A class\nclass: ws26\nexpires: {WEEK}\n{BODY}"),
    "it says none and has comments": (
        f"class: ws26  # mine\n# expires: 2026-12-24\n{BODY}",
        f"class: ws26  # mine\nexpires: {WEEK}\n# expires: 2026-12-24\n{BODY}",
    ),
    "lines of Windows": (
        f"class: ws26\nexpires: 2026-12-24  # x\n{BODY}".replace("\n", "\r\n"),
        f"class: ws26\nexpires: {WEEK}  # x\n{BODY}".replace("\n", "\r\n"),
    ),
    "lines of Windows that say none": (
        f"class: ws26\n{BODY}".replace("\n", "\r\n"),
        f"class: ws26\nexpires: {WEEK}\n{BODY}".replace("\n", "\r\n"),
    ),
    "a mark that says UTF-8": (f"\ufeffclass: ws26\n{BODY}", f"\ufeffclass: ws26\nexpires: {WEEK}\n{BODY}"),
    "names of Korea": (
        "class: ws26\nstudents: [{id: anna, name: 안나}]",
        f"class: ws26\nexpires: {WEEK}\nstudents: [{{id: anna, name: 안나}}]",
    ),
}


@pytest.mark.parametrize(("before", "after"), FILES.values(), ids=FILES)
def test_the_end_is_written_and_every_other_line_stays(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "class.yaml"
    file.write_bytes(before.encode())
    extension.write(file, WEEK)

    assert file.read_bytes().decode() == after
    assert validation.read(file).expires == WEEK


@pytest.mark.parametrize(("before", "after"), FILES.values(), ids=FILES)
def test_an_end_that_was_written_can_be_written_again(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "class.yaml"
    file.write_bytes(before.encode())
    extension.write(file, "2026-12-30T00:00Z")
    extension.write(file, WEEK)

    assert file.read_bytes().decode() == after


@pytest.mark.parametrize("name", ["ws26.csv", "WS26.CSV"])
def test_a_table_of_students_has_no_place_for_it(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("id\nanna\n", encoding="utf-8")
    with pytest.raises(LabError, match="has no place for an end") as error:
        extension.write(file, WEEK)

    assert f"students: {name}" in error.value.remedy
    assert file.read_text(encoding="utf-8") == "id\nanna\n"


def test_a_file_in_which_no_place_is_found_is_left_alone_and_says_what_to_write(tmp_path: Path) -> None:
    file = tmp_path / "class.yaml"
    file.write_text("{class: ws26, students: [{id: anna}]}\n", encoding="utf-8")
    with pytest.raises(LabError, match="no line that begins with class:") as error:
        extension.write(file, WEEK)

    assert f"expires: {WEEK}" in error.value.remedy
    assert file.read_text(encoding="utf-8") == "{class: ws26, students: [{id: anna}]}\n"

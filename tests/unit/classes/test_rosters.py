"""Rosters as spreadsheets and other programs export them: read as they are meant, or refused by file, line and remedy.

The other refused ones are in `test_validation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.services.classes import validation

if TYPE_CHECKING:
    from pathlib import Path

ANNA, BOB = ("anna", "Anna Kim", "anna@b.test"), ("bob", "Bob", "")
TWO = [ANNA, BOB]
KOREAN = [("anna", "김안나", "anna@b.test"), ("bob", "박밥", "")]
PLAIN = "id,name,mail\nanna,Anna Kim,anna@b.test\nbob,Bob,\n"
HANGUL = "학번,이름,이메일\nanna,김안나,anna@b.test\nbob,박밥,\n"


def with_head(head: str) -> str:
    return PLAIN.replace("id,name,mail", head)


READ: dict[str, tuple[str | bytes, list[tuple[str, str, str]]]] = {
    "email": (with_head("id,name,email"), TWO),
    "e-mail": (with_head("id,name,e-mail"), TWO),
    "E-Mail Address": (with_head("id,name,E-Mail Address"), TWO),
    "headers in upper case": (with_head("ID,NAME,MAIL"), TWO),
    "headers in title case": (with_head("Id,Name,Email"), TWO),
    "a header of two words": (with_head("Student ID,Full Name,Email address"), TWO),
    "headers with underscores": (with_head("student_id,student_name,email_address"), TWO),
    "a user name": (with_head("username,name,mail"), TWO),
    "headers in quotes": (with_head('"id","name","mail"'), TWO),
    "headers with spaces": (with_head(" id , name , mail "), TWO),
    "headers with a no-break space": (with_head("id\xa0,\xa0name,mail"), TWO),
    "headers with a zero-width space": (with_head("id\u200b,name,\u200bmail"), TWO),
    "headers in Korean": (HANGUL, KOREAN),
    "other headers in Korean": (HANGUL.replace("학번,이름,이메일", "아이디,성명,메일 주소"), KOREAN),
    "more headers in Korean": (HANGUL.replace("학번,이름,이메일", "학생 아이디,학생 이름,전자우편"), KOREAN),
    "Korean of decomposed letters, as macOS saves": (
        HANGUL.replace("김안나", "\u1100\u1175\u11b7안나"),
        KOREAN,
    ),
    "columns in another order": ("mail,id,name\nanna@b.test,anna,Anna Kim\n,bob,Bob\n", TWO),
    "trailing columns": (PLAIN.replace("\n", ",,\n"), TWO),
    "one trailing comma in the rows alone": (PLAIN.replace("test\n", "test,\n"), TWO),
    "trailing rows": (f"{PLAIN},,\n,,\n,,\n", TWO),
    "a row of spaces": (f"{PLAIN}  ,\xa0, \n", TWO),
    "empty rows before the headers": (f"\n,,\n{PLAIN}", TWO),
    "sep=,": (f"sep=,\n{PLAIN}", TWO),
    "sep=;": ("sep=;\n" + PLAIN.replace(",", ";"), TWO),
    "SEP=; in quotes": ('"SEP=;"\n' + PLAIN.replace(",", ";"), TWO),
    "sep=|": ("sep=|\n" + PLAIN.replace(",", "|"), TWO),
    "sep= of a tab": ("sep=\t\n" + PLAIN.replace(",", "\t"), TWO),
    "semicolons": (PLAIN.replace(",", ";"), TWO),
    "tabs": (PLAIN.replace(",", "\t"), TWO),
    "a mark of UTF-8 and semicolons": ("\ufeff" + PLAIN.replace(",", ";"), TWO),
    "a mark of UTF-8 and sep=": ("\ufeffsep=,\r\n" + PLAIN.replace("\n", "\r\n"), TWO),
    "UTF-16, as Excel saves Unicode text": (HANGUL.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"), KOREAN),
    "UTF-16 of the other order": (b"\xfe\xff" + HANGUL.replace(",", "\t").encode("utf-16-be"), KOREAN),
    "UTF-32": (HANGUL.encode("utf-32"), KOREAN),
    "CP949, as Excel saves CSV in Korea": (HANGUL.replace("\n", "\r\n").encode("cp949"), KOREAN),
    "a rare syllable of CP949": (HANGUL.replace("박밥", "박뷁").encode("cp949"), [KOREAN[0], ("bob", "박뷁", "")]),
    "lines of an old Mac": (PLAIN.replace("\n", "\r"), TWO),
    "no last line end": (PLAIN.rstrip("\n"), TWO),
    "all values in quotes": ('"id","name","mail"\n"anna","Anna Kim","anna@b.test"\n"bob","Bob",""\n', TWO),
    "quotes inside": (PLAIN.replace("Bob", '"Bob ""B"" Lee"'), [ANNA, ("bob", 'Bob "B" Lee', "")]),
    "a comma inside": (PLAIN.replace("Bob", '"Lee, Bob"'), [ANNA, ("bob", "Lee, Bob", "")]),
    "no-break spaces": (PLAIN.replace("anna,", "\xa0anna\xa0,"), TWO),
    "zero-width characters": (PLAIN.replace("bob,", "b\u200bob\ufeff,"), TWO),
    "letters as wide as Chinese ones": (PLAIN.replace("bob,", "\uff42\uff4f\uff42,"), TWO),
    "text that looks like a formula": (PLAIN.replace("bob,", '"=""bob""",'), TWO),
    "an apostrophe and letters of many languages": (
        PLAIN.replace("Bob", "Zoë O'Neill-Şahin 李"),
        [ANNA, ("bob", "Zoë O'Neill-Şahin 李", "")],
    ),
    "an empty column of settings": ("id,name,mail,shop.order.replicas\nanna,Anna Kim,anna@b.test,\nbob,Bob,,\n", TWO),
}

REFUSED: dict[str, tuple[str | bytes, str, str]] = {
    "a workbook of Excel": (b"PK\x03\x04\x14\x00\x06\x00", "1: this is no text, but a spreadsheet", "CSV UTF-8"),
    "a workbook of an old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1", "1: this is no text, but a spreadsheet", "CSV UTF-8"),
    "a PDF": (b"%PDF-1.7\n", "1: this is no text, but a PDF", "CSV UTF-8"),
    "a compressed file": (b"\x1f\x8b\x08\x00", "1: this is no text, but compressed", "CSV UTF-8"),
    "a page that is called a spreadsheet": ("<html><table><tr><td>id", "1: this is a page of HTML", "CSV UTF-8"),
    "Latin-1": ("id,name\nanna,Anna\nbob,Jürgen\n".encode("latin-1"), "3: this is not UTF-8 text", "CSV UTF-8"),
    "Latin-1 that Korean Windows writes": (
        "id,name\nbob,Éé\n".encode("latin-1"),
        "2: this is not UTF-8",
        "CSV UTF-8",
    ),
    "half of a character of UTF-16": (PLAIN.encode("utf-16")[:-1], "3: this is not UTF-16 text", "CSV UTF-8"),
    "headers alone": ("id,name,mail\n", "1: students: found none", "mend"),
    "headers and empty rows": ("id,name,mail\n,,\n,,\n", "1: students: found none", "mend"),
    "sep= alone": ("sep=;\n", "2: found the columns none", "add it"),
    "no headers": ("anna,Anna Kim,anna@b.test\n", "1: found the columns anna, Anna Kim, anna@b.test", "add it"),
    "the same column in two languages": (
        "id,mail,이메일\nanna,a@b.test,a@b.test\n",
        "1: the column mail is there twice",
        "keep",
    ),
    "a column of something else": (
        "id,비고\nanna,\nbob,late\n",
        "1: the column 비고 is none of id, name, mail, group",
        "out",
    ),
    "a value in a column without a name": (
        "id,name,\nanna,Anna,\nbob,Bob,late\n",
        "3: found late in a column without",
        "name",
    ),
    "a formula": (PLAIN.replace("Bob", "=A2"), "3: name: found =A2, a formula", "write its value"),
    "a formula that reaches out": (
        PLAIN.replace("Bob", '"=HYPERLINK(""http://x"")"'),
        "3: name: found =HYPERLINK",
        "write",
    ),
    "what could not be computed": (PLAIN.replace("Bob", "#REF!"), "3: name: found #REF!, a formula", "write its value"),
    "an id twice": ("id\nanna\nbob\nanna\n", "4: id: found anna", "mend"),
    "an id twice but for what nobody sees": ("id\nanna\nbob\nanna\u200b\xa0\n", "4: id: found anna", "mend"),
    "an id twice but for its width": ("id\nanna\n\uff41\uff4e\uff4e\uff41\n", "3: id: found anna", "mend"),
    "an id in upper case": ("id\nanna\nBOB\n", '3: students.1.id: found "BOB"', "mend"),
    "an id that is a number": ("학번\n20261234\n", '2: students.0.id: found "20261234"', "mend"),
    "a number as Excel writes large ones": ("학번\n2.02612E+09\n", '2: students.0.id: found "2.02612E+09"', "mend"),
    "a very long name": (f"id,name\nanna,{'x' * 5000}\n", "2: students.0.name: found ", "mend"),
    "a very long value": (f"id,name\nanna,{'x' * 200_000}\n", "2: this is no CSV: field larger", "mend"),
    "a wrong line behind sep=": ("sep=;\nid;name\nanna;A\nBOB;B\n", '4: students.1.id: found "BOB"', "mend"),
    "an address with a name": (PLAIN.replace("anna@b.test", "Anna <anna@b.test>"), "2: students.0.mail: found", "mend"),
    "two addresses": (PLAIN.replace("anna@b.test", "a@b.test; c@d.test"), "2: students.0.mail: found", "mend"),
}


def students(path: Path) -> list[tuple[str, str, str]]:
    return [(each.id, each.name, each.mail) for each in validation.read(path).students]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_there_are_far_more_than_eighty_rosters() -> None:
    from tests.unit.classes.test_validation import CSV, TABLES

    assert len(READ) + len(REFUSED) + len(CSV) + len(TABLES) > 95


@pytest.mark.parametrize(("content", "expected"), READ.values(), ids=READ)
def test_a_roster_is_read_as_it_is_meant(
    tmp_path: Path, content: str | bytes, expected: list[tuple[str, str, str]]
) -> None:
    assert students(write(tmp_path / "ws26.csv", content)) == expected


@pytest.mark.parametrize(("content", "message", "remedy"), REFUSED.values(), ids=REFUSED)
def test_a_roster_is_refused_by_file_line_and_remedy(
    tmp_path: Path, content: str | bytes, message: str, remedy: str
) -> None:
    with pytest.raises(LabError) as caught:
        validation.read(write(tmp_path / "ws26.csv", content))

    assert f"ws26.csv:{message}" in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("name", ["ws26.CSV", "ws26.tsv", "ws26.txt"])
def test_a_table_has_one_of_several_endings(tmp_path: Path, name: str) -> None:
    assert students(write(tmp_path / name, PLAIN)) == TWO


@pytest.mark.parametrize("name", ["ws26.xlsx", "ws26.xls", "ws26.ods"])
def test_a_spreadsheet_is_refused_by_what_it_is(tmp_path: Path, name: str) -> None:
    with pytest.raises(LabError, match=f"{name}:1: this is no text, but a spreadsheet"):
        validation.read(write(tmp_path / name, b"PK\x03\x04"))


@pytest.mark.parametrize("key", ["email", "Email", "E-mail", "이메일"])
def test_a_student_in_a_class_file_may_have_the_key_of_a_spreadsheet(tmp_path: Path, key: str) -> None:
    path = write(tmp_path / "class.yaml", f"class: ws26\nstudents:\n- id: anna\n  {key}: anna@b.test\n")

    assert students(path) == [("anna", "", "anna@b.test")]


def test_a_key_and_its_other_name_are_one_too_many(tmp_path: Path) -> None:
    path = write(tmp_path / "class.yaml", "class: ws26\nstudents:\n- id: anna\n  mail: a@b.test\n  email: a@b.test\n")

    with pytest.raises(LabError, match=r"class.yaml:5: email is mail, which stands there too"):
        validation.read(path)


def test_a_roster_that_nobody_may_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "ws26.csv").mkdir()

    with pytest.raises(LabError, match=r"ws26.csv is a folder"):
        validation.read(tmp_path / "ws26.csv")

"""Class files: good ones, and bad ones of which every mistake is named with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some

from lab.core.errors import LabError
from lab.services.classes import configuration, source, validation
from lab.services.classes.roster import Tenancy
from lab.settings import Settings
from lab.settings.students import LONGEST_ID
from tests.unit.classes.class_files import GROUP, INLINE, many, read, write

if TYPE_CHECKING:
    from pathlib import Path

STUDENT_KEYS = "id, name, mail, group, settings"
CLASS_KEYS = "class, tenancy, expires, days, hours, parallel, quota, budget, platform, settings, students"


def refusal(path: Path) -> str:
    with pytest.raises(LabError) as caught:
        validation.read(path)
    assert caught.value.remedy
    return caught.value.message


def reported(message: str) -> list[str]:
    """The lines of a message that name a line of a file."""
    return [line.strip() for line in message.splitlines() if re.match(r" *[\w.]+:\d+: ", line)]


# --- bad ones ---

YAML: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "bad syntax": ("class: ws26\nstudents: [{id: anna]\n", [("2: this is no YAML", "expected")]),
    "a tab": ("class: ws26\nstudents:\n\t- id: anna\n", [("3: this is no YAML", "cannot start any token")]),
    "a character that is none": ("class: ws26\nexpires: \x07\n", [("2: this is no YAML", "special characters")]),
    "two documents": ("class: ws26\n---\nclass: ws27\n", [("2: this is no YAML", "another document")]),
    "an unknown alias": ("class: ws26\nsettings: *nobody\n", [("2: this is no YAML", "undefined alias")]),
    "a tag of Python": ("class: ws26\nsettings: !!python/name:os.system\n", [("2: this is no YAML", "constructor")]),
    "a number that is none": ("class: ws26\ndays: !!int many\n", [("2: this is no YAML", "many is no int")]),
    "a switch that is none": ("class: ws26\ndays: !!bool many\n", [("2: this is no YAML", "many is no bool")]),
    "a key that is a list": ("class: ws26\n? [a]\n: b\n", [("2: this is no YAML", "unhashable key")]),
    "a list inside itself": ("class: ws26\nstudents: &all [*all]\n", [("1: ", "nested without end")]),
    "nested without end": ("[" * 5000, [("1: ", "nested without end")]),
    "nothing": ("", [("1: found no mapping", "class and students")]),
    "a list": ("- id: anna\n", [("1: found no mapping", "class and students")]),
    "a key twice": ("class: ws26\nclass: ws27\nstudents: [{id: anna}]\n", [("2: class stands there twice", "")]),
    "a key of a student twice": (
        "class: ws26\nstudents:\n- id: anna\n  mail: a@b.test\n  id: bob\n",
        [("5: id stands there twice", "")],
    ),
    "two keys twice": (
        "class: ws26\nquota: {cpu: 1, cpu: 2}\nstudents:\n- id: anna\n  id: bob\n",
        [("2: cpu stands there twice", ""), ("5: id stands there twice", "")],
    ),
    "no class": ("students:\n- id: anna\n", [('1: class: found ""', "ws26")]),
    "an empty class": ("# ours\nclass: ''\nstudents:\n- id: anna\n", [('2: class: found ""', "ws26")]),
    "a class in upper case": ("class: WS26\nstudents:\n- id: anna\n", [('1: class: found "WS26"', "ws26")]),
    "a class that is a number": ("class: 2026\nstudents:\n- id: anna\n", [("1: class: found 2026", "ws26")]),
    "an over-long class": (f"class: {'w' * 21}\nstudents:\n- id: anna\n", [("1: class: found ", "at most 20")]),
    "no students": ("class: ws26\n", [("1: students: found none", "at least one")]),
    "an empty list of students": ("class: ws26\nstudents: []\n", [("2: students: found none", "at least one")]),
    "students that are none": ("class: ws26\nstudents:\n", [("2: students: found null", "a list of students")]),
    "students by number": ("class: ws26\nstudents: 12\n", [("2: students: found 12", "the name of a CSV")]),
    "a student that is a word": (
        "class: ws26\nstudents:\n- id: anna\n- bob\n",
        [('4: students.1: found "bob"', "such as id")],
    ),
    "a students' file that is missing": (
        "class: ws26\nstudents: nobody.csv\n",
        [("2: students: there is no file nobody.csv", "")],
    ),
    "a students' file that cannot be": ('class: ws26\nstudents: "a\\0b"\n', [("2: students: there is no file", "")]),
    "a students' file with too long a name": (
        f"class: ws26\nstudents: {'a' * 300}\n",
        [("2: students: there is no file", "")],
    ),
    "no id": ("class: ws26\nstudents:\n- name: Anna\n", [('3: id: found ""', "1 to 20")]),
    "an empty id": ("class: ws26\nstudents:\n- name: Anna\n  id: ''\n", [('4: id: found ""', "1 to 20")]),
    "an id twice": (
        "class: ws26\nstudents:\n- id: anna\n- id: bob\n- name: Anna\n  id: anna\n",
        [("6: id: found anna", "which class.yaml:3 has too")],
    ),
    "an id three times": (
        "class: ws26\nstudents:\n- id: anna\n- id: anna\n- id: anna\n",
        [("4: id: found anna", "class.yaml:3"), ("5: id: found anna", "class.yaml:3")],
    ),
    "an over-long id": (
        f"class: ws26\nstudents:\n- id: {'a' * (LONGEST_ID + 1)}\n",
        [("3: students.0.id: found ", "1 to 20")],
    ),
    "an id in upper case": (
        "class: ws26\nstudents:\n- id: bob\n- id: Anna\n",
        [('4: students.1.id: found "Anna"', "lower-case")],
    ),
    "an id that is a number": ("class: ws26\nstudents:\n- id: 12\n", [("3: students.0.id: found 12", "letter first")]),
    "an id with a dot": ("class: ws26\nstudents:\n- id: a.b\n", [('3: students.0.id: found "a.b"', "hyphens")]),
    "an id that begins with a hyphen": (
        "class: ws26\nstudents:\n- id: -a\n",
        [('3: students.0.id: found "-a"', "inner hyphens")],
    ),
    "an id that ends with a hyphen": (
        "class: ws26\nstudents:\n- id: a-\n",
        [('3: students.0.id: found "a-"', "inner hyphens")],
    ),
    "an id in other letters": ("class: ws26\nstudents:\n- id: 안나\n", [('3: students.0.id: found "안나"', "letters")]),
    "an id like the platform's": (
        "class: ws26\nstudents:\n- id: istio-system\n- id: kube\n- id: shop\n",
        [
            ('3: students.0.id: found "istio-system"', "namespace of the platform"),
            ('4: students.1.id: found "kube"', "namespace of the platform"),
            ('5: students.2.id: found "shop"', "namespace of the platform"),
        ],
    ),
    "a stack like the shared cluster's": (
        "class: student\nstudents:\n- id: platform\n",
        [("3: id: found platform", "shared cluster's, student-platform")],
    ),
    "an unknown key": (
        "class: ws26\nstudnets: []\nstudents:\n- id: anna\n",
        [("2: studnets: there is no such key", CLASS_KEYS)],
    ),
    "an unknown key of a student": (
        "class: ws26\nstudents:\n- id: anna\n  phone: 555\n",
        [("4: students.0.phone: there is no such key", STUDENT_KEYS)],
    ),
    "an unknown key of the quota": (
        "class: ws26\nquota:\n  disk: 3Gi\nstudents:\n- id: anna\n",
        [("3: quota.disk: there is no such key", "cpu, memory, pods")],
    ),
    "an unknown key of the budget": (
        "class: ws26\nbudget: {amount: 3}\nstudents:\n- id: anna\n",
        [("2: budget.amount: there is no such key", "maxPerHour")],
    ),
    "keys that YAML takes for something else": (
        "class: ws26\non: 1\n2026-12-24: 2\n7: 3\nstudents:\n- id: anna\n",
        [("2: on: ", CLASS_KEYS), ("3: 2026-12-24: ", CLASS_KEYS), ("4: 7: ", CLASS_KEYS)],
    ),
    "bad mail": (
        "class: ws26\nstudents:\n- id: anna\n  mail: anna at home\n",
        [('4: students.0.mail: found "anna at home"', "one mail address")],
    ),
    "two mails": (
        "class: ws26\nstudents:\n- id: anna\n  mail: [a@b.test, c@d.test]\n",
        [("4: students.0.mail: found [", "one mail address")],
    ),
    "a bad group": (
        "class: ws26\nstudents:\n- id: anna\n  group: students\n",
        [('4: students.0.group: found "students"', "object id of an Entra group")],
    ),
    "a name that no tag can have": (
        "class: ws26\nstudents:\n- id: anna\n  name: <Anna>\n",
        [('4: students.0.name: found "<Anna>"', "none of <")],
    ),
    "a bad quota": (
        "class: ws26\nquota:\n  cpu: 0\n  memory: 6G1\n  pods: lots\nstudents:\n- id: anna\n",
        [
            ("3: quota.cpu: found 0", "1 to 64"),
            ('4: quota.memory: found "6G1"', "2Gi to 512Gi"),
            ('5: quota.pods: found "lots"', "10 to 500"),
        ],
    ),
    "a quota that is none": (
        "class: ws26\nquota: 3\nstudents:\n- id: anna\n",
        [("2: quota: found 3", "an object of settings")],
    ),
    "a misspelt tenancy": (
        "class: ws26\ntenancy: namespaces\nstudents:\n- id: anna\n",
        [('2: tenancy: found "namespaces"', '"namespace" or "cluster"')],
    ),
    "numbers out of bounds": (
        "class: ws26\ndays: 0\nhours: 25\nparallel: 51\nstudents:\n- id: anna\n",
        [("2: days: found 0", "1 to 366"), ("3: hours: found 25", "1 to 24"), ("4: parallel: found 51", "0 to 50")],
    ),
    "settings that are none": (
        "class: ws26\nsettings: [shop]\nplatform: azure\nstudents:\n- id: anna\n  settings: 3\n",
        [
            ("2: settings: found [", "keys with values"),
            ('3: platform: found "azure"', "keys with values"),
            ("6: students.0.settings: found 3", "keys with values"),
        ],
    ),
    "settings of the shared cluster under settings": (
        (
            "class: ws26\nsettings:\n  mesh: {accessLog: true}\n  target: azure\nstudents:\n- id: anna\n"
            "  settings:\n    nodes: {count: 3}\n"
        ),
        [
            ("3: settings.mesh: ", "put it under platform"),
            ("4: settings.target: ", "put it under platform"),
            ("8: settings.nodes: ", "put it under platform"),
        ],
    ),
    "a shared cluster that nobody shares": (
        "class: ws26\ntenancy: cluster\nplatform:\n  target: azure\nstudents:\n- id: anna\n",
        [("4: platform.target: ", "put it under settings")],
    ),
    "what the class sets itself": (
        (
            "class: ws26\nplatform:\n  student: {id: anna}\nsettings:\n  shared: {cpu: 4}\nstudents:\n- id: anna\n"
            "  settings:\n    student: {id: bob}\n"
        ),
        [
            ("3: platform.student: ", "the class sets it"),
            ("5: settings.shared: ", "the class sets it"),
            ("9: settings.student: ", "the class sets it"),
        ],
    ),
    "a bad setting in one student's row": (
        "class: ws26\nstudents:\n- id: anna\n- id: bob\n  settings:\n    shop:\n      order:\n        replicas: 0\n",
        [("8: istio-lab:shop.order.replicas: found 0", "1 to 20")],
    ),
    "a setting that does not exist in one student's row": (
        "class: ws26\nstudents:\n- id: anna\n  settings:\n    shop:\n      ordre: {}\n- id: bob\n",
        [("6: istio-lab:shop.ordre: found {}", "did you mean `order`?")],
    ),
    "a bad setting of the class, which is said once": (
        (
            "class: ws26\nsettings:\n  shop:\n    order:\n      replicas: 0\nstudents:\n- id: anna\n"
            "  settings: {shop: {order: {version: v2}}}\n- id: bob\n- id: carl\n"
        ),
        [("5: istio-lab:shop.order.replicas: found 0", "1 to 20")],
    ),
    "a bad setting of a student over a good one of the class": (
        (
            "class: ws26\nsettings:\n  shop: {order: {replicas: 2}}\nstudents:\n- id: anna\n- id: bob\n"
            "  settings:\n    shop: {order: {replicas: 99}}\n"
        ),
        [("8: istio-lab:shop.order.replicas: found 99", "1 to 20")],
    ),
    "a rule for what a student does not have": (
        (
            "class: ws26\nsettings:\n  traffic: {order: {timeout: 3s}}\nstudents:\n- id: anna\n- id: bob\n"
            "  settings: {shop: {enabled: false}}\n"
        ),
        [("3: istio-lab:traffic.order: found ", "which serve it (for bob)")],
    ),
    "a bad setting of the shared cluster": (
        "class: ws26\nplatform:\n  target: azure\n  azure:\n    location: Amsterdam\nstudents:\n- id: anna\n",
        [('5: istio-lab:azure.location: found "Amsterdam"', "region")],
    ),
    "an existing cluster that is not named": (
        "class: ws26\nplatform:\n  target: kubeconfig\nstudents:\n- id: anna\n",
        [("2: istio-lab:kubeconfig.context: ", "name it"), ("2: istio-lab:kubeconfig.file: ", "name it")],
    ),
    "one existing cluster for each": (
        (
            "class: ws26\ntenancy: cluster\nsettings:\n  target: kubeconfig\n  kubeconfig: {file: k.yaml, context: c}\n"
            "students:\n- id: anna\n- id: bob\n"
        ),
        [("4: settings.target: found kubeconfig", "can be shared, with tenancy namespace")],
    ),
    "a bad setting of the class that one student does not have": (
        "class: ws26\nsettings: {shop: {order: {replicas: 0}}}\nstudents:\n"
        + "".join(f"- id: s{number}\n" for number in range(4))
        + "- {id: good, settings: {shop: {order: {replicas: 1}}}}\n",
        [("2: istio-lab:shop.order.replicas: found 0", "1 to 20 (for s0, s1, s2 and others)")],
    ),
    "much at once, in the order of the lines": (
        "class: ws26\nhours: 99\nquota:\n  pods: 1\nstudents:\n"
        + "".join(f"- id: S{number}\n" for number in range(6, 13)),
        [
            ("2: hours: ", ""),
            ("4: quota.pods: ", ""),
            *((f"{number}: students.{number - 6}.id: ", "1 to 20") for number in range(6, 13)),
        ],
    ),
}

CSV: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "nothing": ("", [("1: found the columns none", "must be id")]),
    "no column id": ("name,mail\nAnna,a@b.test\n", [("1: found the columns name, mail", "must be id")]),
    "no column that is an id in any language": (
        "번호,이름\n1,안나\n",
        [("1: found the columns 번호, name", "must be id")],
    ),
    "a column twice": ("id,name,name\nanna,Anna,Anna\n", [("1: the column name is there twice", "")]),
    "a column inside another": (
        "id,shop,shop.order.replicas\nanna,{},2\n",
        [("1: the column shop.order.replicas is a part of the column shop", "")],
    ),
    "no student": ("id,name\n", [("1: students: found none", "at least one")]),
    "too many values": ("id,name\nanna,Anna\nbob,Bob,Builder\n", [("3: more values than the 2 columns of line 1", "")]),
    "an open quote": ('id,name\nanna,"Anna\n', [("2: this is no CSV", "unexpected end of data")]),
    "text behind a quote": ('id,name\nanna,"Anna" Kim\n', [("2: this is no CSV", "expected after")]),
    "an empty id": ("id,name\nanna,Anna\n,Bob\n", [('3: id: found ""', "1 to 20")]),
    "an id twice": ("id\nanna\nbob\nanna\n", [("4: id: found anna", ":2 has too")]),
    "an id in upper case": ("id\nanna\nBOB\n", [('3: students.1.id: found "BOB"', "lower-case")]),
    "bad mail, after a name of two lines": (
        'id,name,mail\nanna,"Anna\nKim",a@b.test\nbob,"Bob\nKim",nobody\n',
        [('4: students.1.mail: found "nobody"', "one mail address")],
    ),
    "bad mail, after empty lines": (
        "id,mail\n\nanna,a@b.test\n\n\nbob,nobody\n",
        [('6: students.1.mail: found "nobody"', "one mail address")],
    ),
    "a column of unknown settings": (
        "id,shop.ordre.replicas\nanna,2\nbob,\ncarl,3\n",
        [("2: istio-lab:shop.ordre: found ", "did you mean"), ("4: istio-lab:shop.ordre: found ", "did you mean")],
    ),
    "a bad setting": (
        "id,shop.order.replicas\nanna,2\nbob,many\n",
        [('3: istio-lab:shop.order.replicas: found "many"', "1 to 20")],
    ),
    "a setting of the shared cluster": (
        "id,mesh.accessLog\nanna,\nbob,true\n",
        [("3: settings.mesh: ", "put it under platform")],
    ),
}


def test_there_are_far_more_than_twenty_five_bad_class_files() -> None:
    assert len(YAML) + len(CSV) > 75


def assert_reported(message: str, name: str, expected: list[tuple[str, str]]) -> None:
    found = reported(message)

    assert len(found) == len(expected), message
    for line, (begins, contains) in zip(found, expected, strict=True):
        assert line.startswith(f"{name}:{begins}"), message
        assert contains in line, message


@pytest.mark.parametrize(("text", "expected"), YAML.values(), ids=YAML)
def test_what_is_wrong_in_a_class_file_is_named_with_its_line(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    (tmp_path / "class.yaml").write_text(text, encoding="utf-8")

    assert_reported(refusal(tmp_path / "class.yaml"), "class.yaml", expected)


@pytest.mark.parametrize(("text", "expected"), CSV.values(), ids=CSV)
@pytest.mark.parametrize("bare", [True, False], ids=["alone", "named by a class file"])
def test_what_is_wrong_in_a_table_of_students_is_named_with_its_line(
    tmp_path: Path, text: str, expected: list[tuple[str, str]], *, bare: bool
) -> None:
    (tmp_path / "ws26.csv").write_text(text, encoding="utf-8")
    (tmp_path / "class.yaml").write_text("\n\n\n\nclass: ws26\nstudents: ws26.csv\n", encoding="utf-8")

    message = refusal(tmp_path / ("ws26.csv" if bare else "class.yaml"))

    assert_reported(message, "ws26.csv", expected)


@pytest.mark.parametrize("name", ["class.yaml", "ws26.csv"])
def test_a_file_that_is_not_utf_8_is_refused_with_the_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes("id,name\nanna,Anna\nbob,Jürgen\n".encode("latin-1"))

    assert refusal(tmp_path / name) == f"{name}:3: this is not UTF-8 text"


@pytest.mark.parametrize("name", ["class.yaml", "ws26.csv"])
def test_a_class_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    assert f"there is no class file {tmp_path / name}" in refusal(tmp_path / name)


def test_a_folder_is_no_class_file(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_the_name_of_a_table_that_can_be_no_class_is_refused(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, {"students of 2026.csv": "id\nanna\n"}))

    assert 'students of 2026.csv:1: class: found "students of 2026"' in message


def test_mistakes_in_two_files_are_reported_together(tmp_path: Path) -> None:
    path = write(tmp_path, {"class.yaml": "class: ws26\ndays: 0\nstudents: rows.csv\n", "rows.csv": "id\nanna\nBOB\n"})

    message = refusal(path)

    assert message.startswith("class.yaml: 2 things are wrong, so nothing was begun:")
    assert [line.split(": ")[0] for line in reported(message)] == ["class.yaml:2", "rows.csv:3"]


def test_one_mistake_is_one_thing_though_every_student_would_have_it(tmp_path: Path) -> None:
    path = write(tmp_path, {"class.yaml": "class: ws26\nsettings: {shop: {x: 1}}\nstudents: [{id: anna}, {id: bob}]\n"})

    assert refusal(path).startswith("class.yaml: 1 thing is wrong, so nothing was begun:")


def test_a_long_value_is_cut_so_that_the_line_stays_readable(tmp_path: Path) -> None:
    (line,) = reported(refusal(write(tmp_path, {"class.yaml": f"class: {'x' * 500}\nstudents: [{{id: anna}}]\n"})))

    assert len(line) < 160


# --- good ones ---


def test_students_can_stand_in_the_class_file(tmp_path: Path) -> None:
    found = read(tmp_path, INLINE.replace("    expires: 2026-12-24\n", ""))

    assert (found.classroom, found.days, found.hours, found.shared) == ("ws26", 5, 8, True)
    assert [(each.id, each.name, each.mail, each.group) for each in found.students] == [
        ("anna", "안나", "anna@example.test", ""),
        ("bob-k2", "", "", GROUP),
    ]
    assert [each.stack for each in found.students] == ["student-anna", "student-bob-k2"]
    assert found.platform_stack == "ws26-platform"


def test_a_day_without_quotes_is_a_day() -> None:
    found = source._yaml("expires: 2026-12-24\n2026-12-25: 2026-13-99\n", "class.yaml")  # noqa: SLF001

    assert found.data == {"expires": "2026-12-24", "2026-12-25": "2026-13-99"}


def test_students_can_stand_in_a_table_beside_the_class_file(tmp_path: Path) -> None:
    rows = "id,name,mail,shop.order.replicas,shop.order.version\nanna,Anna,,2,v3\nbob,Bob,b@c.test,,\n"

    found = read(tmp_path, "class: ws26\ntenancy: cluster\nstudents: rows.csv\n", rows=rows)

    assert found.tenancy is Tenancy.CLUSTER
    assert [each.settings for each in found.students] == [{"shop": {"order": {"replicas": "2", "version": "v3"}}}, {}]
    assert configuration.of_student(found, found.find("bob")) == {"student": {"id": "bob", "classroom": "ws26"}}


def test_a_table_alone_is_a_class_with_the_name_of_the_file(tmp_path: Path) -> None:
    found = validation.read(write(tmp_path, {"WS26.csv": "name,id\nAnna,anna\nBob,bob\n"}))

    assert (found.classroom, found.shared, [each.id for each in found.students]) == ("ws26", True, ["anna", "bob"])


ROWS = ["id,name,mail", 'anna,"Kim, Anna",a@b.test', "bob,Bob,"]
TABLES = {
    "plain": "\n".join(ROWS),
    "semicolons": "\n".join(ROWS).replace('"Kim, Anna"', "Kim| Anna").replace(",", ";").replace("|", ","),
    "a mark that says UTF-8": "\ufeff" + "\n".join(ROWS),
    "lines of Windows": "\r\n".join(ROWS) + "\r\n",
    "spaces": "\n".join(ROWS).replace(",Bob,", " , Bob , ").replace("id,name,", "id, name ,").replace('"Kim', ' "Kim'),
    "empty lines": "\n\n".join(ROWS) + "\n\n",
    "too few values": "\n".join(ROWS).replace(",Bob,", ",Bob"),
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_a_table_is_read_however_a_spreadsheet_writes_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "ws26.csv").write_bytes(text.encode())

    found = validation.read(tmp_path / "ws26.csv")

    assert [(each.id, each.name, each.mail) for each in found.students] == [
        ("anna", "Kim, Anna", "a@b.test"),
        ("bob", "Bob", ""),
    ]


def test_an_anchor_can_be_used_for_what_several_students_have(tmp_path: Path) -> None:
    text = "class: ws26\nstudents:\n- {id: a, settings: &x {shop: {order: {replicas: 4}}}}\n- {id: b, settings: *x}\n"
    found = read(tmp_path, text + "- id: c\n  settings:\n    <<: *x\n    tutorial: {bookinfo: false}\n")

    assert [each.settings["shop"]["order"]["replicas"] for each in found.students] == [4, 4, 4]


def with_students(folder: Path, count: int, more: str = "") -> Path:
    """A class file of many, whose students stand in its third line."""
    rows = "".join(f"- id: s{number}\n" for number in range(count))
    return write(folder, {"class.yaml": f"class: ws26\n# all\nstudents:\n{rows}{more}"})


@pytest.mark.parametrize("more", ["", "platform: {target: embedded}\n", "platform: {nodes: {cpu: 32}}\n"])
def test_more_students_than_the_simulated_nodes_have_room_for_are_refused(tmp_path: Path, more: str) -> None:
    assert len(validation.read(with_students(tmp_path, 146, more)).students) == 146
    message = refusal(with_students(tmp_path, 147, more))

    assert_reported(
        message, "class.yaml", [("3: students: found 147; allowed on the embedded target: 146", "50 simulated nodes")]
    )


@pytest.mark.parametrize(
    "more",
    [
        "platform: {nodes: {count: 50}}\n",
        "platform: {target: azure}\n",
        "platform: {target: kubeconfig, kubeconfig: {file: k.yaml, context: c}}\n",
        "tenancy: cluster\n",
    ],
)
def test_how_many_there_is_room_for_is_not_said_of_nodes_that_somebody_else_counts(tmp_path: Path, more: str) -> None:
    assert len(validation.read(with_students(tmp_path, 147, more)).students) == 147


NO_CONTROLLER = "class: ws26\nplatform:\n  rollouts:\n    enabled: false\n"
AT_THE_SWITCH = "4: platform.rollouts.enabled: found false, but the Rollouts of "
OFF = "{rollouts: {enabled: false}}"


@pytest.mark.parametrize(
    ("rest", "whose"),
    [
        ("students: [{id: anna}]\n", "anna need it"),
        ("settings: {rollouts: {enabled: true}}\nstudents: [{id: anna}]\n", "anna need it"),
        ("settings: {rollouts: {example: {enabled: false}}}\nstudents: [{id: anna}]\n", "anna need it"),
        (f"students: [{{id: anna, settings: {OFF}}}, {{id: bob}}, {{id: carl}}]\n", "bob, carl need it"),
        (
            f"settings: {OFF}\nstudents: [{{id: anna}}, {{id: bob, settings: {{rollouts: {{enabled: true}}}}}}]\n",
            "bob need it",
        ),
    ],
)
def test_a_cluster_without_the_controller_that_students_rollouts_need_is_refused(
    tmp_path: Path, rest: str, whose: str
) -> None:
    message = refusal(write(tmp_path, {"class.yaml": NO_CONTROLLER + rest}))

    assert_reported(message, "class.yaml", [(AT_THE_SWITCH + whose, "put rollouts.enabled: false under settings too")])


@pytest.mark.parametrize(
    "rest",
    [
        f"settings: {OFF}\nstudents: [{{id: anna}}, {{id: bob}}]\n",
        f"students: [{{id: anna, settings: {OFF}}}, {{id: bob, settings: {OFF}}}]\n",
    ],
)
def test_a_cluster_without_the_controller_is_enough_for_students_without_rollouts(tmp_path: Path, rest: str) -> None:
    found = validation.read(write(tmp_path, {"class.yaml": NO_CONTROLLER + rest}))

    assert not Settings.from_mapping(configuration.of_platform(found), source="x").rollouts.enabled


def test_a_student_is_found_by_id_and_others_are_named_when_there_is_none() -> None:
    assert many(3).find("s1").stack == "student-s1"
    with pytest.raises(LabError, match="s9 is not in the class ws26") as caught:
        many(3).find("s9")
    assert caught.value.remedy == "name one of: s0, s1, s2"


# --- any text at all ---

WORDS = some.sampled_from(
    ["class", "students", "id", "settings", "platform", "quota", "tenancy", "anna", "ws26", "shop", "cluster", "*a"]
)
PIECES = some.one_of(
    WORDS,
    some.sampled_from(
        [": ", "\n", "\n- ", "\n  ", "{", "}", "[", "]", ", ", '"', "'", "&a ", "<<", "!!int ", "? ", "|"]
    ),
    some.sampled_from(["2026-12-24", "2026-99-99", "0x_", "1:2", ".inf", "~", "yes", "\t", ";", "#", "\x00", "\u2028"]),
    some.text(max_size=8),
)
TEXTS = some.one_of(some.text(), some.lists(PIECES, max_size=40).map("".join))


@pytest.mark.parametrize("name", ["class.yaml", "ws26.csv"])
@hypothesis(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=TEXTS)
def test_any_text_is_a_class_or_is_refused_with_a_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-8", errors="surrogatepass"))
    try:
        found = validation.read(tmp_path / name)
    except LabError as error:
        assert re.search(rf"{re.escape(name)}:\d+: ", error.message), error.message  # noqa: PT017 - or none at all
    else:
        assert found.students

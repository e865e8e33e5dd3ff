"""A stack's file as editors leave it: read as Pulumi reads it, or refused by file, line and remedy.

What is wrong with the settings in it is in `test_settings`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lab.adapters import process, stack_file
from lab.adapters.stack import Stack
from lab.core import paths
from lab.core.errors import LabError
from lab.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

NODES = {"nodes": {"count": 4}}
PLAIN = "config:\n  istio-lab:nodes:\n    count: 4\n"

READ: dict[str, tuple[str | bytes, dict[str, object]]] = {
    "plain": (PLAIN, NODES),
    "a mark of UTF-8": (b"\xef\xbb\xbf" + PLAIN.encode(), NODES),
    "lines of Windows": (PLAIN.replace("\n", "\r\n"), NODES),
    "no last line end": (PLAIN.rstrip(), NODES),
    "comments and empty lines": (f"# ours\n\n{PLAIN}\n# end\n", NODES),
    "a comment in Korean": (f"# 우리 것\n{PLAIN}", NODES),
    "a document's beginning": (f"---\n{PLAIN}", NODES),
    "a document's beginning and end": (f"---\n{PLAIN}...\n", NODES),
    "one line": ("config: {istio-lab:nodes: {count: 4}}", NODES),
    "JSON": ('{"config": {"istio-lab:nodes": {"count": 4}}}', NODES),
    "keys in quotes": ('"config":\n  "istio-lab:nodes":\n    "count": 4\n', NODES),
    "spaces behind values": (PLAIN.replace("\n", "  \n"), NODES),
    "eight spaces": ("config:\n        istio-lab:nodes:\n                count: 4\n", NODES),
    "no namespace, which Pulumi takes for the project's": ("config:\n  nodes: {count: 4}\n", NODES),
    "JSON in a text": ("config:\n  istio-lab:nodes: '{\"count\": 4}'\n", {"nodes": '{"count": 4}'}),
    "settings of others": (f"{PLAIN}  azure-native:location: x\n  gitlab:token: t\n  kubernetes:context: c\n", NODES),
    "what Pulumi writes": (f"encryptionsalt: v1:x\nsecretsprovider: passphrase\n{PLAIN}", NODES),
    "an anchor": ("x: &n {count: 4}\nconfig:\n  istio-lab:nodes: *n\n", NODES),
    "a merge": ("x: &n {count: 4}\nconfig:\n  istio-lab:nodes:\n    <<: *n\n", NODES),
    "nothing": ("", {}),
    "a mark of UTF-8 alone": (b"\xef\xbb\xbf", {}),
    "spaces": ("  \n \n", {}),
    "comments alone": ("# nothing\n", {}),
    "null": ("null\n", {}),
    "no configuration": ("encryptionsalt: v1:x\n", {}),
    "an empty configuration": ("config:\n", {}),
    "a configuration of nothing": ("config: {}\n", {}),
}

DEEP = "[" * 50_000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

REFUSED: dict[str, tuple[str | bytes, str, str]] = {
    "UTF-16": (PLAIN.encode("utf-16"), "1: this is UTF-16 text, not UTF-8", "save the file as UTF-8"),
    "UTF-16 of the other order": (b"\xfe\xff" + PLAIN.encode("utf-16-be"), "1: this is UTF-16 text", "save"),
    "UTF-32": (PLAIN.encode("utf-32"), "1: this is UTF-32 text", "save the file as UTF-8"),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), "1: this is no YAML: special characters", "mend that line"),
    "Latin-1": ("config:\n  # für\n".encode("latin-1"), "2: this is not UTF-8 text", "save the file as UTF-8"),
    "CP949": ("config:\n\n  # 우리\n".encode("cp949"), "3: this is not UTF-8 text", "save the file as UTF-8"),
    "a workbook": (b"PK\x03\x04\x00", "1: this is no text, but a spreadsheet or an archive", "save it as text"),
    "compressed": (b"\x1f\x8b\x08", "1: this is no text, but compressed (gzip)", "save it as text"),
    "a tab": ("config:\n\tistio-lab:target: embedded\n", "2: this is no YAML: found character '\\t'", "mend"),
    "a control character": ("config:\n  istio-lab:target: \x07\n", "2: this is no YAML: special characters", "mend"),
    "an open bracket": ("config: {istio-lab:nodes: {count: 4}\n", "2: this is no YAML: expected", "mend that line"),
    "an open quote": ('config:\n  istio-lab:target: "embedded\n', "3: this is no YAML", "mend that line"),
    "a wrong indent": ("config:\n  istio-lab:target: x\n   y: z\n", "3: this is no YAML", "mend that line"),
    "an alias of nothing": ("config: *x\n", "1: this is no YAML: found undefined alias", "mend that line"),
    "a tag of Python": ("config: !!python/name:os.system\n", "1: this is no YAML: could not determine", "mend"),
    "a number that is none": ("config:\n  x: !!int y\n", "2: this is no YAML: y is no int", "mend that line"),
    "a day that is none": ("config:\n  x: 2026-99-99\n", "2: this is no YAML: 2026-99-99 is no timestamp", "mend"),
    "two documents": (f"{PLAIN}---\n{PLAIN}", "4: this is no YAML: but found another document", "mend that line"),
    "50,000 brackets": (f"config: {DEEP}", "1: values are nested without end", "take the innermost out"),
    "50,000 closed brackets": (f"config: {DEEP}{DEEP.replace('[', ']')}", "1: values are nested without end", "take"),
    "a bomb of aliases": (f"{BOMB}config: {{}}\n", "5: aliases make more than 100000 values", "write fewer"),
    "a value inside itself": ("config: &c {istio-lab:nodes: *c}\n", "1: this is no YAML: a value that is", "mend"),
    "a list": ("- config\n", "1: found a list; allowed: keys with values", "mend the file"),
    "an empty list": ("[]\n", "1: found a list; allowed: keys with values", "mend the file"),
    "a text": ("config\n", "1: found a text or a number; allowed: keys with values", "mend the file"),
    "a number": ("42\n", "1: found a text or a number; allowed: keys with values", "mend the file"),
    "a switch": ("true\n", "1: found a text or a number; allowed: keys with values", "mend the file"),
    "a configuration that is a list": ("config:\n- a\n", '1: config: found ["a"]; allowed: keys with values', "below"),
    "a configuration that is a text": ("\nconfig: a\n", '2: config: found "a"; allowed: keys with values', "below it"),
    "a configuration that is a number": ("config: 3\n", "1: config: found 3; allowed: keys with values", "below it"),
    "a number as a key": ("config:\n  1: x\n", "2: the key 1 is no text to YAML (int)", 'write it so: "1"'),
    "a switch as a key": (
        "config:\n  istio-lab:nodes:\n    yes: x\n",
        "3: the key yes is no text to YAML (bool)",
        '"yes"',
    ),
    "null as a key": ("config:\n  null: x\n", "2: the key null is no text to YAML (null)", '"null"'),
    "a tilde as a key": ("config:\n  ~: x\n", "2: the key ~ is no text to YAML (null)", '"~"'),
    "a day as a key": ("config:\n  2026-11-28: x\n", "2: the key 2026-11-28 is no text to YAML", '"2026-11-28"'),
    "a list as a key": ("config:\n  [a]: x\n", "2: a key is a list; allowed: text", "mend that line"),
    "a mapping as a key": ("config:\n  ? {a: b}\n  : x\n", "2: a key is keys with values; allowed: text", "mend"),
    "a setting twice": (f"{PLAIN}  istio-lab:nodes: {{}}\n", "4: istio-lab:nodes stands there twice", "keep one"),
    "a part of a setting twice": (
        "config:\n  istio-lab:nodes: {count: 4, count: 3}\n",
        "2: count stands there",
        "keep",
    ),
    "the configuration twice": (f"{PLAIN}{PLAIN}", "4: config stands there twice", "keep one of them"),
    "a setting with and without namespace": (
        f"{PLAIN}  nodes: {{}}\n",
        "4: nodes is istio-lab:nodes, which",
        "keep",
    ),
    "istiolab": ("config:\n  istiolab:target: embedded\n", "2: istiolab:target: no setting", "istio-lab:target"),
    "istio_lab": ("config:\n  istio_lab:target: embedded\n", "2: istio_lab:target: no setting", "istio-lab:target"),
    "Istio-Lab": ("config:\n  Istio-Lab:target: embedded\n", "2: Istio-Lab:target: no setting", "istio-lab:target"),
    "isito-lab": ("config:\n  isito-lab:target: embedded\n", "2: isito-lab:target: no setting", "istio-lab:target"),
    "istio": ("config:\n  istio:target: embedded\n", "2: istio:target: no setting", "write istio-lab:target"),
    "istio-labs": ("config:\n\n  istio-labs:nodes: {}\n", "3: istio-labs:nodes: no setting", "istio-lab:nodes"),
}


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "Pulumi.dev.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_there_are_more_than_sixty_files_of_settings() -> None:
    assert len(READ) + len(REFUSED) > 70


@pytest.mark.parametrize(("content", "expected"), READ.values(), ids=READ)
def test_a_file_is_read_as_pulumi_reads_it(tmp_path: Path, content: str | bytes, expected: dict[str, object]) -> None:
    found = stack_file.settings(write(tmp_path, content), "dev")

    assert found == expected
    assert Settings.from_mapping(found, source="Pulumi.dev.yaml").nodes.count == (4 if expected else 3)


@pytest.mark.parametrize(("content", "message", "remedy"), REFUSED.values(), ids=REFUSED)
def test_a_file_is_refused_by_file_line_and_remedy(
    tmp_path: Path, content: str | bytes, message: str, remedy: str
) -> None:
    with pytest.raises(LabError) as caught:
        stack_file.settings(write(tmp_path, content), "dev")

    assert caught.value.message.startswith(f"Pulumi.dev.yaml:{message}"), caught.value.message
    assert remedy in caught.value.remedy
    assert len(caught.value.message) < 200


def test_no_file_says_nothing(tmp_path: Path) -> None:
    assert stack_file.settings(tmp_path / "Pulumi.dev.yaml", "dev") == {}


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").mkdir()

    with pytest.raises(LabError, match=r"Pulumi.dev.yaml is a folder, and should be a file"):
        stack_file.settings(tmp_path / "Pulumi.dev.yaml", "dev")


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").symlink_to("gone.yaml")

    with pytest.raises(LabError, match=r"Pulumi.dev.yaml cannot be read: No such file"):
        stack_file.settings(tmp_path / "Pulumi.dev.yaml", "dev")


def test_a_file_that_nobody_may_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    file = write(tmp_path, PLAIN)
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)

    with pytest.raises(LabError, match=r"Pulumi.dev.yaml cannot be read: Permission denied"):
        stack_file.settings(file, "dev")


ENCRYPTED = 'config:\n  istio-lab:target: {secure: "v1:x"}\n  istio-lab:nodes: {count: {secure: "v1:y"}, zones: 1}\n'


def test_a_setting_that_was_encrypted_is_the_same_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {
        "istio-lab:target": {"value": "kubeconfig", "secret": True},
        "istio-lab:nodes": {"value": "{}", "objectValue": {"count": "2", "zones": 1}, "secret": True},
        "istio-lab:mesh": {"value": "{}", "objectValue": {"a": "default of Pulumi.yaml"}, "secret": False},
    }
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> process.Result:
        asked.append(command)
        return process.Result(code=0, stdout=json.dumps(shown), stderr="")

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    write(tmp_path, ENCRYPTED)

    assert Stack("dev").config() == {"target": "kubeconfig", "nodes": {"count": "2", "zones": 1}}
    assert Stack("dev").target == "kubeconfig"
    assert ["--show-secrets" in words for words in asked] == [True, True]


def test_a_setting_that_cannot_be_decrypted_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> process.Result:
        raise LabError("pulumi config failed: error: incorrect passphrase")

    monkeypatch.setattr(process, "run", run)

    with pytest.raises(LabError, match=r"is encrypted, and cannot .*: .*incorrect passphrase") as caught:
        stack_file.settings(write(tmp_path, ENCRYPTED), "dev")
    assert "pulumi config set --plaintext istio-lab:KEY VALUE --stack dev" in caught.value.remedy


def test_pulumi_is_not_asked_where_nothing_is_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", None)

    assert stack_file.settings(write(tmp_path, f"{PLAIN}  gitlab:token: {{secure: v1:x}}\n"), "dev") == NODES

"""An az, a docker and a podman that only pretend, over one little registry kept in a file."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """#!{python} -IS
import json, os, pathlib, sys

folder, program, words = pathlib.Path({folder!r}), pathlib.Path(sys.argv[0]).name, sys.argv[1:]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([program, *words]) + "\\n")
faults = json.loads((folder / "faults.json").read_text())
for part, text in faults.items():
    if part in " ".join([program, *words]):
        sys.exit(text)
store = json.loads((folder / "store.json").read_text())

def after(flag, every=False):
    found = [words[place + 1] for place, word in enumerate(words) if word == flag]
    return found if every else found[0]

def keep(names):
    digest = "sha256:" + os.urandom(32).hex()
    for name in names:
        repository, _, tag = name.rpartition("/")[2].partition(":")
        entry = {{"name": tag, "digest": digest, "createdTime": "2026-11-24T08:00:00Z"}}
        store.setdefault(repository, []).insert(0, entry)
    (folder / "store.json").write_text(json.dumps(store))

match [program, *words[:3]]:
    case ["az", "acr", "repository", "show-tags"]:
        repository = after("--repository")
        if repository not in store:
            sys.exit(f"ERROR: 2026-11-24 repository \\"{{repository}}\\" is not found. Correlation ID: 1.")
        print(json.dumps(store[repository]))
    case ["az", "acr", "repository", "update"]:
        print("{{}}")
    case ["az", "acr", "build", *_]:
        print("Step 1/9 : FROM base")
        keep(after("--image", every=True))
        print("Run ID: ca1 was successful after 41s")
    case ["az", "acr", "login", *_]:
        print(json.dumps({{"accessToken": "the-token", "loginServer": "lab.azurecr.io"}}))
    case ["docker" | "podman", "image", "ls", *_]:
        for entry in store.get(words[-1], []):
            print(json.dumps({{"Tag": entry["name"], "Digest": "<none>", "ID": entry["digest"], "CreatedAt": "today"}}))
    case ["docker" | "podman", "build", *_]:
        (folder / "local").write_text(json.dumps(after("--tag", every=True)))
        if "azurecr" not in " ".join(words):
            keep(after("--tag", every=True))
    case ["docker" | "podman", "login", *_]:
        (folder / "token").write_text(sys.stdin.read())
    case ["docker" | "podman", "push", *_]:
        names = json.loads((folder / "local").read_text())
        if words[-1] == names[-1]:
            keep(names)
    case _:
        sys.exit("not pretended: " + " ".join([program, *words]))
"""


class Pretended:
    """The programs, and what they were asked."""

    def __init__(self, folder: Path, programs: tuple[str, ...]) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        for name in programs:
            file = self.bin / name
            file.write_text(PROGRAM.format(python=sys.executable, folder=str(folder)))
            file.chmod(0o755)
        (folder / "calls").touch()
        self.fail()
        self.hold()

    def hold(self, **repositories: dict[str, str]) -> None:
        """What the registry has: digests by tag, the newest first, of every repository."""
        store = {
            name: [
                {"name": tag, "digest": digest, "createdTime": "2026-11-23T08:00:00Z"} for tag, digest in tags.items()
            ]
            for name, tags in repositories.items()
        }
        (self.folder / "store.json").write_text(json.dumps(store))

    def fail(self, **faults: str) -> None:
        """What is answered to commands that have some words in them, underscores for spaces."""
        (self.folder / "faults.json").write_text(
            json.dumps({key.replace("_", " "): text for key, text in faults.items()})
        )

    def tags(self, repository: str) -> dict[str, str]:
        store: dict[str, Any] = json.loads((self.folder / "store.json").read_text())
        return {each["name"]: each["digest"] for each in store.get(repository, [])}

    def calls(self, *begin: str) -> list[str]:
        """The commands that begin so, as a shell would be given them."""
        lines = (json.loads(line) for line in (self.folder / "calls").read_text().splitlines())
        return [shlex.join(words) for words in lines if tuple(words[: len(begin)]) == begin]

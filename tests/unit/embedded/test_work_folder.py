"""kwokctl's work folder, in a path with a space as well: of a variable's value it reads the first word alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.platforms.embedded import work_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_variable_names_the_folder_in_a_path_without_a_space(tmp_path: Path) -> None:
    assert work_folder.variables(tmp_path) == {"KWOK_WORKDIR": str(tmp_path / "kwok")}
    assert work_folder.cluster(tmp_path) == tmp_path / "kwok" / "clusters" / "lab"


def test_the_folder_is_below_home_in_a_path_with_a_space(tmp_path: Path) -> None:
    directory = tmp_path / "istio lab"

    assert work_folder.variables(directory) == {"HOME": str(directory)}
    assert work_folder.cluster(directory) == directory / ".kwok" / "clusters" / "lab"


def test_a_folder_is_found_after_it_was_moved_to_another_kind_of_path(tmp_path: Path) -> None:
    spaced, plain = tmp_path / "istio lab", tmp_path / "istio-lab"
    (plain / "kwok" / "clusters" / "lab").mkdir(parents=True)

    plain.rename(spaced)
    assert work_folder.cluster(spaced).is_dir()
    assert work_folder.variables(spaced) == {"HOME": str(spaced)}

    spaced.rename(plain)
    assert work_folder.cluster(plain).is_dir()
    assert work_folder.variables(plain) == {"HOME": str(plain)}

"""The start of a control plane, with kwokctl and the components played."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from lab import toolchain
from lab.adapters import process, process_tree, web
from lab.core.errors import LabError
from lab.platforms.embedded import work_folder
from lab.platforms.embedded.control_plane import COMPONENTS, ControlPlane
from lab.platforms.embedded.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTROLLERS = "kube-controller-manager"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[ControlPlane, list[str]]]:
    """Return a control plane, and what kwokctl is asked to start: each time all but one that ends at once."""

    def machine(ends: str, *, times: int) -> tuple[ControlPlane, list[str]]:
        plane = ControlPlane(directory=tmp_path / "lab", ports=Ports.allocate())
        cluster = work_folder.cluster(plane.directory)
        (cluster / "pids").mkdir(parents=True)
        (cluster / "bin").mkdir()
        (cluster / "kwok.yaml").write_text(yaml.safe_dump({"components": []}))
        starts: list[str] = []

        def kwokctl(_command: list[str], **_: object) -> process.Result:
            files = {name: cluster / "pids" / f"{name}.pid" for name in COMPONENTS}
            new = [name for name, file in files.items() if not file.exists()]
            starts.append(" ".join(new))
            for name in new:
                files[name].write_text("dead" if name == ends and len(starts) <= times else "alive")
            return process.Result(code=0, stdout="", stderr="")

        monkeypatch.setattr(toolchain, "path", lambda name: tmp_path / name)
        monkeypatch.setattr(process, "run", kwokctl)
        monkeypatch.setattr(process, "start_detached", lambda *_args, **_kwargs: None)
        monkeypatch.setattr(web, "answers", lambda *_args, **_kwargs: True)
        monkeypatch.setattr(
            process_tree, "find", lambda file, _mark: file if file.exists() and file.read_text() == "alive" else None
        )
        return plane, starts

    return machine


def test_controllers_that_did_not_wait_for_the_api_server_are_started_again(
    machine: Callable[..., tuple[ControlPlane, list[str]]],
) -> None:
    plane, starts = machine(CONTROLLERS, times=1)

    plane.start()

    assert starts == [" ".join(COMPONENTS), CONTROLLERS], "what runs is left alone"


def test_controllers_that_end_each_time_are_an_error(
    machine: Callable[..., tuple[ControlPlane, list[str]]],
) -> None:
    plane, starts = machine(CONTROLLERS, times=9)

    with pytest.raises(LabError, match=f"{CONTROLLERS} ended at once"):
        plane.start()
    assert len(starts) == 2

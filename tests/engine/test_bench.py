"""`make bench`, for one round: both approaches bring up the same lab, and every sample is written."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.results import Measure
from lab.core import paths

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT = 600.0


def test_one_round_of_both_approaches_ends_well_with_all_samples(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks", "notes", "--rounds", "1", "--json", str(file)],
        cwd=paths.PROJECT,
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    samples = json.loads(file.read_text())["samples"]
    assert [each["measure"] for each in samples] == list(Measure)
    assert all(each["round"] == 1 and each["seconds"] > 0 and each["peakMemoryBytes"] > 0 for each in samples)
    assert list(paths.home().glob("bench-*")) == [], "nothing is left of it"

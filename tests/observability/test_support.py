"""The images of Istio's addons are those that the table of ends of support speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from lab.settings.support import PINS
from lab.toolchain import artifacts

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLACED = {"grafana/loki", "prom/prometheus"}
"""Of which the lab names the version itself."""


def images(node: object) -> Iterator[str]:
    """Every image of a manifest."""
    if isinstance(node, dict):
        if isinstance(node.get("image"), str):
            yield node["image"]
        for value in node.values():
            yield from images(value)
    elif isinstance(node, list):
        for value in node:
            yield from images(value)


def test_every_image_of_the_addons_has_a_row_of_its_version() -> None:
    found = {}
    for name in ("grafana", "jaeger", "kiali", "loki", "prometheus"):
        text = artifacts.path(f"addon-{name}.yaml").read_text(encoding="utf-8")
        for image in images(list(yaml.safe_load_all(text))):
            repository, _, tag = image.partition("/")[2].partition(":")
            found[repository] = tag

    assert found.keys() >= REPLACED
    assert {
        repository: tag
        for repository, tag in found.items()
        if repository not in REPLACED and not f"{tag}.".startswith(f"{PINS[repository].line}.")
    } == {}

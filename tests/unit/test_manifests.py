"""Somebody else's manifests, fitted to the lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.core import manifests
from lab.core.manifests import Overlay

if TYPE_CHECKING:
    from pathlib import Path

HUBS = {"registry.example.test/release": "docker.io/istio"}

SERVICE = {"kind": "Service", "metadata": {"name": "reviews"}, "spec": {"selector": {"app": "reviews"}}}


@pytest.fixture
def load(tmp_path: Path) -> Any:  # noqa: ANN401 - a function
    def load(*documents: object, skip_await: bool = True) -> list[dict[str, Any]]:
        file = tmp_path / "manifest.yaml"
        file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
        return manifests.load(file, Overlay(namespace="tutorial", image_hubs=HUBS, skip_await=skip_await))

    return load


def deployment(image: object, **more: object) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"containers": [{"image": image, **more}]}}


def image_of(document: dict[str, Any]) -> object:
    return document["spec"]["containers"][0]["image"]


def test_every_object_goes_to_the_namespace_even_from_another(load: Any) -> None:  # noqa: ANN401
    elsewhere = {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}

    assert [found["metadata"]["namespace"] for found in load(SERVICE, elsewhere)] == ["tutorial", "tutorial"]


def test_empty_documents_are_no_objects_and_the_order_stays(load: Any) -> None:  # noqa: ANN401
    found = load(None, SERVICE, None, deployment("nginx:1"), {})

    assert [each["kind"] for each in found] == ["Service", "Deployment"]


def test_services_are_not_waited_for_and_keep_their_annotations(load: Any) -> None:  # noqa: ANN401
    annotated = {**SERVICE, "metadata": {"name": "r", "annotations": {"own": "note"}}}

    plain, kept = load(SERVICE, annotated)

    assert plain["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert kept["metadata"]["annotations"] == {"own": "note", "pulumi.com/skipAwait": "true"}


def test_only_services_are_not_waited_for(load: Any) -> None:  # noqa: ANN401
    (found,) = load(deployment("nginx:1"))

    assert "annotations" not in found["metadata"]


def test_services_are_waited_for_where_it_is_asked(load: Any) -> None:  # noqa: ANN401
    (found,) = load(SERVICE, skip_await=False)

    assert "annotations" not in found["metadata"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("registry.example.test/release/reviews:1.20", "docker.io/istio/reviews:1.20"),
        ("registry.example.test/release/reviews@sha256:ab", "docker.io/istio/reviews@sha256:ab"),
        ("registry.example.test/other/reviews:1.20", "registry.example.test/other/reviews:1.20"),
        ("registry.example.test/release/deep/reviews:1", "registry.example.test/release/deep/reviews:1"),
        ("localhost:5000/reviews:1", "localhost:5000/reviews:1"),
        ("nginx:1.29", "nginx:1.29"),
        ("auto", "auto"),
    ],
)
def test_images_of_a_retired_hub_come_from_the_new_one(load: Any, image: str, expected: str) -> None:  # noqa: ANN401
    (found,) = load(deployment(image))

    assert image_of(found) == expected


def test_images_are_found_wherever_they_are(load: Any) -> None:  # noqa: ANN401
    image = "registry.example.test/release/init:1"
    deep = {
        "kind": "CronJob",
        "metadata": {"name": "c"},
        "spec": {"a": [{"b": {"initContainers": [{"image": image}]}}]},
    }

    (found,) = load(deep)

    assert found["spec"]["a"][0]["b"]["initContainers"] == [{"image": "docker.io/istio/init:1"}]


def test_an_image_that_is_no_text_and_text_that_is_no_image_stay(load: Any) -> None:  # noqa: ANN401
    structure = {"repository": "registry.example.test/release/reviews"}
    args = ["--hub=registry.example.test/release"]

    (found,) = load(deployment(structure, args=args))

    assert image_of(found) == structure
    assert found["spec"]["containers"][0]["args"] == args


def test_the_file_is_read_as_utf_8_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "manifest.yaml"
    text = "kind: ConfigMap\nmetadata: {name: c}\ndata: {greeting: 안녕하세요}\n"
    file.write_text(text, encoding="utf-8")

    (found,) = manifests.load(file, Overlay(namespace="n", image_hubs={}))

    assert found["data"] == {"greeting": "안녕하세요"}
    assert file.read_text(encoding="utf-8") == text


def test_nothing_in_a_manifest_is_ever_executed(tmp_path: Path) -> None:
    file = tmp_path / "manifest.yaml"
    file.write_text("kind: !!python/name:os.system\nmetadata: {}\n", encoding="utf-8")

    with pytest.raises(yaml.YAMLError):
        manifests.load(file, Overlay(namespace="n", image_hubs={}))

"""Sources of images: Docker Hub, or a registry that has copies of its images."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi import ResourceOptions

from components.common.addon import AddonContext
from components.observability.loki import Loki, LokiArgs
from components.platform.images import PUBLISHED, Copied, Images, Pulled
from components.shop.shop import Shop, ShopArgs
from components.students import program as students
from lab.settings import Settings
from lab.settings.shop import Shop as ShopSettings
from tests.unit.components import support
from tests.unit.components.support import Elsewhere
from tests.unit.recorder import Recording, record

if TYPE_CHECKING:
    from collections.abc import Sequence

REGISTRY = "istiolabseoul.azurecr.io"


class Mirror(Images):
    """Everything is in a registry once the resource `copy` is there."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._copy = pulumi.CustomResource("test:index:Copy", "copy", {})

    def pulled(self, image: str) -> Pulled:
        self.asked.append(image)
        return Pulled(image=f"{REGISTRY}/{image.removeprefix('docker.io/')}", depends_on=[self._copy])

    @property
    def copies(self) -> Sequence[str]:
        return self.asked


def mirrored(**settings: object) -> Recording:
    def program() -> None:
        platform = Elsewhere.make(images=Mirror(), registry=pulumi.Output.from_input(REGISTRY))
        chosen = ShopSettings.model_validate(settings, by_alias=True, by_name=False)
        opts = ResourceOptions(providers=[platform.provider])
        Shop("shop", ShopArgs(settings=chosen, platform=platform), opts)
        context = AddonContext(
            capabilities=support.EVERYTHING, depends_on=(), directory=Path("unused"), images=platform.images
        )
        manifest = support.FIXTURES / "addon-loki.yaml"
        Loki("loki", LokiArgs(context=context, manifest=manifest, retention="24h"), opts)

    return record(program, answers=support.answers)


def test_pods_name_the_copy_and_wait_for_it() -> None:
    recording = mirrored(order={"image": "order:v1"}, delivery={"image": "docker.io/me/delivery:v1"})
    copy = recording.one("copy", "")
    expected = {
        ("mysql", ":StatefulSet"): f"{REGISTRY}/mysql:8.4.7",
        ("siege-shop", ":Pod"): f"{REGISTRY}/apexacme/siege-nginx",
        ("shop-delivery", ":Deployment"): f"{REGISTRY}/me/delivery:v1",
    }

    for (name, kind), image in expected.items():
        made = recording.one(name, kind)
        assert container(made.inputs["spec"])["image"] == image
        assert recording.comes_after(made, copy)
    order = recording.one("shop-order", ":Deployment")
    assert container(order.inputs["spec"])["image"] == f"{REGISTRY}/order:v1"
    assert not recording.comes_after(order, copy), "it was built in the registry"
    loki = recording.one("loki", ":Release")
    assert f"image: {REGISTRY}/grafana/loki:" in loki.inputs["values"]["objects"]["StatefulSet/loki"]
    assert recording.comes_after(loki, copy)


def test_only_what_the_registry_has_is_pulled_from_it() -> None:
    images = Copied(REGISTRY, ["library/nginx:1.29"])

    assert images.pulled("nginx:1.29").image == f"{REGISTRY}/library/nginx:1.29"
    assert images.pulled("docker.io/nginx:1.30").image == "docker.io/nginx:1.30"
    assert images.pulled("quay.io/kiali/kiali:v2.27").image == "quay.io/kiali/kiali:v2.27"
    assert images.copies == ["library/nginx:1.29"]
    assert PUBLISHED.pulled("nginx:1.29") == Pulled(image="nginx:1.29")


def test_the_cluster_of_a_class_has_copies_of_what_the_students_labs_pull() -> None:
    found: list[str] = []

    def program() -> None:
        images = Mirror()
        platform: Any = SimpleNamespace(images=images)
        settings = Settings.model_validate({"student": {"classroom": "ws26"}}, by_alias=True, by_name=False)
        students.admit(settings, platform, (), ResourceOptions())
        found.extend(images.asked)

    record(program)

    assert sorted(found) == ["apexacme/siege-nginx", "mysql:8.4.7", "nginx:1.19.10", "nginx:1.29"]


@pytest.mark.parametrize("copies", [[], ["library/nginx:1.19.10"]])
def test_a_students_share_pulls_the_copies_that_the_class_has(copies: list[str]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        facts = {**support.FACTS, "registry": REGISTRY, **({"images": copies} if copies else {})}
        monkeypatch.setattr(support, "CLASSROOM", {**support.CLASSROOM, "platform": facts})
        rollout = support.share().one("example-rollout", ":Rollout")

    expected = f"{REGISTRY}/library/nginx:1.19.10" if copies else "nginx:1.19.10"
    assert container(rollout.inputs["spec"])["image"] == expected


def container(spec: dict[str, Any]) -> dict[str, Any]:
    pod = spec["template"]["spec"] if "template" in spec else spec
    [found] = pod["containers"]
    return dict(found)

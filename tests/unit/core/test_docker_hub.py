"""Images on Docker Hub under the names that a registry copies them by."""

from __future__ import annotations

import re

import pytest

from lab.core import versions
from lab.core.docker_hub import HubImage
from lab.settings import Settings

DIGEST = "sha256:" + "ab" * 32
MYSQL = "sha256:" + versions.DOCKER_HUB_DIGESTS["library/mysql:8.4.7"]


@pytest.mark.parametrize(
    ("image", "source", "copy"),
    [
        ("mysql:8.4.7", f"library/mysql@{MYSQL}", "library/mysql:8.4.7"),
        ("docker.io/library/mysql:8.4.7", f"library/mysql@{MYSQL}", "library/mysql:8.4.7"),
        ("docker.io/mysql:8.4.7", f"library/mysql@{MYSQL}", "library/mysql:8.4.7"),
        ("mysql:8.0.1", "library/mysql:8.0.1", "library/mysql:8.0.1"),
        ("mysql", "library/mysql:latest", "library/mysql:latest"),
        ("somebody/siege", "somebody/siege:latest", "somebody/siege:latest"),
        ("index.docker.io/somebody/siege:2", "somebody/siege:2", "somebody/siege:2"),
        (f"nginx@{DIGEST}", f"library/nginx@{DIGEST}", "library/nginx:abababababab"),
        (f"docker.io/me/order:v1@{DIGEST}", f"me/order@{DIGEST}", "me/order:v1-abababababab"),
    ],
)
def test_an_image_is_copied_by_digest_where_one_is_known(image: str, source: str, copy: str) -> None:
    assert HubImage.parse(image) == HubImage(source=source, copy=copy)


@pytest.mark.parametrize(
    "image", ["quay.io/kiali/kiali:v2.27", "localhost/order:v1", "registry:5000/order:v1", f"example.test/me@{DIGEST}"]
)
def test_an_image_of_another_registry_stays_there(image: str) -> None:
    assert HubImage.parse(image) is None


def test_the_default_images_have_a_digest_but_the_two_whose_digest_nobody_records() -> None:
    settings = Settings()
    images = {
        settings.tutorial.hello_nginx_image,
        settings.rollouts.example.image,
        settings.shop.mysql.image,
        settings.shop.siege.image,
        f"docker.io/grafana/loki:{versions.LOKI}",
        f"docker.io/otel/opentelemetry-collector-k8s:{versions.OPENTELEMETRY_COLLECTOR}",
        f"docker.io/prom/prometheus:v{versions.PROMETHEUS}",
    }
    without = {image for image in images if (found := HubImage.parse(image)) and "@sha256:" not in found.source}

    assert without == {"apexacme/siege-nginx"}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in versions.DOCKER_HUB_DIGESTS.values())

"""Settings of the shop: good ones and bad ones."""

from __future__ import annotations

import json

import pytest

from lab.core.errors import LabError
from lab.settings import Settings

DIGEST = "sha256:" + "0123456789abcdef" * 4


def load(**shop: object) -> Settings:
    return Settings.from_mapping({"shop": json.dumps(shop)}, source="Pulumi.test.yaml")


def refusal(**shop: object) -> str:
    with pytest.raises(LabError) as caught:
        load(**shop)
    return caught.value.message


@pytest.mark.parametrize(
    "image",
    ["", "order:v1", "order:20261124-0123abc-0123456789ab", "example.test:5000/team/order:v1", f"order@{DIGEST}"],
)
def test_an_image_has_a_tag_or_a_digest_or_is_not_built_yet(image: str) -> None:
    assert load(order={"image": image}).shop.order.image == image


@pytest.mark.parametrize(
    "image", ["order", "order:latest", "Order:v1", "order:", "order:v 1", "https://example.test/order:v1"]
)
def test_an_image_that_moves_or_cannot_be_is_refused(image: str) -> None:
    said = refusal(order={"image": image})

    assert f"istio-lab:shop.order.image: found {json.dumps(image)}" in said
    assert "order:v1" in said
    assert "lab image list" in said


def test_the_notes_load_generator_is_the_only_image_without_a_tag() -> None:
    assert load().shop.siege.image == "apexacme/siege-nginx"
    assert load(siege={"image": "example.test/siege:4.1"}).shop.siege.image == "example.test/siege:4.1"
    assert "apexacme/siege-nginx" in refusal(siege={"image": "apexacme/siege"})
    assert "latest" in refusal(siege={"image": "apexacme/siege-nginx:latest"})


@pytest.mark.parametrize("app", ["order", "delivery"])
@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("replicas", 0, "1 to 20"),
        ("replicas", 21, "1 to 20"),
        ("replicas", "two", "1 to 20"),
        ("version", "V2", "lower-case"),
        ("version", "v" * 33, "at most 32"),
        ("version", "v2-", "lower-case"),
        ("colour", "Blue", "lower-case"),
        ("colour", "", "lower-case"),
        ("variant", "bad", '"good" or "slow" or "failing"'),
        ("logLevel", "debug", '"DEBUG" or "INFO" or "WARNING" or "ERROR"'),
        ("logLevel", "TRACE", '"DEBUG" or "INFO" or "WARNING" or "ERROR"'),
        ("imaeg", "order:v1", "did you mean `image`?"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(app: str, key: str, value: object, allowed: str) -> None:
    said = refusal(**{app: {key: value}})

    assert f"istio-lab:shop.{app}.{key}: found {json.dumps(value)}" in said
    assert allowed in said


def test_order_says_more_than_delivery_unless_asked_otherwise() -> None:
    shop = load().shop

    assert (shop.order.log_level, shop.delivery.log_level) == ("DEBUG", "INFO")


def test_the_embedded_target_says_that_mysql_keeps_nothing() -> None:
    (warning,) = load(mysql={"persistence": {"enabled": True}}).warnings

    assert "istio-lab:shop.mysql.persistence.enabled" in warning

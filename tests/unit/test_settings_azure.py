"""The settings of the azure and kubeconfig targets, and what people are told when they get them wrong."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from lab.core.errors import LabError
from lab.settings import Settings, Target
from lab.settings.groups import ApiServer, Channel, Day, RegistrySku, Tier

TODAY = date(2026, 11, 23)
ME = ["203.0.113.7/32"]
ID = "5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11"

TO_100 = "a whole number from 1 to 100"
HOUR = "a whole number from 0 to 23"
AMOUNT = "a whole number from 1 to 1000000"
DOLLARS = "US dollars from 0 to 1000 in steps of 0.0001, such as 1.5; 0 for no limit"
RANGES = "a list of at most 200 IPv4 ranges such as 203.0.113.7/32"
SECTION = "an object of settings"
SIZE = "an Azure machine by its name such as Standard_D4s_v5"
SUBSCRIPTION = "the id of an Azure subscription: 36 characters, lower case"
REGION = "an Azure region by its name such as westeurope"
TAG = "at most 256 characters, none of < > %"
EMAIL = "one mail address, or nothing"
TIERS = '"Free" or "Standard" or "Premium"'
SKUS = '"Basic" or "Standard" or "Premium"'
SERVERS = '"allowlist" or "public" or "private"'
CHANNELS = '"none" or "patch" or "stable" or "rapid"'
DAYS = '"Monday" or "Tuesday"'
SWITCH = "true or false"
FILE = "the path of a kubeconfig"
CONTEXT = "the name of a context in that file"


def settings(**given: object) -> Settings:
    return Settings.from_mapping(given, source="Pulumi.kim.yaml", today=TODAY)


def nested(path: str, value: object) -> dict[str, Any]:
    """A value at a dotted path, as users write it."""
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def refusal(**given: object) -> LabError:
    with pytest.raises(LabError) as caught:
        settings(**given)
    return caught.value


def bad(sentence: str, key: str, value: object, allowed: str) -> Any:  # noqa: ANN401 - pytest's
    return pytest.param(key, value, allowed, id=sentence)


BAD = [
    bad("a subscription by its name", "azure.subscription", "Course 2026", SUBSCRIPTION),
    bad("a subscription in capitals", "azure.subscription", ID.upper(), SUBSCRIPTION),
    bad("a subscription's whole path", "azure.subscription", f"/subscriptions/{ID}", SUBSCRIPTION),
    bad("a subscription that is null", "azure.subscription", None, SUBSCRIPTION),
    bad("a region as the portal shows it", "azure.location", "West Europe", REGION),
    bad("a region in capitals", "azure.location", "westEurope", REGION),
    bad("no region", "azure.location", "", REGION),
    bad("an owner with a slash", "azure.owner", "team/kim", TAG),
    bad("an owner that is too long", "azure.owner", "k" * 257, TAG),
    bad("an owner with a percent sign", "azure.owner", "100%", TAG),
    bad("an expiry as it was called once", "azure.expires", "2026-12-24", "pulumi config set istio-lab:expires"),
    bad("a tier in lower case", "azure.tier", "free", TIERS),
    bad("a tier of the registry", "azure.tier", "Basic", TIERS),
    bad("a registry's size of the cluster", "azure.registrySku", "Free", SKUS),
    bad("an empty registry's size", "azure.registrySku", "", SKUS),
    bad("a login that says yes", "azure.entra", "yes", SWITCH),
    bad("a protection that is a number", "azure.protect", 1, SWITCH),
    bad("an API server that nobody knows", "azure.apiServer", "open", SERVERS),
    bad("an API server that is a number", "azure.apiServer", 1, SERVERS),
    bad("a range for everybody", "azure.allowedRanges", ["0.0.0.0/0"], RANGES),
    bad("a range for everybody among others", "azure.allowedRanges", [*ME, "0.0.0.0/0"], RANGES),
    bad("a range of IPv6", "azure.allowedRanges", ["2001:db8::/32"], RANGES),
    bad("a range with bits of a host", "azure.allowedRanges", ["203.0.113.7/24"], RANGES),
    bad("a range that is a word", "azure.allowedRanges", ["home"], RANGES),
    bad("a range that is a number", "azure.allowedRanges", [3405803783], RANGES),
    bad("an empty range", "azure.allowedRanges", [""], RANGES),
    bad("a range without its list", "azure.allowedRanges", "203.0.113.7/32", RANGES),
    bad("ranges that are an object", "azure.allowedRanges", {"0": "203.0.113.7/32"}, RANGES),
    bad("more ranges than AKS takes", "azure.allowedRanges", [f"198.51.100.{n}/32" for n in range(201)], RANGES),
    bad("an ingress for everybody", "azure.ingressRanges", ["0.0.0.0/0"], RANGES),
    bad("an ingress by host name", "azure.ingressRanges", ["example.test"], RANGES),
    bad("a machine of the B-series", "azure.systemPool.vmSize", "Standard_B4ms", "the B-series is excluded"),
    bad("a machine in lower case", "azure.systemPool.vmSize", "standard_d4s_v5", SIZE),
    bad("a machine of another cloud", "azure.systemPool.vmSize", "m5.xlarge", SIZE),
    bad("no nodes", "azure.systemPool.count", 0, TO_100),
    bad("too many nodes", "azure.systemPool.count", 101, TO_100),
    bad("half a node", "azure.systemPool.count", "2.5", TO_100),
    bad("a limit below the beginning", "azure.systemPool.maxCount", 1, "at least istio-lab:azure.systemPool.count"),
    bad("a spot pool that is on", "azure.spotPool.enabled", "on", SWITCH),
    bad("a spot machine without its prefix", "azure.spotPool.vmSize", "D4s_v5", SIZE),
    bad("a spot pool of nothing", "azure.spotPool.maxCount", 0, TO_100),
    bad("a channel of AKS that is left out", "azure.maintenance.channel", "node-image", CHANNELS),
    bad("a day in lower case", "azure.maintenance.day", "sunday", DAYS),
    bad("a short day", "azure.maintenance.day", "Sun", DAYS),
    bad("the hour after the last", "azure.maintenance.hour", 24, HOUR),
    bad("an hour with minutes", "azure.maintenance.hour", "02:00", HOUR),
    bad("a budget of nothing", "azure.budget.amount", 0, AMOUNT),
    bad("a budget with cents", "azure.budget.amount", "49.99", AMOUNT),
    bad("a budget in a currency", "azure.budget.amount", "50 EUR", AMOUNT),
    bad("a limit below nothing", "azure.budget.maxPerHour", -1, DOLLARS),
    bad("a limit of a fortune", "azure.budget.maxPerHour", 1000.5, DOLLARS),
    bad("a limit with a currency", "azure.budget.maxPerHour", "1 USD", DOLLARS),
    bad("a limit finer than prices are", "azure.budget.maxPerHour", 0.00001, DOLLARS),
    bad("a limit that is on", "azure.budget.maxPerHour", "on", DOLLARS),
    bad("no limit in words", "azure.budget.maxPerHour", "", DOLLARS),
    bad("a mail address without a host", "azure.budget.email", "kim", EMAIL),
    bad("two mail addresses", "azure.budget.email", "kim@example.com,lee@example.com", EMAIL),
    bad("a mail address with its name", "azure.budget.email", "Kim <kim@example.com>", EMAIL),
    bad("a pool that is a number", "azure.systemPool", 3, SECTION),
    bad("an azure that is a word", "azure", "yes", SECTION),
    bad("a misspelt key", "azure.ingresRanges", ME, "did you mean `ingressRanges`? "),
    bad("a key in snake case", "azure.api_server", "public", "did you mean `apiServer`? "),
    bad("a key of a pool that it lacks", "azure.spotPool.count", 2, "The names here are: enabled, vmSize, maxCount"),
    bad("a dotted key without --path", "azure.location", "koreacentral", "--path istio-lab:azure.location"),
    bad("a subscription that is a number", "azure.subscription", 7, SUBSCRIPTION),
    bad("an owner that is a number", "azure.owner", 2026, TAG),
    bad("a mail address that is a list", "azure.budget.email", ["kim@example.com"], EMAIL),
    bad("a file that is a list", "kubeconfig.file", ["~/.kube/config"], FILE),
    bad("a context that is a number", "kubeconfig.context", 7, CONTEXT),
    bad("a file on two lines", "kubeconfig.file", "one\ntwo", FILE),
    bad("a file that is too long", "kubeconfig.file", "x" * 1001, FILE),
    bad("a context that is too long", "kubeconfig.context", "x" * 251, CONTEXT),
    bad("a purge that says yes", "kubeconfig.purgeCrds", "yes", SWITCH),
    bad("a misspelt key of the kubeconfig", "kubeconfig.contxt", "desk", "did you mean `context`? "),
]


@pytest.mark.parametrize(("key", "value", "allowed"), BAD)
def test_is_refused_with_the_key_the_value_and_what_is_allowed(key: str, value: object, allowed: str) -> None:
    dotted = "--path" in allowed
    error = refusal(**({key: value} if dotted else nested(key, value)))

    (line,) = (line for line in error.message.splitlines()[1:] if line.startswith(f"  istio-lab:{key}: "))
    shown = json.dumps(value, ensure_ascii=False)
    assert f"found {shown if len(shown) <= 80 else shown[:77]}" in line
    assert allowed in line
    assert error.message.startswith("Pulumi.kim.yaml: 1 setting is wrong:")
    assert error.remedy.endswith(f"pulumi config rm --path istio-lab:{key}")


def good(sentence: str, key: str, value: object, path: str, expected: object) -> Any:  # noqa: ANN401 - pytest's
    return pytest.param(key, value, path, expected, id=sentence)


GOOD = [
    good("a subscription", "azure.subscription", ID, "azure.subscription", ID),
    good("the login's subscription", "azure.subscription", "", "azure.subscription", ""),
    good("a region", "azure.location", "koreacentral", "azure.location", "koreacentral"),
    good("a region with a digit", "azure.location", "westus3", "azure.location", "westus3"),
    good("an owner in any script", "azure.owner", "김 선생님", "azure.owner", "김 선생님"),
    good("the longest owner", "azure.owner", "k" * 256, "azure.owner", "k" * 256),
    good("a tier", "azure.tier", "Premium", "azure.tier", Tier.PREMIUM),
    good("a registry's size", "azure.registrySku", "Standard", "azure.registry_sku", RegistrySku.STANDARD),
    good("local accounts", "azure.entra", "false", "azure.entra", expected=False),
    good("a private API server", "azure.apiServer", "private", "azure.api_server", ApiServer.PRIVATE),
    good("ranges", "azure.allowedRanges", [*ME, "10.0.0.0/8"], "azure.allowed_ranges", (*ME, "10.0.0.0/8")),
    good("ranges as JSON text", "azure.allowedRanges", json.dumps(ME), "azure.allowed_ranges", tuple(ME)),
    good("an address alone", "azure.allowedRanges", ["203.0.113.7"], "azure.allowed_ranges", tuple(ME)),
    good("half the internet", "azure.allowedRanges", ["128.0.0.0/1"], "azure.allowed_ranges", ("128.0.0.0/1",)),
    good("an ingress", "azure.ingressRanges", ME, "azure.ingress_ranges", tuple(ME)),
    good("a machine", "azure.systemPool.vmSize", "Standard_F8s_v2", "azure.system_pool.vm_size", "Standard_F8s_v2"),
    good("the most nodes", "azure.systemPool", {"count": 100, "maxCount": 100}, "azure.system_pool.count", 100),
    good("a limit that is the beginning", "azure.systemPool.maxCount", 2, "azure.system_pool.max_count", 2),
    good("a spot pool", "azure.spotPool.enabled", "true", "azure.spot_pool.enabled", expected=True),
    good(
        "a spot pool of the B-series",
        "azure.spotPool.vmSize",
        "Standard_B4ms",
        "azure.spot_pool.vm_size",
        "Standard_B4ms",
    ),
    good("no upgrades", "azure.maintenance.channel", "none", "azure.maintenance.channel", Channel.NONE),
    good("another day", "azure.maintenance.day", "Friday", "azure.maintenance.day", Day.FRIDAY),
    good("midnight", "azure.maintenance.hour", "0", "azure.maintenance.hour", 0),
    good("the last hour", "azure.maintenance.hour", 23, "azure.maintenance.hour", 23),
    good("no limit", "azure.budget.maxPerHour", 0, "azure.budget.max_per_hour", 0.0),
    good("a limit as Pulumi hands it over", "azure.budget.maxPerHour", "1.25", "azure.budget.max_per_hour", 1.25),
    good("the greatest limit", "azure.budget.maxPerHour", 1000, "azure.budget.max_per_hour", 1000.0),
    good("the greatest budget", "azure.budget.amount", 1_000_000, "azure.budget.amount", 1_000_000),
    good(
        "a mail address", "azure.budget.email", "k.im+lab@example.co.kr", "azure.budget.email", "k.im+lab@example.co.kr"
    ),
    good("an object as JSON text", "azure", '{"protect": true}', "azure.protect", expected=True),
    good("a file", "kubeconfig.file", "~/.kube/config", "kubeconfig.file", "~/.kube/config"),
    good(
        "a context of AWS",
        "kubeconfig.context",
        "arn:aws:eks:a:1:cluster/b",
        "kubeconfig.context",
        "arn:aws:eks:a:1:cluster/b",
    ),
    good("a purge", "kubeconfig.purgeCrds", "true", "kubeconfig.purge_crds", expected=True),
]


@pytest.mark.parametrize(("key", "value", "path", "expected"), GOOD)
def test_is_accepted(key: str, value: object, path: str, expected: object) -> None:
    found: Any = settings(**nested(key, value))
    for name in path.split("."):
        found = getattr(found, name)

    assert (found, type(found)) == (expected, type(expected))


def test_as_many_ranges_as_aks_takes_are_accepted() -> None:
    ranges = [f"198.51.100.{n}/32" for n in range(200)]

    assert settings(azure={"allowedRanges": ranges}).azure.allowed_ranges == tuple(ranges)


def test_a_pool_that_begins_above_the_default_limit_must_raise_it() -> None:
    error = refusal(azure={"systemPool": {"count": 4}})

    assert "istio-lab:azure.systemPool.maxCount: found 3" in error.message
    assert "at least istio-lab:azure.systemPool.count, which is 4" in error.message
    assert error.remedy.endswith("pulumi config rm --path istio-lab:azure.systemPool.maxCount")


@pytest.mark.parametrize(
    "azure", [{}, {"allowedRanges": []}, {"apiServer": "public"}, {"apiServer": "private", "allowedRanges": []}]
)
def test_a_preview_needs_nobody_on_the_allowlist(azure: dict[str, object]) -> None:
    assert settings(target="azure", azure=azure).target is Target.AZURE


@pytest.mark.parametrize(
    ("chosen", "missing"),
    [
        ({}, ["file", "context"]),
        ({"purgeCrds": True}, ["file", "context"]),
        ({"file": "~/.kube/config"}, ["context"]),
        ({"context": "desk"}, ["file"]),
        ({"file": "", "context": "desk"}, ["file"]),
    ],
)
def test_a_kubeconfig_target_without_its_cluster_is_refused(chosen: dict[str, object], missing: list[str]) -> None:
    error = refusal(target="kubeconfig", kubeconfig=chosen)

    lines = error.message.splitlines()[1:]
    assert [line.split(": ")[0].strip() for line in lines] == [f"istio-lab:kubeconfig.{key}" for key in missing]
    assert all('found ""; the kubeconfig target never takes whatever cluster happens' in line for line in lines)
    assert error.remedy.endswith(f"pulumi config rm --path istio-lab:kubeconfig.{missing[0]}")


def test_a_kubeconfig_target_with_its_cluster_is_accepted() -> None:
    chosen = settings(target="kubeconfig", kubeconfig={"file": "~/.kube/config", "context": "desk"})

    assert (chosen.target, chosen.kubeconfig.context) == (Target.KUBECONFIG, "desk")
    assert not chosen.kubeconfig.purge_crds


@pytest.mark.parametrize("target", ["embedded", "azure"])
def test_other_targets_need_no_kubeconfig(target: str) -> None:
    assert settings(target=target, azure={"allowedRanges": ME}).kubeconfig.file == ""


@pytest.mark.parametrize("target", ["embedded", "kubeconfig"])
def test_other_targets_need_no_allowlist(target: str) -> None:
    given = settings(target=target, kubeconfig={"file": "config", "context": "desk"})

    assert given.azure.allowed_ranges == ()


def test_on_azure_everything_that_costs_or_opens_is_off_until_asked_for() -> None:
    azure = settings(target="azure", azure={"allowedRanges": ME}).azure

    assert (azure.tier, azure.registry_sku) == (Tier.FREE, RegistrySku.BASIC)
    assert azure.api_server is ApiServer.ALLOWLIST
    assert azure.ingress_ranges == ()
    assert azure.entra
    assert not azure.spot_pool.enabled
    assert not azure.budget.email
    assert not azure.budget.max_per_hour
    assert not azure.protect
    assert not azure.allow_replace


@pytest.mark.parametrize(
    ("pool", "said"),
    [({"count": 1, "maxCount": 1}, True), ({"count": 1}, True), ({"count": 2, "maxCount": 2}, False), ({}, False)],
)
def test_a_system_pool_of_one_node_is_said_to_be_less_than_aks_asks_for(pool: dict[str, int], *, said: bool) -> None:
    warned = settings(target="azure", azure={"systemPool": pool}).warnings

    assert [each.partition(" found 1;")[0] for each in warned] == (
        ["istio-lab:azure.systemPool.count:"] if said else []
    )
    assert settings(target="embedded", azure={"systemPool": pool}).warnings == ()

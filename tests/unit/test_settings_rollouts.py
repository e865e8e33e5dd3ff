"""Settings of how new versions are rolled out: all that the course does can be said, and nothing that cannot work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.core.errors import LabError
from lab.settings import Settings
from lab.settings.rollouts import Analysis
from lab.settings.shop import App, Variant

RANGES = ["203.0.113.7/32"]
PUBLIC = {"serviceType": "LoadBalancer", "sourceRanges": RANGES}
CANARY = {"delivery": {"strategy": "canary"}}
NO_PROMETHEUS = {"observability": {"prometheus": {"enabled": False}}}
SOMEWHERE = {"file": "~/.kube/config", "context": "kind"}


def load(rollouts: object, *, target: str = "embedded", **others: object) -> Settings:
    given = {key: json.dumps(value) for key, value in {"rollouts": rollouts, **others}.items()}
    if target == "kubeconfig":
        given["kubeconfig"] = json.dumps(SOMEWHERE)
    return Settings.from_mapping({"target": target, **given}, source="Pulumi.test.yaml")


def refusal(rollouts: object, **others: Any) -> str:  # noqa: ANN401 - of any setting
    with pytest.raises(LabError) as caught:
        load(rollouts, **others)
    return caught.value.message


def nested(path: str, value: object) -> dict[str, Any]:
    """An object with one value in it."""
    found: Any = value
    for key in reversed(path.split(".")):
        found = {key: found}
    return dict(found)


GOOD = [
    {},
    {"enabled": False},
    {"enabled": "false"},
    {"example": {"enabled": False}},
    {"example": {"strategy": "blueGreen"}},
    {"example": {"image": "nginx:1.29.1"}},
    {"example": {"image": f"registry.example.test:5000/team/nginx@sha256:{'0a' * 32}"}},
    {"example": {"sourceRanges": RANGES}},
    {"delivery": {"strategy": "ramped", "version": "v2"}},
    {"delivery": {"version": "", "variant": "", "timeout": ""}},
    {"delivery": {"strategy": "recreate", "variant": "failing"}},
    {"delivery": {"strategy": "canary", "version": "v2", "variant": "slow"}},
    {"delivery": {"strategy": "blueGreen", "version": "v2"}},
    {"delivery": {"strategy": "canary", "routes": "applied", "timeout": "2s"}},
    {"delivery": {"strategy": "canary", "pause": "1m30s"}},
    {"delivery": {"strategy": "canary", "pause": "30s", "analysis": {"window": "10s", "interval": "10s"}}},
    {"delivery": {"strategy": "canary", "pause": "1h", "analysis": {"window": "1m30s", "interval": "1.5s"}}},
    {"delivery": {"strategy": "blueGreen", "pause": "1s"}},
    {"delivery": {"strategy": "ramped", "pause": "1s"}},
    {"delivery": {"analysis": {"successRate": 100, "latency": "1ms"}}},
    {"delivery": {"analysis": {"successRate": "99.95", "latency": "1.5s"}}},
]

TIMES: tuple[object, ...] = (30, "30", "30 s", "-30s", "s", "0s", "0.1ms", "1.5ms", "25h", "1d", "30S", None, True, [])
"""None of them is one."""

BAD: list[tuple[str, object, str]] = [
    *(("enabled", value, "true or false") for value in ("yes", "on", 1, "", None, ["on"])),
    ("rollouts", True, "enabled, example, delivery"),
    ("exemple", {}, "did you mean `example`"),
    *(("example.enabled", value, "true or false") for value in ("no", 0, {"on": 1})),
    *(
        ("example.strategy", value, '"canary" or "blueGreen"')
        for value in ("bluegreen", "blue-green", "BlueGreen", "ramped", "recreate", "", None, 1, ["on"])
    ),
    *(
        ("example.image", value, "an image with a tag")
        for value in ("nginx", "nginx:latest", "nginx:", "", "NGINX:1.29", "nginx:1 29", "http://nginx:1.29", 1, None)
    ),
    *(
        ("example.serviceType", value, '"ClusterIP" or "LoadBalancer"')
        for value in ("NodePort", "loadbalancer", "", None, True)
    ),
    *(
        ("example.sourceRanges", value, "IPv4 ranges")
        for value in (["0.0.0.0/0"], ["::/0"], ["203.0.113.7/24"], ["anywhere"], "203.0.113.7", [7], {"on": 1}, None)
    ),
    ("example.replicas", 20, "enabled, strategy, image, serviceType, sourceRanges"),
    ("example.startegy", "canary", "did you mean `strategy`"),
    *(
        ("delivery.strategy", value, '"ramped" or "recreate" or "canary" or "blueGreen"')
        for value in ("RollingUpdate", "rollingUpdate", "bluegreen", "Canary", "", None, 0)
    ),
    *(
        ("delivery.version", value, "at most 32 lower-case letters")
        for value in ("V2", "v 2", "-v2", "v2-", "v_2", "v" * 33, 2, None)
    ),
    *(("delivery.variant", value, '"failing"') for value in ("Failing", "broken", 1, None, ["on"])),
    *(("delivery.pause", value, "a time from 1ms to 24h") for value in ("", *TIMES)),
    *(("delivery.timeout", value, "a time from 1ms to 24h, such as 3s, 500ms or 1m30s, or nothing") for value in TIMES),
    *(
        ("delivery.routes", value, '"kept" or "applied"')
        for value in ("keep", "Kept", "ignored", "", True, False, None, ["on"])
    ),
    *(
        ("delivery.analysis.successRate", value, "a percentage from 0 to 100")
        for value in (-1, 101, 99.999, "95%", "high", "", None, True)
    ),
    *(("delivery.analysis.latency", value, "a time from 1ms to 24h") for value in ("", 500, *TIMES)),
    *(("delivery.analysis.interval", value, "a time from 1ms to 24h") for value in ("", *TIMES)),
    *(("delivery.analysis.window", value, "a time from 1ms to 24h") for value in ("", *TIMES)),
    *(
        ("delivery.analysis.window", value, "in whole numbers and the longest unit first")
        for value in ("1.5m", "0.5h", "30s1m", "500ms1s", "1m1m", "1m0.5s", "1m ")
    ),
    ("delivery.analysis.sucessRate", 95, "did you mean `successRate`"),
    ("delivery.weights", [10, 20], "strategy, version, variant, pause, timeout, routes, analysis"),
    *((group, "on", "an object of settings") for group in ("example", "delivery", "delivery.analysis")),
]


# --- each by itself ---


@pytest.mark.parametrize("rollouts", GOOD)
def test_all_that_the_course_does_can_be_said(rollouts: dict[str, Any]) -> None:
    assert load(rollouts).warnings == ()


def test_the_defaults_of_the_example_are_the_notes() -> None:
    chosen = Settings().rollouts

    assert chosen.enabled
    assert (chosen.example.enabled, chosen.example.canary, chosen.example.public) == (True, True, False)
    assert chosen.example.image == "nginx:1.19.10"


def test_the_lab_as_it_first_stands_leaves_delivery_to_kubernetes() -> None:
    delivery = Settings().rollouts.delivery

    assert (delivery.analysed, delivery.canary, delivery.forces_routes) == (False, False, False)
    assert (delivery.pause, delivery.timeout) == ("2m", "")


@pytest.mark.parametrize(
    ("strategy", "analysed", "canary"),
    [("ramped", False, False), ("recreate", False, False), ("canary", True, True), ("blueGreen", True, False)],
)
def test_a_strategy_says_whether_it_is_looked_at(strategy: str, *, analysed: bool, canary: bool) -> None:
    delivery = load({"delivery": {"strategy": strategy}}).rollouts.delivery

    assert (delivery.analysed, delivery.canary) == (analysed, canary)


def test_delivery_is_rolled_out_as_it_is_elsewhere_unless_its_own_version_is_named() -> None:
    app = App(image="", version="v1", variant=Variant.GOOD)
    own = load({"delivery": {"version": "v2", "variant": "failing"}}).rollouts.delivery

    assert Settings().rollouts.delivery.of(app) == app
    assert own.of(app) == app.model_copy(update={"version": "v2", "variant": Variant.FAILING})
    assert app.version == "v1"


def test_an_analysis_counts_in_shares_and_milliseconds() -> None:
    analysis = load({"delivery": {"analysis": {"successRate": "99.5", "latency": "1m1.5s"}}}).rollouts.delivery.analysis

    assert analysis.least_success == pytest.approx(0.995)
    assert analysis.most_milliseconds == 61_500
    assert Analysis().patience == 60 + 2 * 15


def test_there_are_a_hundred_bad_settings_at_least() -> None:
    assert len(BAD) >= 100


@pytest.mark.parametrize(("key", "value", "allowed"), BAD)
def test_a_bad_setting_is_named_with_what_is_allowed(key: str, value: object, allowed: str) -> None:
    message = refusal(nested(key, value))

    assert f"istio-lab:rollouts.{key}: found " in message
    assert allowed in message


@pytest.mark.parametrize("value", ["on", True, [], 1])
def test_what_is_no_group_is_refused(value: object) -> None:
    assert "istio-lab:rollouts: found " in refusal(value)


# --- with others ---


@pytest.mark.parametrize("strategy", ["canary", "blueGreen"])
def test_a_public_example_needs_named_ranges(strategy: str) -> None:
    message = refusal({"example": {"serviceType": "LoadBalancer", "strategy": strategy}}, target="kubeconfig")

    assert 'istio-lab:rollouts.example.serviceType: found "LoadBalancer"; allowed: only for named' in message
    assert "istio-lab:rollouts.example.sourceRanges" in message


@pytest.mark.parametrize(
    ("rollouts", "others", "missing"),
    [
        (CANARY, {"shop": {"enabled": False}}, "shop.enabled"),
        ({"delivery": {"strategy": "blueGreen"}}, {"shop": {"enabled": False}}, "shop.enabled"),
        ({"delivery": {"strategy": "recreate"}}, {"shop": {"enabled": False}}, "shop.enabled"),
        ({**CANARY, "enabled": False}, {}, "rollouts.enabled"),
        ({"delivery": {"strategy": "blueGreen"}, "enabled": False}, {}, "rollouts.enabled"),
        (CANARY, NO_PROMETHEUS, "observability.prometheus.enabled"),
        ({"delivery": {"strategy": "blueGreen"}}, NO_PROMETHEUS, "observability.prometheus.enabled"),
        (CANARY, {"mesh": {"accessLog": False}}, "mesh.accessLog"),
        ({"delivery": {"strategy": "blueGreen"}}, {"mesh": {"accessLog": False}}, "mesh.accessLog"),
    ],
)
def test_a_strategy_names_what_it_cannot_do_without(
    rollouts: dict[str, Any], others: dict[str, object], missing: str
) -> None:
    found = rollouts["delivery"]["strategy"]

    expected = f'istio-lab:rollouts.delivery.strategy: found "{found}"; allowed: only with istio-lab:{missing}'
    assert expected in refusal(rollouts, **others)


@pytest.mark.parametrize(
    ("rollouts", "others"),
    [
        ({}, {"shop": {"enabled": False}}),
        ({"delivery": {"strategy": "recreate"}, "enabled": False}, {}),
        ({"delivery": {"strategy": "recreate"}}, NO_PROMETHEUS),
        ({"delivery": {"strategy": "recreate"}}, {"mesh": {"accessLog": False}}),
        (CANARY, {"target": "kubeconfig", "mesh": {"accessLog": False}}),
    ],
)
def test_what_needs_less_is_let_through(rollouts: object, others: dict[str, Any]) -> None:
    assert load(rollouts, **others).warnings == ()


@pytest.mark.parametrize(
    ("pause", "analysis", "least"),
    [
        ("1m29s", {}, "90s"),
        ("89999ms", {}, "90s"),
        ("1m", {"window": "30s", "interval": "15.5s"}, "61.0s"),
        ("2s", {"window": "1s", "interval": "1s"}, "3s"),
    ],
)
def test_a_pause_in_which_nobody_would_notice_a_failing_version_is_refused(
    pause: str, analysis: dict[str, str], least: str
) -> None:
    message = refusal({"delivery": {"strategy": "canary", "pause": pause, "analysis": analysis}})

    assert f'istio-lab:rollouts.delivery.pause: found "{pause}"; allowed: at least ' in message
    assert "which is the window of istio-lab:rollouts.delivery.analysis and twice its interval" in message
    assert least in message


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = {"example": {"serviceType": "LoadBalancer"}, "delivery": {"strategy": "canary", "pause": "1s"}}
    message = refusal(wrong, **NO_PROMETHEUS)

    assert "3 settings are wrong" in message
    for key in ("example.serviceType", "delivery.strategy", "delivery.pause"):
        assert f"istio-lab:rollouts.{key}: found " in message


# --- warnings ---


def test_the_embedded_target_says_that_it_has_no_load_balancers() -> None:
    (warning,) = load({"example": PUBLIC}).warnings

    assert "istio-lab:rollouts.example.serviceType" in warning
    assert "no load balancers" in warning


def test_nothing_is_said_where_there_are_load_balancers() -> None:
    settings = load({"example": PUBLIC}, target="kubeconfig")

    assert settings.rollouts.example.public
    assert settings.warnings == ()


@pytest.mark.parametrize("off", [{"example": {**PUBLIC, "enabled": False}}, {"example": PUBLIC, "enabled": False}])
def test_an_example_that_is_switched_off_is_not_public(off: object) -> None:
    assert load(off).warnings == ()


@pytest.mark.parametrize("off", [{"enabled": False}, {"example": {"enabled": False}}])
def test_an_example_that_is_switched_off_needs_no_ranges(off: dict[str, Any]) -> None:
    example = {"serviceType": "LoadBalancer", **off.get("example", {})}

    assert load({**off, "example": example}, target="kubeconfig").warnings == ()

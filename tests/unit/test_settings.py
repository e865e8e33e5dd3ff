"""What users can set, and what they are told when they get it wrong."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pydantic import ValidationError

from lab.core import versions
from lab.core.errors import LabError
from lab.settings import Settings, Target
from lab.settings.expiry import ALLOWED

if TYPE_CHECKING:
    from collections.abc import Iterator

TODAY = date(2026, 11, 23)

ALL_NAMES = "target, kubernetesVersion, istioVersion, istioHub, expires, nodes, azure, kubeconfig, mesh, observability"
WHOLE = "a whole number from 1 to 50"
MINOR = 'a minor in quotes such as "1.36"'
EXACT = 'an exact version such as "1.31.1"'
HUB = "an image repository prefix such as docker.io/istio"
IMAGE = "an image with a tag such as nginx:1.29"
MEMORY = "a Kubernetes quantity of bytes from 2Gi to 512Gi"
NGINX = "tutorial.helloNginxImage"
PERCENT = "a percentage from 0 to 100 in steps of 0.01"
SECTION = "an object of settings"


def settings(**given: object) -> Settings:
    return Settings.from_mapping(given, source="Pulumi.dev.yaml", today=TODAY)


def nginx(image: str) -> dict[str, object]:
    return {"tutorial": {"helloNginxImage": image}}


def refusal(**given: object) -> LabError:
    with pytest.raises(LabError) as caught:
        settings(**given)
    return caught.value


@pytest.fixture
def pulumi_config() -> Iterator[None]:
    before = pulumi.runtime.config.CONFIG.get()
    yield
    pulumi.runtime.set_all_config(before)


def bad(sentence: str, given: dict[str, object], key: str, found: str, allowed: str) -> Any:  # noqa: ANN401 - pytest's
    return pytest.param(given, key, found, allowed, id=sentence)


BAD = [
    bad("a last day that is not in the calendar", {"expires": "2026-02-30"}, "expires", '"2026-02-30"', ALLOWED),
    bad("a last day in words", {"expires": "tomorrow"}, "expires", '"tomorrow"', ALLOWED),
    bad("a last day that is null", {"expires": None}, "expires", "null", ALLOWED),
    bad("a moment of no time zone", {"expires": "2026-12-24T18:00"}, "expires", '"2026-12-24T18:00"', ALLOWED),
    bad("a last day that YAML made a number of", {"expires": 20261224}, "expires", "20261224", ALLOWED),
    bad("an unknown target", {"target": "azrue"}, "target", '"azrue"', '"embedded"'),
    bad("a target in capitals", {"target": "Embedded"}, "target", '"Embedded"', '"embedded"'),
    bad("an empty target", {"target": ""}, "target", '""', '"embedded"'),
    bad("a target that is null", {"target": None}, "target", "null", '"embedded"'),
    bad("a target that is a list", {"target": ["embedded"]}, "target", '["embedded"]', '"embedded"'),
    bad("a Kubernetes version with a v", {"kubernetesVersion": "v1.36"}, "kubernetesVersion", '"v1.36"', MINOR),
    bad("a Kubernetes version that is a number", {"kubernetesVersion": 1.36}, "kubernetesVersion", "1.36", MINOR),
    bad("a Kubernetes major alone", {"kubernetesVersion": "1"}, "kubernetesVersion", '"1"', MINOR),
    bad("a Kubernetes version of words", {"kubernetesVersion": "latest"}, "kubernetesVersion", '"latest"', MINOR),
    bad("a Kubernetes YAML shortened", {"kubernetesVersion": "1.3"}, "kubernetesVersion", '"1.3"', '"1.30"? Quote'),
    bad("a Kubernetes nobody knows yet", {"kubernetesVersion": "1.99"}, "kubernetesVersion", '"1.99"', "1.27 to 1.37"),
    bad("a Kubernetes of the past", {"kubernetesVersion": "1.20"}, "kubernetesVersion", '"1.20"', "1.27 to 1.37"),
    bad("an Istio minor without a patch", {"istioVersion": "1.31"}, "istioVersion", '"1.31"', EXACT),
    bad("an Istio version with a suffix", {"istioVersion": "1.31.1-rc"}, "istioVersion", '"1.31.1-rc"', EXACT),
    bad("an Istio version in other digits", {"istioVersion": "1.3٣.1"}, "istioVersion", '"1.3٣.1"', EXACT),
    bad("an Istio version with a leading zero", {"istioVersion": "1.31.01"}, "istioVersion", '"1.31.01"', EXACT),
    bad("an Istio version that is empty", {"istioVersion": ""}, "istioVersion", '""', EXACT),
    bad("an Istio nobody knows yet", {"istioVersion": "1.40.0"}, "istioVersion", '"1.40.0"', "1.24 to 1.31"),
    bad("an Istio of the past", {"istioVersion": "1.20.8"}, "istioVersion", '"1.20.8"', "1.24 to 1.31"),
    bad("a pair that cannot work", {"istioVersion": "1.24.6"}, "istioVersion", '"1.24.6"', "supports 1.28 to 1.31"),
    bad("a hub with a scheme", {"istioHub": "https://docker.io/istio"}, "istioHub", '"https://docker.io/istio"', HUB),
    bad("a hub with a trailing slash", {"istioHub": "docker.io/istio/"}, "istioHub", '"docker.io/istio/"', HUB),
    bad("a hub with a space", {"istioHub": "docker.io/is tio"}, "istioHub", '"docker.io/is tio"', HUB),
    bad("a hub with capitals", {"istioHub": "docker.io/Istio"}, "istioHub", '"docker.io/Istio"', HUB),
    bad("a hub with a tag", {"istioHub": "docker.io/istio:1.31.1"}, "istioHub", '"docker.io/istio:1.31.1"', HUB),
    bad("a hub without a repository", {"istioHub": "docker.io"}, "istioHub", '"docker.io"', HUB),
    bad("an empty hub", {"istioHub": ""}, "istioHub", '""', HUB),
    bad("no nodes", {"nodes": {"count": "0"}}, "nodes.count", '"0"', WHOLE),
    bad("too many nodes", {"nodes": {"count": 51}}, "nodes.count", "51", WHOLE),
    bad("half a node", {"nodes": {"count": "3.5"}}, "nodes.count", '"3.5"', WHOLE),
    bad("a node count with a decimal point", {"nodes": {"count": 3.0}}, "nodes.count", "3.0", WHOLE),
    bad("a negative node count", {"nodes": {"count": -3}}, "nodes.count", "-3", WHOLE),
    bad("a node count in words", {"nodes": {"count": "three"}}, "nodes.count", '"three"', WHOLE),
    bad("a node count in other digits", {"nodes": {"count": "٣"}}, "nodes.count", '"٣"', WHOLE),
    bad("an empty node count", {"nodes": {"count": ""}}, "nodes.count", '""', WHOLE),
    bad("a node count that is a switch", {"nodes": {"count": True}}, "nodes.count", "true", WHOLE),
    bad("a node count that is null", {"nodes": {"count": None}}, "nodes.count", "null", WHOLE),
    bad("too many zones", {"nodes": {"count": 9, "zones": 6}}, "nodes.zones", "6", "a whole number from 1 to 5"),
    bad("more zones than nodes", {"nodes": {"count": 3, "zones": 4}}, "nodes.zones", "4", "nodes.count, which is 3"),
    bad("fewer nodes than default zones", {"nodes": {"count": 2}}, "nodes.zones", "3", "nodes.count, which is 2"),
    bad("a node without cores", {"nodes": {"cpu": 0}}, "nodes.cpu", "0", "a whole number from 1 to 64"),
    bad("too many cores", {"nodes": {"cpu": 65}}, "nodes.cpu", "65", "a whole number from 1 to 64"),
    bad("cores in thousandths", {"nodes": {"cpu": "4000m"}}, "nodes.cpu", '"4000m"', "a whole number from 1 to 64"),
    bad("too little memory", {"nodes": {"memory": "2047Mi"}}, "nodes.memory", '"2047Mi"', MEMORY),
    bad("too much memory", {"nodes": {"memory": "1Ti"}}, "nodes.memory", '"1Ti"', MEMORY),
    bad("memory that is a word", {"nodes": {"memory": "lots"}}, "nodes.memory", '"lots"', MEMORY),
    bad("memory in an unknown unit", {"nodes": {"memory": "16GB"}}, "nodes.memory", '"16GB"', MEMORY),
    bad("memory without a unit", {"nodes": {"memory": 16}}, "nodes.memory", "16", MEMORY),
    bad("nodes that are a number", {"nodes": "5"}, "nodes", '"5"', SECTION),
    bad("nodes that are not JSON", {"nodes": "count=5"}, "nodes", '"count=5"', SECTION),
    bad("nodes that are a list", {"nodes": "[1]"}, "nodes", '"[1]"', SECTION),
    bad("nodes that are empty", {"nodes": ""}, "nodes", '""', SECTION),
    bad("a switch that says yes", {"mesh": {"accessLog": "yes"}}, "mesh.accessLog", '"yes"', "true or false"),
    bad("a switch in capitals", {"mesh": {"accessLog": "True"}}, "mesh.accessLog", '"True"', "true or false"),
    bad("a switch that is a number", {"mesh": {"egressGateway": 1}}, "mesh.egressGateway", "1", "true or false"),
    bad("an empty switch", {"tutorial": {"bookinfo": ""}}, "tutorial.bookinfo", '""', "true or false"),
    bad("a switch that is a list", {"tutorial": {"bookinfo": []}}, "tutorial.bookinfo", "[]", "true or false"),
    bad("more than all traces", {"mesh": {"traceSampling": 100.01}}, "mesh.traceSampling", "100.01", PERCENT),
    bad("fewer than no traces", {"mesh": {"traceSampling": "-1"}}, "mesh.traceSampling", '"-1"', PERCENT),
    bad("traces too finely cut", {"mesh": {"traceSampling": "0.001"}}, "mesh.traceSampling", '"0.001"', PERCENT),
    bad("traces with a percent sign", {"mesh": {"traceSampling": "10%"}}, "mesh.traceSampling", '"10%"', PERCENT),
    bad("traces that are no number", {"mesh": '{"traceSampling": NaN}'}, "mesh.traceSampling", "NaN", PERCENT),
    bad("the latest image", nginx("nginx:latest"), NGINX, '"nginx:latest"', IMAGE),
    bad("an image without a tag", nginx("nginx"), NGINX, '"nginx"', IMAGE),
    bad("an image with a bare colon", nginx("nginx:"), NGINX, '"nginx:"', IMAGE),
    bad(
        "an image with a port but no tag",
        nginx("localhost:5000/nginx"),
        NGINX,
        '"localhost:5000/nginx"',
        "latest, or no tag",
    ),
    bad("a misspelt key", {"istioVerison": "1.31.1"}, "istioVerison", '"1.31.1"', "did you mean `istioVersion`? "),
    bad("a key in capitals", {"Target": "embedded"}, "Target", '"embedded"', "did you mean `target`? "),
    bad("a key in snake case", {"istio_hub": "docker.io/istio"}, "istio_hub", '"docker.io/istio"', "mean `istioHub`? "),
    bad("a key like no other", {"zzz": 1}, "zzz", "1", f"The names of all settings are: {ALL_NAMES}"),
    bad("a misspelt key of the nodes", {"nodes": {"cuont": 3}}, "nodes.cuont", "3", "mean `count`? The names here are"),
    bad(
        "a snake-case key of the mesh", {"mesh": {"access_log": True}}, "mesh.access_log", "true", "mean `accessLog`? "
    ),
    bad(
        "an unknown key of the tutorial",
        {"tutorial": {"zzz": 1}},
        "tutorial.zzz",
        "1",
        "The names here are: helloNginx, helloNginxImage, bookinfo",
    ),
    bad(
        "a dotted key set without --path",
        {"nodes.count": "5"},
        "nodes.count",
        '"5"',
        "config set --path istio-lab:nodes.count",
    ),
    bad("a key that is a number", {"nodes": {1: 2}}, "nodes.1", "2", "The names here are"),
]


@pytest.mark.parametrize(("given", "key", "found", "allowed"), BAD)
def test_is_refused_with_the_key_the_value_and_what_is_allowed(
    given: dict[str, object], key: str, found: str, allowed: str
) -> None:
    error = refusal(**given)

    (line,) = (line for line in error.message.splitlines() if f"istio-lab:{key}" in line)
    assert f"found {found}" in line or f"{key} {found}" in line
    assert allowed in line
    assert "istio-lab:" in error.remedy
    assert not any(word in str(error).lower() for word in ("pydantic", "validation", "input_", "extra_", "value_error"))


def good(sentence: str, given: dict[str, object], path: str, expected: object) -> Any:  # noqa: ANN401 - pytest's
    return pytest.param(given, path, expected, id=sentence)


GOOD = [
    good("a last day", {"expires": "2028-02-29"}, "expires", "2028-02-29"),
    good("a last day that YAML has read", {"expires": date(2026, 12, 24)}, "expires", "2026-12-24"),
    good("a last day that Pulumi has read", {"expires": "2026-12-24 00:00:00 +0000 UTC"}, "expires", "2026-12-24"),
    good("a last moment", {"expires": "2026-12-24T18:00Z"}, "expires", "2026-12-24T18:00Z"),
    good("no last day", {"expires": ""}, "expires", ""),
    good("a target", {"target": "embedded"}, "target", Target.EMBEDDED),
    good("a Kubernetes minor", {"kubernetesVersion": "1.35"}, "kubernetes_version", "1.35"),
    good("an exact Kubernetes", {"kubernetesVersion": "1.36.3"}, "kubernetes_version", "1.36.3"),
    good("another supported Istio", {"istioVersion": "1.30.5"}, "istio_version", "1.30.5"),
    good("a hub of one's own", {"istioHub": "localhost:5000/a-b/istio"}, "istio_hub", "localhost:5000/a-b/istio"),
    good("a number as text", {"nodes": {"count": "50"}}, "nodes.count", 50),
    good("an object as JSON text", {"nodes": '{"count": 1, "zones": 1}'}, "nodes.count", 1),
    good("an object that sets one thing", {"nodes": '{"cpu": 8}'}, "nodes.memory", "16Gi"),
    good("an object that sets nothing", {"mesh": "{}"}, "mesh.access_log", expected=True),
    good("the least memory", {"nodes": {"memory": "2Gi"}}, "nodes.memory", "2Gi"),
    good("the most memory", {"nodes": {"memory": "0.5Ti"}}, "nodes.memory", "0.5Ti"),
    good("memory in bytes", {"nodes": {"memory": "4294967296"}}, "nodes.memory", "4294967296"),
    good("a switch", {"mesh": {"accessLog": False}}, "mesh.access_log", expected=False),
    good("a switch as text", {"mesh": {"egressGateway": "false"}}, "mesh.egress_gateway", expected=False),
    good("no traces", {"mesh": {"traceSampling": 0}}, "mesh.trace_sampling", 0.0),
    good("one trace in ten thousand", {"mesh": {"traceSampling": "0.01"}}, "mesh.trace_sampling", 0.01),
    good("a fraction of traces", {"mesh": {"traceSampling": 12.5}}, "mesh.trace_sampling", 12.5),
    good("all traces", {"mesh": {"traceSampling": "100"}}, "mesh.trace_sampling", 100.0),
    good("an exact image", nginx("nginx:1.29.3"), "tutorial.hello_nginx_image", "nginx:1.29.3"),
    good(
        "an image on a registry with a port",
        nginx("localhost:5000/a/nginx:1"),
        "tutorial.hello_nginx_image",
        "localhost:5000/a/nginx:1",
    ),
    good(
        "an image by digest",
        nginx(f"nginx@sha256:{'0' * 64}"),
        "tutorial.hello_nginx_image",
        f"nginx@sha256:{'0' * 64}",
    ),
    good("a tutorial without Bookinfo", {"tutorial": {"bookinfo": "false"}}, "tutorial.bookinfo", expected=False),
]


@pytest.mark.parametrize(("given", "path", "expected"), GOOD)
def test_is_accepted(given: dict[str, object], path: str, expected: object) -> None:
    value: Any = settings(**given)
    for name in path.split("."):
        value = getattr(value, name)

    assert (value, type(value)) == (expected, type(expected))


def test_without_configuration_everything_is_on_and_nothing_is_worth_a_warning() -> None:
    defaults = settings()

    assert defaults == Settings()
    assert defaults.warnings == ()
    assert defaults.istio_version == versions.ISTIO
    assert versions.KUBERNETES.startswith(f"{defaults.kubernetes_version}.")
    assert defaults.mesh.access_log
    assert defaults.mesh.egress_gateway
    assert defaults.tutorial.hello_nginx
    assert defaults.tutorial.bookinfo


def test_every_mistake_is_reported_at_once_one_line_each() -> None:
    error = refusal(
        target="moon",
        istioVersion="1.24.6",
        istioHub="Docker.io",
        nodes={"count": 2, "cpu": "0", "disk": "1Gi"},
        mesh="on",
        tutorail={},
    )

    heading, *lines = error.message.splitlines()
    assert heading == "Pulumi.dev.yaml: 8 settings are wrong:"
    assert {line.split(": ")[0].strip().removeprefix("istio-lab:") for line in lines} == {
        "target",
        "istioVersion",
        "istioHub",
        "nodes.zones",
        "nodes.cpu",
        "nodes.disk",
        "mesh",
        "tutorail",
    }


def test_a_single_mistake_is_one_setting_and_its_remedy_is_a_command() -> None:
    error = refusal(nodes={"count": 0})

    assert error.message.startswith("Pulumi.dev.yaml: 1 setting is wrong:\n  istio-lab:nodes.count: ")
    assert error.remedy.endswith("pulumi config rm --path istio-lab:nodes.count")


def test_a_long_value_is_cut_so_that_the_line_stays_readable() -> None:
    line = refusal(target="x" * 500).message.splitlines()[1]

    assert len(line) < 170
    assert "xxx..." in line


def test_an_impossible_pair_comes_with_the_commands_for_the_nearest_one() -> None:
    error = refusal(kubernetesVersion="1.36", istioVersion="1.29.8")

    assert 'istio-lab:istioVersion: found "1.29.8" with istio-lab:kubernetesVersion "1.36"' in error.message
    assert error.remedy.splitlines()[1:] == [
        "  pulumi config set istio-lab:kubernetesVersion 1.35",
        "  pulumi config set istio-lab:istioVersion 1.29.8",
    ]


def test_the_pair_of_the_course_is_accepted_and_says_what_will_happen() -> None:
    warnings = "\n".join(settings(kubernetesVersion="1.31", istioVersion="1.24.6").warnings)

    assert "this target always runs Kubernetes 1.36.3" in warnings
    assert "hub and tag of the images that pod specs name, and nothing else" in warnings


@pytest.mark.parametrize("hub", ["gcr.io/istio-release", "registry.istio.io/release"])
def test_a_hub_that_is_switched_off_is_accepted_with_its_date_and_its_replacement(hub: str) -> None:
    (warning,) = settings(istioHub=hub).warnings

    assert hub in warning
    assert "December 2026" in warning
    assert "use docker.io/istio" in warning


def test_a_hub_that_only_looks_like_one_that_is_switched_off_is_fine() -> None:
    assert settings(istioHub="gcr.io/istio-release-mirror").warnings == ()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings().nodes.count = 5


def test_names_of_attributes_work_in_programs_though_not_in_configuration() -> None:
    changed = Settings(istio_hub="example.com/istio")

    assert changed.istio_hub == "example.com/istio"
    assert changed != Settings()


@pytest.mark.usefixtures("pulumi_config")
def test_load_reads_only_the_keys_of_this_project() -> None:
    pulumi.runtime.set_all_config(
        {
            "istio-lab:nodes": json.dumps({"count": 7}),
            "istio-lab:istioHub": "example.com/istio",
            "kubernetes:nodes": "5",
            "pulumi:disable-default-providers": '["kubernetes"]',
        }
    )

    loaded = Settings.load()

    assert (loaded.nodes.count, loaded.istio_hub) == (7, "example.com/istio")


@pytest.mark.usefixtures("pulumi_config")
def test_load_refuses_a_misspelt_key_that_pulumi_lets_pass() -> None:
    pulumi.runtime.set_all_config({"istio-lab:istioVerison": "1.31.1"})

    with pytest.raises(pulumi.RunError, match=r"Pulumi\..+\.yaml: 1 setting is wrong:\n  istio-lab:istioVerison: "):
        Settings.load()


@pytest.mark.usefixtures("pulumi_config")
def test_load_also_reads_the_variable_that_the_engine_passes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi.runtime.set_all_config({})
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"istio-lab:nodes": '{"count": 4}'}))

    assert Settings.load().nodes.count == 4

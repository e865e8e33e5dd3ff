"""Metrics of requests, counted from what the proxies log of them: as Istio counts, and nothing but requests."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from components.mesh import values
from components.platform.base import Webhooks
from components.rollouts import analysis
from lab.platforms.dataplane import pods, prometheus
from lab.platforms.dataplane.pods import Pod
from lab.platforms.dataplane.telemetry import Log, Request, Telemetry, parse

SUCCESS = (
    '[2026-11-25T20:59:22.904Z] "GET /ratings/0 HTTP/1.1" 200 - via_upstream - "-" 0 54 43 42 "-" "Python-urllib/3.11" '
    '"595d4def-44b7-4c50-8273-c79af55b8215" "ratings:9080" "10.240.1.7:9080" '
    "outbound|9080||ratings.tutorial.svc.cluster.local 10.240.1.8:60988 127.0.0.1:9080 127.0.0.1:60804 - default "
    "traceparent=00-320a09f8272388d12a94bf8033c09d0f-21392a5b60e4ece6-00"
)
FAILURE = (
    '[2026-11-25T20:59:18.438Z] "GET /reviews/0 HTTP/1.1" 503 URX,UF upstream_reset_before_response_started'
    "{remote_connection_failure|delayed_connect_error:_Connection_refused} - "
    '"delayed_connect_error:_Connection_refused" 0 121 44 - "-" "curl/7.88.1" '
    '"23998d21-8428-4e6c-b50b-58e248eabab1" "reviews:9080" "10.240.2.7:9080" '
    "outbound|9080||reviews.tutorial.svc.cluster.local - 127.0.0.1:9080 127.0.0.1:60016 - default "
    "traceparent=00-17a303bf0bf08f1274f70669aabcdf28-186073bfc79e9fcc-00"
)
RATED = Request(
    code="200", flags="-", milliseconds=43, upstream="10.240.1.7", host="ratings.tutorial.svc.cluster.local"
)
OPERATORS = {
    "START_TIME": "2026-11-25T20:59:22.904Z",
    "REQ(:METHOD)": "GET",
    "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)": "/deliveries",
    "PROTOCOL": "HTTP/1.1",
    "RESPONSE_CODE": "504",
    "RESPONSE_FLAGS": "UT",
    "RESPONSE_CODE_DETAILS": "response_timeout",
    "CONNECTION_TERMINATION_DETAILS": "-",
    "UPSTREAM_TRANSPORT_FAILURE_REASON": "-",
    "BYTES_RECEIVED": "11",
    "BYTES_SENT": "24",
    "DURATION": "3001",
    "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)": "17",
    "REQ(X-FORWARDED-FOR)": "10.0.0.1",
    "REQ(USER-AGENT)": "siege",
    "REQ(X-REQUEST-ID)": "595d4def-44b7-4c50-8273-c79af55b8215",
    "REQ(:AUTHORITY)": "delivery:8080",
    "UPSTREAM_HOST": "10.240.0.4:8080",
    "UPSTREAM_CLUSTER_RAW": "outbound|8080|canary|delivery.shop.svc.cluster.local",
    "UPSTREAM_LOCAL_ADDRESS": "10.240.0.5:41000",
    "DOWNSTREAM_LOCAL_ADDRESS": "127.0.0.1:8080",
    "DOWNSTREAM_REMOTE_ADDRESS": "127.0.0.1:60804",
    "REQUESTED_SERVER_NAME": "-",
    "ROUTE_NAME": "primary",
    "REQ(TRACEPARENT)": "00-320a09f8272388d12a94bf8033c09d0f-21392a5b60e4ece6-00",
}
"""What the lab's proxies have to say of a request, a value for each word of the format of their access logs."""


def line(**changed: str) -> str:
    """A line as a proxy of the lab writes it.

    Args:
        changed: what is different, by the operator's name in lower case: its brackets and marks are left out.
    """
    told = istiod_format()
    for operator, value in OPERATORS.items():
        short = re.sub(r"\W+", "_", operator).strip("_").lower()
        told = told.replace(f"%{operator}%", changed.pop(short, value))
    assert not changed
    return told.removesuffix("\n")


def istiod_format() -> str:
    """The format that istiod tells the proxies."""
    chart = values.istiod(
        hub="example.test/mesh",
        version="1.31.9",
        access_log=True,
        trace_sampling=100.0,
        webhooks=Webhooks(),
        istio_proxies=False,
    )
    mesh = chart["meshConfig"]
    assert isinstance(mesh, dict)
    return str(mesh["accessLogFormat"])


# --- a line ---


def test_a_request_that_was_answered_is_read() -> None:
    assert parse(SUCCESS) == RATED


def test_a_request_that_nobody_answered_has_the_proxys_own_words_for_it() -> None:
    assert parse(FAILURE) == Request(
        code="503",
        flags="URX,UF",
        milliseconds=44,
        upstream="10.240.2.7",
        host="reviews.tutorial.svc.cluster.local",
    )


def test_the_format_that_istiod_tells_the_proxies_is_the_one_that_is_read() -> None:
    assert not re.findall(r"%[^%]+%", line()), "an operator without a value here"
    assert istiod_format().endswith("\n")
    assert parse(line()) == Request(
        code="504", flags="UT", milliseconds=3001, upstream="10.240.0.4", host="delivery.shop.svc.cluster.local"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"req_x_envoy_original_path_path": "/a%20b?c=[d]&e=1|2"},
        {"req_method": "PUT", "protocol": "HTTP/2"},
        {"upstream_cluster_raw": "outbound|8080||delivery.shop.svc.cluster.local"},
        {"upstream_cluster_raw": "outbound|8080|stable|delivery.shop.svc.cluster.local"},
        {"upstream_transport_failure_reason": "TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE"},
        {"resp_x_envoy_upstream_service_time": "-"},
        {"upstream_local_address": "-", "requested_server_name": "outbound_.8080_._.delivery.shop"},
        {"req_traceparent": "-"},
        {"req_user_agent": ""},
        {"req_user_agent": "Mozilla/5.0 (X11; Linux x86_64) [en] {a|b} 'c' \\ % 한글"},
        {"req_user_agent": 'a"b'},
        {"req_user_agent": '"'},
        {"req_user_agent": '"-" 1 2 3 "'},
        {"req_user_agent": '"- 1 2 3 ' * 500},
        {"req_user_agent": '" 200 - "-" 0 0 999999 1 "10.9.9.9:1" outbound|1||evil.shop.svc.cluster.local - - -'},
        {"req_x_forwarded_for": '1.2.3.4", "5.6.7.8'},
        {"req_authority": "delivery.shop:8080"},
    ],
)
def test_whatever_else_a_line_has_the_request_stays_the_same(changed: dict[str, str]) -> None:
    assert parse(line(**changed)) == parse(line())


def test_a_request_that_reached_nobody_has_no_upstream() -> None:
    found = parse(line(upstream_host="-", response_code="503", response_flags="UH"))

    assert found is not None
    assert (found.upstream, found.code, found.flags) == ("", "503", "UH")


def test_a_client_that_went_away_got_no_answer() -> None:
    found = parse(line(response_code="0", response_flags="DC", response_code_details="downstream_remote_disconnect"))

    assert found is not None
    assert (found.code, found.flags) == ("0", "DC")


@pytest.mark.parametrize(
    "other",
    [
        "",
        "[2026-11-25 20:59:18.438][12][warning][config] [source/common/config/grpc.cc:1] gRPC stream closed: 14, no",
        "[2026-11-25 20:59:18.438][12][warning][misc] deprecated: outbound|9080||reviews.tutorial.svc.cluster.local",
        SUCCESS[:-90],
        SUCCESS[30:],
        f"{SUCCESS} and more",
        SUCCESS.replace("traceparent=", ""),
        SUCCESS.replace("outbound|9080||", "inbound|9080||"),
        SUCCESS.replace("outbound|9080||ratings.tutorial.svc.cluster.local", "PassthroughCluster"),
        SUCCESS.replace("outbound|9080||ratings.tutorial.svc.cluster.local", "-"),
    ],
)
def test_what_is_no_request_to_a_service_is_passed_over(other: str) -> None:
    assert parse(other) is None


# --- a log ---


def test_only_what_is_written_from_now_on_is_read(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_text("before\n")
    log = Log(file)

    assert log.lines() == []
    with file.open("a") as more:
        more.write("one\ntwo\n")
    assert log.lines() == ["one", "two"]
    assert log.lines() == []


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.touch()
    log = Log(file)
    seen = []

    for piece in (b"one\ntw", b"o\nthr", b"", b"ee", "\n한".encode()[:2], "\n한".encode()[2:], b"\n"):
        with file.open("ab") as more:
            more.write(piece)
        seen.append(log.lines())

    assert seen == [["one"], ["two"], [], [], ["three"], [], ["한"]]


def test_a_log_that_is_not_there_yet_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = Log(tmp_path / "access.log")

    assert log.lines() == []
    (tmp_path / "access.log").write_text("first\n")
    assert log.lines() == ["first"]


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    log = Log(tmp_path / "access.log")
    (tmp_path / "access.log").write_bytes(line(req_user_agent="@").encode().replace(b"@", b"\xff\xfe") + b"\n")

    (only,) = log.lines()
    assert parse(only) == parse(line())


# --- counting ---

Sample = tuple[dict[str, str], float]
"""The labels and the value of one series."""

SIEGE = Pod(uid="1", name="siege", namespace="shop", address="10.240.0.5", labels={"app": "siege"})
CANARY = Pod(
    uid="2",
    name="delivery-6d4cf56db6-x2b7k",
    namespace="shop",
    address="10.240.0.4",
    labels={"app": "delivery", "version": "v2", "rollouts-pod-template-hash": "6d4cf56db6"},
)


def counted(*lines: str, destination: Pod | None = CANARY, source: Pod = SIEGE) -> dict[str, list[Sample]]:
    """What Prometheus would take, by the names of the series."""
    known = {} if destination is None else {destination.address: destination}
    telemetry = Telemetry(known.get)
    for each in lines:
        telemetry.count(source, each)
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(generate_latest(telemetry.registry).decode()):
        for name, labels, value, *_ in family.samples:
            found.setdefault(name, []).append((labels, value))
    return found


def test_a_request_is_counted_with_istios_names_and_labels() -> None:
    ((labels, value),) = counted(line(), line())["istio_requests_total"]

    assert value == 2
    assert labels == {
        "reporter": "source",
        "source_workload": "siege",
        "source_workload_namespace": "shop",
        "source_app": "siege",
        "source_version": "unknown",
        "destination_service": "delivery.shop.svc.cluster.local",
        "destination_service_name": "delivery",
        "destination_service_namespace": "shop",
        "destination_workload": "delivery",
        "destination_workload_namespace": "shop",
        "destination_app": "delivery",
        "destination_version": "v2",
        "request_protocol": "http",
        "response_code": "504",
        "response_flags": "UT",
        "connection_security_policy": "none",
    }


def test_all_that_an_analysis_asks_for_is_counted() -> None:
    limits = analysis.Limits(success=0.95, milliseconds=500, interval="15s", window="1m")
    queries = [
        each["provider"]["prometheus"]["query"]
        for each in analysis.template(limits, namespace="shop", count=None)["metrics"]
    ]
    series = counted(line())

    for name, chosen in re.findall(r"(istio_\w+)\{(.*?)\}\[", " ".join(queries)):
        (labels, _), *_ = series[name]
        assert set(re.findall(r"(\w+)=", chosen.replace("=~", "="))) <= set(labels)


def test_versions_and_answers_are_counted_apart() -> None:
    found = counted(line(), line(response_code="200", response_flags="-"), line(upstream_host="-"))

    assert sorted(
        (labels["destination_version"], labels["response_code"], value)
        for labels, value in found["istio_requests_total"]
    ) == [("unknown", "504", 1), ("v2", "200", 1), ("v2", "504", 1)]


def test_a_pod_that_nobody_knows_any_more_is_unknown_and_its_service_is_not() -> None:
    ((labels, _),) = counted(line(), destination=None)["istio_requests_total"]

    assert {labels[f"destination_{each}"] for each in ("workload", "workload_namespace", "app", "version")} == {
        "unknown"
    }
    assert labels["destination_service_name"] == "delivery"


def test_warnings_in_between_are_not_counted() -> None:
    noise = "[2026-11-25 20:59:18.438][12][warning][config] gRPC config stream closed"

    ((_, value),) = counted(noise, line(), noise, "")["istio_requests_total"]
    assert value == 1
    assert "istio_requests_total" not in counted(noise)


def test_how_long_it_took_is_counted_in_istios_buckets() -> None:
    found = counted(line(duration="43"), line(duration="3001"), line(duration="4000000"))
    buckets = {labels["le"]: value for labels, value in found["istio_request_duration_milliseconds_bucket"]}

    assert [float(each) for each in buckets][:-1] == [
        *(0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000),
        *(10000, 30000, 60000, 300000, 600000, 1800000, 3600000),
    ]
    assert (buckets["25.0"], buckets["50.0"], buckets["2500.0"], buckets["5000.0"], buckets["+Inf"]) == (0, 1, 1, 2, 3)
    ((_, total),) = found["istio_request_duration_milliseconds_sum"]
    assert total == 43 + 3001 + 4000000


# --- which workload ---


@pytest.mark.parametrize(
    ("name", "labels", "workload"),
    [
        ("siege", {}, "siege"),
        ("delivery-6d4cf56db6-x2b7k", {"rollouts-pod-template-hash": "6d4cf56db6"}, "delivery"),
        ("reviews-v1-75b8f7f5c-9xk2p", {"pod-template-hash": "75b8f7f5c"}, "reviews-v1"),
        ("mysql-0", {"controller-revision-hash": "mysql-75b8f7f5c"}, "mysql-0"),
        ("api-5d7f-5d-x2b7k", {"pod-template-hash": "5d"}, "api-5d7f"),
    ],
)
def test_a_pod_is_of_the_workload_whose_name_it_begins_with(name: str, labels: dict[str, str], workload: str) -> None:
    assert replace(SIEGE, name=name, labels=labels).workload == workload


def test_a_pod_of_a_rollout_is_known_by_what_the_api_server_says_of_it() -> None:
    metadata = {"uid": "2", "name": CANARY.name, "namespace": "shop", "labels": dict(CANARY.labels)}
    status = {"podIP": CANARY.address, "phase": "Running"}

    assert pods.running({"metadata": metadata, "spec": {"containers": []}, "status": status}) == CANARY


# --- Prometheus ---


def test_prometheus_takes_what_the_agent_counts_and_nothing_else() -> None:
    (job,) = yaml.safe_load(prometheus.configuration())["scrape_configs"]

    assert job["static_configs"] == [{"targets": ["127.0.0.1:9091"]}]
    assert (job["scrape_interval"], job["scrape_timeout"]) == ("1s", "1s"), "it does not start if it may wait longer"


def test_prometheus_listens_on_loopback_alone_and_keeps_its_samples_where_it_is_told() -> None:
    program, *options = prometheus.command(
        Path("/lab/bin/prometheus"), configuration=Path("/run/p/prometheus.yml"), data=Path("/run/p/data")
    )
    given = dict(each.split("=", 1) for each in options)

    assert program == "/lab/bin/prometheus"
    assert given["--config.file"] == "/run/p/prometheus.yml"
    assert given["--storage.tsdb.path"] == "/run/p/data"
    assert given["--web.listen-address"] == "127.0.0.1:9090"
    assert not [option for option in given if option.startswith("--web.enable")], "nobody may end or empty it"

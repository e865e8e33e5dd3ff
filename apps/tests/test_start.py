"""How an application starts: soon, small, with clear words when it was told something wrong."""

from __future__ import annotations

import psutil
import pytest

from apps.tests.running import refused_start, running

each = pytest.mark.parametrize("app", ["order", "delivery"])


@each
def test_it_answers_soon_and_is_small(app: str) -> None:
    with running(app) as process:
        assert process.client.get("/").json() == {"app": app, "version": "v1", "colour": "blue"}
        assert psutil.Process(process.process.pid).memory_info().rss < 120_000_000


@each
def test_it_says_of_itself_what_it_was_told(app: str) -> None:
    with running(app, APP_VERSION="v2", APP_COLOUR="green") as process:
        answer = process.client.get("/actuator/echo")

    assert answer.json()["version"] == answer.headers["x-app-version"] == "v2"
    assert answer.json()["colour"] == answer.headers["x-app-colour"] == "green"
    assert answer.json()["address"] == "127.0.0.1"
    assert answer.json()["hostName"]


@pytest.mark.parametrize(
    ("app", "variables"),
    [
        ("order", {"PORT": "eighty"}),
        ("order", {"PORT": "70000"}),
        ("order", {"PORT": "80.5"}),
        ("order", {"ORDER_LOG_LEVEL": "debug"}),
        ("delivery", {"DELIVERY_LOG_LEVEL": "TRACE"}),
        ("order", {"VARIANT": "bad"}),
        ("order", {"FAULT_RATE": "2"}),
        ("order", {"FAULT_DELAY": "-1"}),
        ("order", {"FAULT_DELAY": "nan"}),
        ("order", {"DELIVERY_URL": "delivery:8080"}),
        ("order", {"DELIVERY_TIMEOUT": "0"}),
        ("order", {"DELIVERY_RETRY": "soon"}),
        ("order", {"APP_VERSION": "v 2"}),
        ("delivery", {"MAX_REQUESTS": "0"}),
    ],
)
def test_a_wrong_setting_ends_the_start_with_its_name_and_what_is_allowed(app: str, variables: dict[str, str]) -> None:
    code, said = refused_start(app, **variables)
    ((name, value),) = variables.items()

    assert code == 2
    assert said.startswith(f"error: {name}: found {value!r}; allowed: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "url", ["mysql:3306", "jdbc:oracle://db/x", "jdbc:mysql://user:hunter2@db/x", "jdbc:mysql://db", "sqlite://"]
)
def test_a_database_that_is_not_understood_is_refused_without_repeating_what_may_be_a_password(url: str) -> None:
    code, said = refused_start("order", ORDER_DB_URL=url)

    assert code == 2
    assert said.startswith("error: ORDER_DB_URL: not understood; allowed: jdbc:mysql://HOST:PORT/DATABASE")
    assert "hunter2" not in said

"""The lab's own dashboards are valid and ask what the course asks; published ones come ready for provisioning."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from components.observability import dashboards
from lab.core.errors import LabError
from lab.services import queries

Validator = Callable[[object], object]

SCHEMA = Path(__file__).parent / "fixtures" / "grafana-dashboard.schema.json"
OWN = dashboards.load({})
SHOP: dict[str, Any] = json.loads(OWN["shop.json"])

PUBLISHED = {
    "__inputs": [
        {"name": "DS_PROMETHEUS", "label": "p", "type": "datasource", "pluginId": "prometheus", "pluginName": "P"},
        {"name": "VAR_NODE", "label": "node", "type": "constant", "value": ".*"},
    ],
    "__requires": [{"type": "panel", "id": "graph", "name": "Graph", "version": ""}],
    "id": 7,
    "uid": "of-somebody-else",
    "title": "Nodes",
    "panels": [
        {"datasource": "${DS_PROMETHEUS}", "targets": [{"expr": 'up{node=~"$node"}'}]},
        {"datasource": {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}},
    ],
    "templating": {"list": [{"name": "node", "query": "${VAR_NODE}"}]},
}


@pytest.fixture(scope="module")
def valid() -> Validator:
    return fastjsonschema.compile(json.loads(SCHEMA.read_text(encoding="utf-8")))


def queries_of(dashboard: dict[str, Any], kind: str) -> list[str]:
    targets = [target for panel in dashboard["panels"] for target in panel.get("targets", [])]
    return [target["expr"] for target in targets if target["datasource"]["type"] == kind]


def chosen(query: str) -> str:
    """A query of the dashboard with what is chosen in it at first."""
    for variable in SHOP["templating"]["list"]:
        query = query.replace(f"${variable['name']}", variable["current"]["value"])
    return query


@pytest.mark.parametrize("name", OWN)
def test_a_dashboard_of_the_lab_is_valid_for_the_pinned_grafana(name: str, valid: Validator) -> None:
    valid(json.loads(OWN[name]))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schemaVersion",), "41"),
        (("panels", 3, "gridPos", "h"), "8"),
        (("panels", 3, "targets", 0, "expr"), None),
        (("panels", 3, "fieldConfig", "defaults", "custom", "drawStyle"), "crayon"),
        (("panels", 3, "options", "legend", "showLegend"), "yes"),
        (("panels", 3, "colour"), "red"),
        (("templating", "list", 0, "type"), "choice"),
    ],
)
def test_the_schema_refuses_what_grafana_does_not_know(
    path: tuple[str | int, ...], value: object, valid: Validator
) -> None:
    wrong: Any = copy.deepcopy(SHOP)
    place = wrong
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(fastjsonschema.JsonSchemaException):
        valid(wrong)


def test_every_query_of_the_shops_dashboard_is_one_of_the_course() -> None:
    known = {query.query for query in queries.load()}

    assert [query for query in queries_of(SHOP, "prometheus") if chosen(query) not in known] == []


def test_the_shops_dashboard_shows_what_the_course_asks_for() -> None:
    shown = {chosen(query) for query in queries_of(SHOP, "prometheus")}
    only_to_try_out = {"requests", "requests-of-order", "requests-of-order-without-5xx"}

    assert {query.name for query in queries.load() if query.query not in shown} == only_to_try_out


def test_the_query_of_the_notes_is_a_panel_to_the_letter() -> None:
    assert queries.named("request-rate").query in queries_of(SHOP, "prometheus")


def test_the_logs_are_those_of_the_app_that_is_chosen() -> None:
    assert queries_of(SHOP, "loki") == ['{namespace="$namespace", app="$app"}']


def test_panels_neither_overlap_nor_stand_out() -> None:
    places = [panel["gridPos"] for panel in SHOP["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_a_published_dashboard_comes_without_questions() -> None:
    text = dashboards.resolve(json.dumps(PUBLISHED), "grafana-1")
    resolved = json.loads(text)

    assert "${" not in text
    assert "__" not in text
    assert [panel["datasource"] for panel in resolved["panels"]] == [
        "prometheus",
        {"type": "prometheus", "uid": "prometheus"},
    ]
    assert resolved["templating"]["list"][0]["query"] == ".*"
    assert resolved["panels"][0]["targets"] == [{"expr": 'up{node=~"$node"}'}]
    assert (resolved["id"], resolved["uid"], resolved["title"]) == (None, "grafana-1", "Nodes")


def test_published_dashboards_are_named_and_addressed_by_their_number(tmp_path: Path) -> None:
    file = tmp_path / "some name.json"
    file.write_text(json.dumps(PUBLISHED))

    loaded = dashboards.load({6417: file})

    assert list(loaded) == [*OWN, "grafana-6417.json"]
    assert json.loads(loaded["grafana-6417.json"])["uid"] == "grafana-6417"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html>", "Expecting value"),
        ("[]", "it has no title"),
        ('{"message": "not found"}', "it has no title"),
        (json.dumps({**PUBLISHED, "__inputs": [{"name": "DS_X", "type": "datasource", "pluginId": "mysql"}]}), "DS_X"),
        (json.dumps({**PUBLISHED, "__inputs": [{"label": "nameless"}]}), "'name'"),
    ],
)
def test_a_file_that_is_no_dashboard_is_named_with_the_cause(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "6417.json"
    file.write_text(text)

    with pytest.raises(LabError) as failure:
        dashboards.load({6417: file})

    assert failure.value.message.startswith(f"{file} is not the dashboard 6417 of grafana.com: ")
    assert said in failure.value.message

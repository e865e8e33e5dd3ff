"""What would cost too much, reach nobody or lose something is refused by the program itself: no `lab up` is needed.

Each rule is tried by plain `pulumi up` and by the Automation API, which shows no preview before it updates.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from components.platform.naming import azure_names
from tests.azure.standin import outputs, resources
from tests.azure.standin.account import Account
from tests.azure.standin.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.azure.conftest import Subscription
    from tests.engine.laboratory import Laboratory, Result

GUARDED = {"ResourceGroup", "Registry", "ManagedCluster"}
ALLOW = "pulumi config set --path istio-lab:azure.allowReplace true"


def by_pulumi(laboratory: Laboratory) -> Result:
    return laboratory.pulumi("up", "--yes")


def by_the_automation_api(laboratory: Laboratory) -> Result:
    program = str(Path(__file__).with_name("automation.py"))
    words = (sys.executable, program, str(laboratory.project), laboratory.stack)
    return laboratory.run(f". {laboratory.project}/.lab/activate; exec {' '.join(words)}")


@pytest.fixture(params=[by_pulumi, by_the_automation_api])
def update(request: pytest.FixtureRequest) -> Callable[[Laboratory], Result]:
    found: Callable[[Laboratory], Result] = request.param
    return found


@pytest.fixture
def fresh(bare_subscription: Subscription) -> Iterator[Subscription]:
    """A stack that has never been up, in a subscription with nothing in it."""
    bare_subscription.configure()
    yield bare_subscription
    bare_subscription.fail()
    (bare_subscription.folder / "store.json").unlink(missing_ok=True)


def refused(result: Result, *words: str) -> None:
    """It ends with one error, in words for people."""
    assert result.code != 0, result.output
    assert "Traceback" not in result.output
    for each in words:
        assert each in result.output


def test_what_may_cost_more_than_the_limit(fresh: Subscription, update: Callable[[Laboratory], Result]) -> None:
    fresh.configure(budget={"maxPerHour": 0.1})

    result = update(fresh.laboratory)

    refused(result, "istio-lab:azure.budget.maxPerHour is 0.1, but this plan may cost 0.8411 USD an hour")
    assert fresh.written == []


def test_an_allowlist_with_nobody_on_it(fresh: Subscription, update: Callable[[Laboratory], Result]) -> None:
    fresh.configure(allowedRanges=[])

    result = update(fresh.laboratory)

    refused(result, "pulumi config set --path 'istio-lab:azure.allowedRanges[0]' ADDRESS/32", "curl")
    assert fresh.written == []


def test_a_cluster_that_nobody_could_log_in_to(fresh: Subscription, update: Callable[[Laboratory], Result]) -> None:
    result = update(without_tools(fresh))

    refused(result, "kubelogin is not on PATH, and istio-lab:azure.entra is true", "az aks install-cli")
    assert fresh.written == []


@pytest.mark.parametrize("stage", ["configure", "invoke"])
def test_nobody_who_is_logged_in(fresh: Subscription, update: Callable[[Laboratory], Result], stage: str) -> None:
    fresh.fail(NotLoggedIn=stage)

    result = update(fresh.laboratory)

    refused(result, "az login")
    assert fresh.written == []


def test_a_stopped_cluster(fresh: Subscription, update: Callable[[Laboratory], Result]) -> None:
    account = Account.configured({})
    names = azure_names(fresh.laboratory.stack, account.subscription)
    inputs = {"resourceGroupName": names.resource_group, "resourceName": names.cluster, "agentPoolProfiles": []}
    id_ = resources.CLUSTER.id_of(inputs, account.subscription)
    request = Request(method="create", type=resources.CLUSTER, id=id_, inputs=inputs, account=account)
    properties = {**outputs.shown(request), "powerState": {"code": "Stopped"}}
    entry = {"id": id_, "type": resources.CLUSTER.token, "order": 0, "inputs": inputs, "properties": properties}
    fresh.keep({"counter": 1, "entries": [entry], "log": [], "faults": {}})

    result = update(fresh.laboratory)

    refused(
        result,
        f"AKS cluster {names.cluster} is stopped",
        "lab start --stack bare",
        f"az aks start -g {names.resource_group} -n {names.cluster}",
    )
    assert fresh.written == []


def test_a_preview_needs_a_login_only_and_tells_the_price(fresh: Subscription) -> None:
    fresh.configure(allowedRanges=[])

    output = without_tools(fresh).pulumi("preview").succeeded().output

    assert "This lab costs about 0.5814 USD an hour, at most 0.8411" in output
    assert "An update will be refused. istio-lab:azure.allowedRanges: found []" in output
    assert "An update will be refused. kubelogin is not on PATH" in output
    assert "costPerHour" in output
    assert fresh.written == []


@pytest.fixture(scope="module")
def standing(bare_subscription: Subscription) -> Iterator[Subscription]:
    """A stack with its resource group, registry and cluster, in which nothing has been made yet."""
    bare_subscription.configure()
    bare_subscription.laboratory.pulumi("up", "--yes", "--skip-preview")
    assert guarded(bare_subscription) == GUARDED
    yield bare_subscription
    # Whoever says destroy means it; what the program refuses makes no difference.
    bare_subscription.configure(budget={"maxPerHour": 0.1}, location="northeurope")
    bare_subscription.laboratory.pulumi("destroy", "--yes").succeeded()
    assert bare_subscription.store["entries"] == []


def test_a_change_that_would_replace_the_cluster(
    standing: Subscription, update: Callable[[Laboratory], Result]
) -> None:
    before = standing.written
    standing.configure(location="northeurope")

    result = update(standing.laboratory)

    refused(
        result,
        "would replace resource-group, with cluster, registry and all else in it",
        "location from westeurope to northeurope",
        ALLOW,
    )
    assert standing.written == before


def test_a_cluster_whose_replacement_is_asked_for_by_its_name(standing: Subscription) -> None:
    before = standing.written
    standing.configure()
    cluster = next(each["urn"] for each in standing.laboratory.state() if each["type"].endswith(":ManagedCluster"))
    standing.laboratory.pulumi("state", "taint", cluster, "--yes").succeeded()

    result = by_the_automation_api(standing.laboratory)

    standing.laboratory.pulumi("state", "untaint", cluster, "--yes").succeeded()
    refused(result, "would replace cluster", ALLOW)
    assert standing.written == before


@pytest.mark.parametrize("finished", [False, True], ids=["half made", "up once"])
def test_another_target_while_the_cluster_stands(
    standing: Subscription, update: Callable[[Laboratory], Result], *, finished: bool
) -> None:
    before = standing.written
    standing.configure()
    if finished:
        with_outputs(standing.laboratory, azureCluster="aks-of-old")
    standing.laboratory.pulumi("config", "set", "target", "embedded").succeeded()

    result = update(standing.laboratory)

    if finished:
        with_outputs(standing.laboratory)
    name = "aks-of-old" if finished else "ManagedCluster"
    refused(result, name, "with istio-lab:target embedded this update would delete them", "pulumi destroy", ALLOW)
    assert standing.written == before
    assert not any(each["type"].startswith("istio-lab:platform:Embedded") for each in standing.laboratory.state())


def test_a_replacement_that_is_allowed_is_planned_with_a_warning(standing: Subscription) -> None:
    standing.configure(location="northeurope", allowReplace=True)

    output = standing.laboratory.pulumi("preview").succeeded().output

    assert "istio-lab:azure.allowReplace is true: an update may replace or delete the cluster" in output
    assert "azure-native:containerservice:ManagedCluster cluster replace" in output


def test_lab_up_allows_a_replacement_for_one_update(standing: Subscription) -> None:
    standing.configure(location="northeurope")
    file = standing.laboratory.project / f"Pulumi.{standing.laboratory.stack}.yaml"
    before = yaml.safe_load(file.read_text())["config"]

    standing.laboratory.lab("up", "--allow-replace")

    clusters = [each for each in standing.store["entries"] if each["type"] == resources.CLUSTER.token]
    assert [each["inputs"]["location"] for each in clusters] == ["northeurope"]
    assert yaml.safe_load(file.read_text())["config"] == before


def without_tools(subscription: Subscription) -> Laboratory:
    """Where neither az nor kubelogin is installed."""
    laboratory = subscription.laboratory
    search = laboratory.environment["PATH"].removeprefix(f"{subscription.folder / 'bin'}:")
    return replace(laboratory, extra={**laboratory.extra, "PATH": search})


def guarded(subscription: Subscription) -> set[str]:
    types = {each["type"] for each in subscription.laboratory.state()}
    return {type_.rpartition(":")[2] for type_ in types} & GUARDED


def with_outputs(laboratory: Laboratory, **found: Any) -> None:  # noqa: ANN401 - of any shape
    """Give the stack the outputs that it has when an update has come to its end."""
    state = json.loads(laboratory.export())
    root = next(each for each in state["deployment"]["resources"] if each["type"] == "pulumi:pulumi:Stack")
    root["outputs"] = found
    file = laboratory.project / "state.json"
    file.write_text(json.dumps(state))
    laboratory.pulumi("stack", "import", "--file", str(file)).succeeded()
    file.unlink()

"""The whole azure stack under the real engine: a stand-in for Azure, and behind it a real cluster with a real istiod.

The tests of this module follow one stack through its life, in their order.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from components.platform.azure import roles
from lab.core.docker_hub import HubImage
from tests.azure import front
from tests.azure.conftest import BUILT
from tests.azure.standin import models, resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.azure.conftest import Subscription
    from tests.engine.laboratory import Laboratory

CLUSTER = "azure-native:containerservice:ManagedCluster"
BUDGET = "azure-native:consumption:Budget"
ROLE = "azure-native:authorization:RoleAssignment"
GROUP = "azure-native:resources:ResourceGroup"

REFUSALS = {
    "AuthorizationFailedEverywhere": "AuthorizationFailed",
    "AuthorizationFailed": "RoleAssignmentForbidden",
    "SubscriptionNotRegistered": "MissingSubscriptionRegistration",
    "ServicePrincipalQuota": "DirectoryQuotaExceeded",
    "RegistryNameTaken": "AlreadyInUse",
    "DockerHubLimit": "DockerHubLimit",
    "KubernetesVersionNotSupported": "K8sVersionNotSupported",
    "QuotaExceeded": "QuotaExceeded",
    "InsufficientVCPUQuota": "QuotaExceeded",
    "SkuNotAvailable": "SkuNotAvailable",
    "VMSizeNotAllowed": "SkuNotAvailable",
    "Conflict": "OperationInProgress",
}
"""Every fault of the stand-in that ends an update -> how the lab calls it."""


SETTINGS: dict[str, Any] = {
    "budget": {"amount": 20, "email": "somebody@example.test"},
    "spotPool": {"enabled": True},
}


LAGS = {
    "PrincipalNotFoundAlways": ("PrincipalNotFound", 10),
    "KubeletPermissionLags": ("CustomKubeletIdentityMissingPermissionError", 2),
    "IdentityLags": ("LinkedAuthorizationFailed", 1),
    "RegistryLags": ("ResourceNotFound", 1),
}
"""What Azure does not know at first: the fault, Azure's code of it, and how often it strikes."""

REFUSES = 20.0
"""Seconds in which the cluster does not know its caller's role; AKS may take minutes, see `test_admission`."""


@pytest.fixture(scope="module")
def standing(subscription: Subscription) -> Iterator[Subscription]:
    """A stack that stands, although Azure and the cluster knew nobody at first."""
    subscription.configure(**SETTINGS)
    subscription.fail(**{fault: times for fault, (_, times) in LAGS.items()}, BudgetRefused=1, ImportLags=1)
    with front.before(subscription.folder, refuses=REFUSES) as cluster:
        with subscription.watched():
            result = subscription.laboratory.lab("up").succeeded()
        subscription.refused.extend(cluster.refused)
        assert "BudgetRefused: The subscription takes no budget" in result.output
        # A day later it takes one.
        subscription.laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()
        yield subscription
    subscription.fail()


@pytest.mark.parametrize(("fault", "code"), REFUSALS.items())
def test_a_refusal_of_azure_is_explained_with_one_command(subscription: Subscription, fault: str, code: str) -> None:
    # Copies take longer than a refusal, and only one refusal is about them.
    subscription.configure(importImages=fault == "DockerHubLimit")
    subscription.fail(**{fault: True})

    result = subscription.laboratory.lab("up")

    subscription.fail()
    subscription.laboratory.pulumi("destroy", "--yes", "--skip-preview").succeeded()
    assert result.code == 1, result.output
    _, _, explained = result.output.rpartition("error: ")
    assert explained.startswith(f"{code}: ")
    assert "\ndo: " in explained
    assert "Traceback" not in result.output


def test_it_stands_with_every_pod_ready_although_azure_lagged(standing: Subscription) -> None:
    refused = Counter(each["refused"] for each in standing.store["log"] if each["method"] != "import")
    pods = standing.laboratory.get("pods", "-A")["items"]

    assert {code: refused[code] for code, _ in LAGS.values()} == dict(LAGS.values())
    assert len(pods) >= 10
    assert [pod["metadata"]["name"] for pod in pods if not ready(pod)] == []


def test_a_cluster_that_does_not_know_its_caller_yet_is_asked_one_thing_only_and_not_too_often(
    standing: Subscription,
) -> None:
    front.assert_patient(standing.refused, since=REFUSES)


def test_nothing_is_left_to_do(standing: Subscription) -> None:
    assert "unchanged" in standing.laboratory.pulumi("preview", "--expect-no-changes").succeeded().output


def test_what_azure_and_the_cluster_answer_later_changes_nothing_either(standing: Subscription) -> None:
    standing.laboratory.pulumi("refresh", "--yes", "--skip-preview").succeeded()

    assert "unchanged" in standing.laboratory.pulumi("preview", "--expect-no-changes").succeeded().output


def test_images_are_pulled_by_the_nodes_own_identity_and_it_may_do_nothing_else(standing: Subscription) -> None:
    kubelet = the(standing, "azure-native:managedidentity:UserAssignedIdentity", "-kubelet")
    granted = [each for each in entries(standing, ROLE) if each["inputs"]["principalId"] == object_id(kubelet)]

    assert [each["inputs"]["roleDefinitionId"].rpartition("/")[2] for each in granted] == [roles.ACR_PULL]
    assert [each["inputs"]["scope"] for each in granted] == [entries(standing, REGISTRY)[0]["id"]]
    assert granted[0]["inputs"]["principalType"] == "ServicePrincipal"


def test_the_shops_images_come_from_the_stacks_own_registry(standing: Subscription) -> None:
    registry = standing.laboratory.pulumi("stack", "output", "registry").succeeded().output.strip()

    assert registry.endswith(".azurecr.io")
    for namespace in ("shop", "tutorial"):
        for app in ("order", "delivery"):
            spec = standing.laboratory.get("deployment", app, "-n", namespace)["spec"]["template"]["spec"]
            assert spec["containers"][0]["image"] == f"{registry}/{app}:v1"


def test_images_of_docker_hub_but_istios_come_from_the_registry_where_each_is_copied_once(
    standing: Subscription,
) -> None:
    registry = standing.laboratory.pulumi("stack", "output", "registry").succeeded().output.strip()
    pulled = {each["image"] for pod in standing.laboratory.get("pods", "-A")["items"] for each in containers(pod)}
    own = {image.removeprefix(f"{registry}/") for image in pulled if image.startswith(registry)} - set(BUILT.values())
    log = standing.store["log"]
    made = max(place for place, each in enumerate(log) if (each["method"], each["type"]) == ("create", REGISTRY))
    requests = [each for each in log[made:] if each["method"] == "import"]
    asked = [each["body"] for each in requests if not each["refused"]]
    where = {"registryName": "any", "resourceGroupName": "any"}

    assert [image for image in pulled if HubImage.parse(image) and not image.startswith("docker.io/istio/")] == []
    assert "library/mysql:8.4.7" in own
    assert Counter(tag for each in asked for tag in each["targetTags"]) == Counter(own)
    assert [problem for each in asked for problem in models.problems(resources.IMPORT, {**each, **where})] == []
    assert {each["source"]["registryUri"] for each in asked} == {"docker.io"}
    by_tag = [each["source"]["sourceImage"] for each in asked if "@sha256:" not in each["source"]["sourceImage"]]
    assert sorted(by_tag) == ["apexacme/siege-nginx:latest", "grafana/grafana:12.0.1"]
    assert [each["refused"] for each in requests if each["refused"]] == ["ResourceNotFound"], "tried again once"


def test_without_copies_everything_comes_from_docker_hub(standing: Subscription) -> None:
    standing.configure(importImages=False, **SETTINGS)

    plan = steps(standing)

    standing.configure(**SETTINGS)
    assert {step["op"] for step in plan if step["urn"].endswith("-nginx-1.29")} == {"delete"}
    nginx = next(step for step in plan if step["urn"].endswith("::hello-nginx"))
    [container] = nginx["newState"]["inputs"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "nginx:1.29"
    assert ".azurecr.io/grafana/" not in json.dumps([step.get("newState") for step in plan])


def test_the_right_to_pull_is_there_before_the_cluster(standing: Subscription) -> None:
    cluster = entries(standing, CLUSTER)[0]
    pull = next(each for each in entries(standing, ROLE) if roles.ACR_PULL in each["inputs"]["roleDefinitionId"])

    assert pull["order"] < cluster["order"]


def test_everything_that_takes_tags_has_them(standing: Subscription) -> None:
    untagged = {ROLE, "azure-native:containerservice:MaintenanceConfiguration", "azure-native:consumption:Budget"}
    tags = [each["inputs"].get("tags") for each in standing.store["entries"] if each["type"] not in untagged]

    assert len(tags) == 6
    own = {"project": "istio-lab", "stack": "azure", "owner": "somebody"}
    assert all(found == own for found in tags)
    shown = standing.laboratory.pulumi("stack", "output", "tags", "--json").succeeded().output
    assert json.loads(shown) == own


def test_inside_the_cluster_it_is_the_embedded_lab_resource_for_resource(standing: Subscription) -> None:
    embedded = standing.laboratory.other("planned")  # the stack that others use may stand
    embedded.pulumi("stack", "init").succeeded()

    planned = in_cluster(step["urn"] for step in previewed(embedded))
    embedded.pulumi("stack", "rm", "--yes").succeeded()

    assert in_cluster(each["urn"] for each in standing.laboratory.state()) == planned
    assert len(planned) > 20


def test_nothing_is_open_to_the_internet(standing: Subscription) -> None:
    cluster = entries(standing, CLUSTER)[0]["inputs"]
    ingress = standing.laboratory.get("service", "istio-ingressgateway", "-n", "istio-system")

    assert cluster["apiServerAccessProfile"]["authorizedIPRanges"] == ["203.0.113.7/32"]
    assert cluster["disableLocalAccounts"] is True
    assert ingress["metadata"]["annotations"]["service.beta.kubernetes.io/azure-load-balancer-internal"] == "true"
    assert entries(standing, REGISTRY)[0]["inputs"]["adminUserEnabled"] is False


def test_a_tool_is_public_for_its_ranges_only_and_private_again_when_asked(standing: Subscription) -> None:
    def grafana() -> dict[str, Any]:
        return standing.laboratory.get("service", "grafana", "-n", "istio-system")

    def outputs() -> dict[str, str]:
        return dict(json.loads(standing.laboratory.pulumi("stack", "output", "--json").succeeded().output))

    ranges = ["203.0.113.0/24"]
    public_grafana = {"grafana": {"serviceType": "LoadBalancer"}, "sourceRanges": ranges}
    standing.configure(observability=public_grafana, **SETTINGS)
    standing.laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()
    public, opened = grafana(), outputs()
    standing.configure(**SETTINGS)
    standing.laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()

    assert public["spec"]["loadBalancerSourceRanges"] == ranges
    [address] = public["status"]["loadBalancer"]["ingress"]
    assert opened["grafanaUrl"] == f"http://{address['ip']}:3000"
    assert grafana()["spec"]["type"] == "ClusterIP"
    assert grafana()["status"]["loadBalancer"] == {}
    assert "grafanaUrl" not in outputs()


def test_no_secret_is_in_the_state_the_outputs_the_logs_or_a_command_line(standing: Subscription) -> None:
    user = yaml.safe_load((standing.folder / "kubeconfig").read_text())["users"][0]["user"]
    passphrase = (standing.laboratory.project / ".lab" / "passphrase").read_text()
    secrets = [
        user["client-key-data"],
        base64.b64decode(user["client-key-data"]).decode().splitlines()[1],
        passphrase,
    ]
    logs = [file for file in (standing.laboratory.project / ".lab" / "pulumi").rglob("*") if is_log(file)]
    words = standing.seen
    outputs = standing.laboratory.pulumi("stack", "output").succeeded().output
    shown = standing.laboratory.pulumi("stack", "output", "--json").succeeded().output

    for text in (standing.laboratory.export(), outputs, shown):
        assert [secret for secret in (*secrets, "kubelogin") if secret in text] == []
    assert logs != []
    assert [file.name for file in logs for secret in secrets if secret.encode() in file.read_bytes()] == []
    assert any("pulumi-resource-kubernetes" in word for word in words)
    assert [word for word in words for secret in secrets if secret in word] == []
    assert json.loads(shown)["kubeconfig"] == "[secret]"


def test_the_kubeconfig_for_people_takes_the_login_of_the_azure_cli(standing: Subscription) -> None:
    file = standing.laboratory.kubeconfig
    user = yaml.safe_load(file.read_text())["users"][0]["user"]

    assert file.stat().st_mode & 0o777 == 0o600
    assert set(user) == {"exec"}
    assert user["exec"]["args"][-2:] == ["--login", "azurecli"]


def test_a_subscription_that_takes_no_budget_yet_has_the_rest_of_the_lab(standing: Subscription) -> None:
    budgets = [each for each in standing.store["log"] if each["type"] == BUDGET]

    assert [each["refused"] for each in budgets] == ["400", ""]
    assert standing.store["log"][-1] == budgets[-1], "it is the last thing that is made"


def test_another_number_of_nodes_reaches_both_pools_and_touches_nothing_in_the_cluster(
    standing: Subscription,
) -> None:
    standing.configure(
        budget={"amount": 20, "email": "somebody@example.test"},
        spotPool={"enabled": True, "maxCount": 5},
        systemPool={"count": 3, "maxCount": 4},
    )

    changed = steps(standing)

    assert {step["urn"].rpartition("::")[2] for step in changed} == {"spot-pool", "cluster"}
    assert {step["op"] for step in changed} == {"update"}

    standing.laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()
    (pool,) = entries(standing, CLUSTER)[0]["inputs"]["agentPoolProfiles"]
    assert (pool["count"], pool["minCount"], pool["maxCount"]) == (3, 3, 4)
    assert steps(standing) == []


def test_another_vm_size_is_said_to_need_a_new_pool_and_changes_nothing(standing: Subscription) -> None:
    size = {"vmSize": "Standard_D8s_v5", "count": 3, "maxCount": 4}
    standing.configure(
        budget={"amount": 20, "email": "somebody@example.test"},
        spotPool={"enabled": True, "maxCount": 5},
        systemPool=size,
    )

    output = standing.laboratory.pulumi("preview", "--expect-no-changes").succeeded().output

    assert 'azure.systemPool.vmSize: found "Standard_D8s_v5"; the nodes are Standard_D4s_v5' in output
    assert "az aks nodepool add" in output


def test_what_would_replace_the_cluster_is_refused_until_it_is_allowed(standing: Subscription) -> None:
    standing.configure(location="northeurope")

    result = standing.laboratory.lab("up")

    assert result.code == 1
    assert "cluster" in result.output
    assert "--allow-replace" in result.output
    assert entries(standing, CLUSTER)[0]["inputs"]["location"] == "westeurope"


def test_a_stopped_cluster_is_named_before_anything_is_touched(standing: Subscription) -> None:
    standing.configure()
    standing.laboratory.lab("stop").succeeded()
    written = len(standing.store["log"])

    refused = standing.laboratory.lab("up")
    shown = standing.laboratory.lab("status").succeeded().output
    started = standing.laboratory.lab("start")

    assert refused.code == 1
    assert "lab start" in refused.output
    assert "Stopped" in shown
    assert len(standing.store["log"]) == written
    assert started.code == 0


def test_the_login_of_another_subscription_cannot_destroy(standing: Subscription) -> None:
    other = "00000000-1111-2222-3333-444444444444"

    login = standing.folder / "other-login"
    login.write_text(other)
    refused = standing.laboratory.lab("down")
    login.unlink()

    assert refused.code == 1
    assert "az account set --subscription" in refused.output
    assert entries(standing, CLUSTER) != []


def test_down_leaves_nothing_and_the_audit_tells_what_else_would_be_left(standing: Subscription) -> None:
    before = standing.store
    standing.laboratory.lab("down").succeeded()

    assert standing.store["entries"] == []
    assert not standing.laboratory.directory.exists()
    assert "Nothing is left of stack azure" in standing.laboratory.lab("audit").succeeded().output

    # As if a group had not gone, and somebody had given the nodes' identity a right elsewhere, by hand.
    nodes = next(each["properties"]["nodeResourceGroup"] for each in before["entries"] if each["type"] == CLUSTER)
    group = next(each for each in before["entries"] if each["type"] == GROUP)
    pull = next(each for each in before["entries"] if each["type"] == ROLE)
    subscription = "/".join(group["id"].split("/")[:3])
    elsewhere = {**pull, "inputs": {**pull["inputs"], "scope": f"{subscription}/resourceGroups/somebodys"}}
    forgotten = {**group, "id": f"{subscription}/resourceGroups/{nodes}", "inputs": {}}
    standing.keep({**standing.store, "entries": [forgotten, elsewhere]})
    found = standing.laboratory.lab("audit", "--json")
    standing.keep({**standing.store, "entries": []})

    assert found.code == 1
    report = json.loads(found.output[found.output.index("{") : found.output.rindex("}") + 1])
    left = {each["looked_at"]: each["left"] for each in report["findings"] if each["verdict"] == "left"}
    assert left.keys() == {"resource group of the nodes", "role assignments"}
    assert left["resource group of the nodes"] == [nodes]
    assert "which is gone" in left["role assignments"][0]


REGISTRY = "azure-native:containerregistry:Registry"


def entries(subscription: Subscription, type_: str) -> list[dict[str, Any]]:
    return [each for each in subscription.store["entries"] if each["type"] == type_]


def the(subscription: Subscription, type_: str, end: str) -> dict[str, Any]:
    [found] = [each for each in entries(subscription, type_) if each["id"].endswith(end)]
    return found


def object_id(identity: dict[str, Any]) -> str:
    return str(identity["properties"]["principalId"])


def is_log(file: Path) -> bool:
    return file.is_file() and "plugins" not in file.parts


def in_cluster(urns: Iterable[str]) -> set[tuple[str, str]]:
    """Type and name of what is made in a cluster."""
    found = {(urn.split("::")[2].rpartition("$")[2], urn.rpartition("::")[2]) for urn in urns}
    return {(type_, name) for type_, name in found if type_.startswith("kubernetes:")}


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]


def ready(pod: dict[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def steps(subscription: Subscription) -> list[dict[str, Any]]:
    """What a preview would change."""
    return [step for step in previewed(subscription.laboratory) if step["op"] not in ("same", "read", "refresh")]


def previewed(laboratory: Laboratory) -> list[dict[str, Any]]:
    output = laboratory.pulumi("preview", "--json").succeeded().output
    return list(json.loads(output[output.index("{") :])["steps"])

"""The groups of settings; their fields are the only home of the defaults."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic.alias_generators import to_camel

from lab.settings import rules


class Group(BaseModel):
    """Settings are frozen, closed to unknown names, and spelt in camelCase by users."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, validate_by_name=True)


def _at_most_count(zones: int, info: ValidationInfo) -> int:
    count = info.data.get("count", zones)
    if zones > count:
        raise ValueError(f"at most {rules.NAMESPACE}:nodes.count, which is {count}: every zone needs a node")
    return zones


class Nodes(Group):
    """The simulated nodes of the embedded target.

    Attributes:
        count: how many there are.
        zones: how many zones they are spread over, at most one for each node.
        cpu: cores of each node.
        memory: memory of each node, a Kubernetes quantity.
    """

    count: Annotated[int, rules.whole(1, 50)] = 3
    # Checked as a default too: two nodes cannot be spread over the three zones that nobody asked for.
    zones: Annotated[int, rules.whole(1, 5), AfterValidator(_at_most_count)] = Field(default=3, validate_default=True)
    cpu: Annotated[int, rules.whole(1, 64)] = 4
    memory: Annotated[str, rules.memory("2Gi", "512Gi")] = "16Gi"


class Mesh(Group):
    """What the mesh does beyond its defaults; as Istio's demo profile has it.

    Attributes:
        access_log: whether every proxy logs each request.
        trace_sampling: the percentage of requests that are traced.
        egress_gateway: whether there is an egress gateway besides the ingress gateway.
    """

    access_log: Annotated[bool, rules.switch()] = True
    trace_sampling: Annotated[float, rules.percent()] = 100.0
    egress_gateway: Annotated[bool, rules.switch()] = True


class Tutorial(Group):
    """What runs in the namespace `tutorial`.

    Attributes:
        hello_nginx: whether the course's first deployment is there.
        hello_nginx_image: its image; the notes say `nginx:latest`, which moves.
        bookinfo: whether Istio's sample application is there.
        shop: whether order, delivery and a load generator are there too, as the exercises on timeouts, retries and
            circuit breakers have them.
    """

    hello_nginx: Annotated[bool, rules.switch()] = True
    hello_nginx_image: Annotated[str, rules.IMAGE] = "nginx:1.29"
    bookinfo: Annotated[bool, rules.switch()] = True
    shop: Annotated[bool, rules.switch()] = True


class Persistence(Group):
    """Whether what is stored outlives its Pod.

    Attributes:
        enabled: whether each store has a volume of its own.
        storage_class: empty for the cluster's default.
        size: of each volume.
    """

    enabled: Annotated[bool, rules.switch()] = False
    storage_class: Annotated[str, rules.STORAGE_CLASS] = ""
    size: Annotated[str, rules.memory("1Gi", "1024Gi")] = "8Gi"


class Tier(StrEnum):
    """AKS pricing tiers; Premium is needed for long-term support."""

    FREE = "Free"
    STANDARD = "Standard"
    PREMIUM = "Premium"


class RegistrySku(StrEnum):
    """Sizes of Azure Container Registry."""

    BASIC = "Basic"
    STANDARD = "Standard"
    PREMIUM = "Premium"


class ApiServer(StrEnum):
    """Who can reach the cluster's API server."""

    ALLOWLIST = "allowlist"
    PUBLIC = "public"
    PRIVATE = "private"


class Channel(StrEnum):
    """How AKS upgrades Kubernetes by itself."""

    NONE = "none"
    PATCH = "patch"
    STABLE = "stable"
    RAPID = "rapid"


class Day(StrEnum):
    """Days of the week, as AKS spells them."""

    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"


def _at_least_count(max_count: int, info: ValidationInfo) -> int:
    count = info.data.get("count", max_count)
    if max_count < count:
        raise ValueError(f"at least {rules.NAMESPACE}:azure.systemPool.count, which is {count}")
    return max_count


def _no_burstable(vm_size: str) -> str:
    if vm_size.startswith("Standard_B"):
        raise ValueError("a size that AKS takes for system pools, such as Standard_D4s_v5: the B-series is excluded")
    return vm_size


class SystemPool(Group):
    """The nodes that everything runs on unless it asks for others.

    Attributes:
        vm_size: Azure's name of the machine; AKS asks for at least 4 vCPUs and refuses the B-series.
        count: nodes at the beginning; the autoscaler then chooses.
        max_count: the autoscaler's limit, and so the limit of the price.
    """

    vm_size: Annotated[str, rules.VM_SIZE, AfterValidator(_no_burstable)] = "Standard_D4s_v5"
    count: Annotated[int, rules.whole(1, 100)] = 2
    max_count: Annotated[int, rules.whole(1, 100), AfterValidator(_at_least_count)] = Field(
        default=3, validate_default=True
    )


class SpotPool(Group):
    """Nodes at a fraction of the price that Azure may take away at any time; Pods must tolerate their taint.

    Attributes:
        enabled: whether there is such a pool.
        vm_size: Azure's name of the machine.
        max_count: the autoscaler's limit; it begins with none.
    """

    enabled: Annotated[bool, rules.switch()] = False
    vm_size: Annotated[str, rules.VM_SIZE] = "Standard_D4s_v5"
    max_count: Annotated[int, rules.whole(1, 100)] = 3


class Maintenance(Group):
    """When AKS may upgrade Kubernetes and the nodes' images: four hours a week.

    Attributes:
        channel: how far Kubernetes is upgraded by itself.
        day: day of the week.
        hour: the hour it begins, UTC.
    """

    channel: Annotated[Channel, rules.one_of(Channel)] = Channel.PATCH
    day: Annotated[Day, rules.one_of(Day)] = Day.SUNDAY
    hour: Annotated[int, rules.whole(0, 23)] = 2


class Budget(Group):
    """Warnings by mail, at 80 % and 100 % spent and when 100 % is forecast, and a limit before anything is made.

    What stands is never switched off.

    Attributes:
        amount: a month, in the currency of the subscription.
        email: where the warnings go; without it there is no budget.
        max_per_hour: US dollars an hour that a plan may cost when the autoscaler has added all it may; 0 for no limit.
    """

    amount: Annotated[int, rules.whole(1, 1_000_000)] = 50
    email: Annotated[str, rules.EMAIL] = ""
    max_per_hour: Annotated[float, rules.dollars()] = 0.0


class Azure(Group):
    """What the azure target makes.

    Attributes:
        subscription: its id; empty for the one that the Azure CLI is logged in to.
        location: Azure's name of the region.
        owner: value of the tag `owner`.
        tier: of the AKS control plane.
        registry_sku: of the container registry.
        entra: log in to the cluster with Microsoft Entra ID and Azure RBAC, without local accounts; switch it off in
            classrooms that lack the rights.
        api_server: who can reach the API server.
        allowed_ranges: IPv4 ranges of the allowlist; `lab up` fills in the caller's address when it is empty.
        ingress_ranges: IPv4 ranges that may reach the ingress gateway from outside; without any it has an address
            inside the virtual network only.
        system_pool: the nodes.
        spot_pool: cheap nodes beside them.
        maintenance: when AKS may upgrade.
        budget: warnings about the bill, and a limit to it.
        protect: whether Pulumi refuses to delete registry and cluster.
    """

    subscription: Annotated[str, rules.SUBSCRIPTION] = ""
    location: Annotated[str, rules.LOCATION] = "westeurope"
    owner: Annotated[str, rules.TAG] = ""
    tier: Annotated[Tier, rules.one_of(Tier)] = Tier.FREE
    registry_sku: Annotated[RegistrySku, rules.one_of(RegistrySku)] = RegistrySku.BASIC
    entra: Annotated[bool, rules.switch()] = True
    api_server: Annotated[ApiServer, rules.one_of(ApiServer)] = ApiServer.ALLOWLIST
    allowed_ranges: Annotated[tuple[str, ...], rules.ipv4_ranges()] = ()
    ingress_ranges: Annotated[tuple[str, ...], rules.ipv4_ranges()] = ()
    system_pool: Annotated[SystemPool, rules.section()] = SystemPool()
    spot_pool: Annotated[SpotPool, rules.section()] = SpotPool()
    maintenance: Annotated[Maintenance, rules.section()] = Maintenance()
    budget: Annotated[Budget, rules.section()] = Budget()
    protect: Annotated[bool, rules.switch()] = False


class Student(Group):
    """Whose lab it is, where it is a student's.

    Attributes:
        id: of the student, of which every name follows.
        classroom: name of the class.
        group: object id of an Entra group whose members may work in the student's namespaces, on Azure.
    """

    id: Annotated[str, rules.student()] = ""
    classroom: Annotated[str, rules.CLASSROOM] = ""
    group: Annotated[str, rules.GROUP] = ""

    @property
    def many(self) -> bool:
        """Whether it is nobody's own, but the cluster that a class shares."""
        return bool(self.classroom) and not self.id

    @property
    def works_here(self) -> bool:
        """Whether a student works on the stack's cluster: the one whose it is, or all who share it."""
        return bool(self.classroom or self.id)


class Shared(Group):
    """A student's share of the cluster of another stack.

    Attributes:
        platform: name of that stack.
        cpu: cores that the Pods of each of the student's namespaces may ask for.
        memory: memory that they may ask for.
        pods: how many there may be in each.
    """

    platform: Annotated[str, rules.STACK] = ""
    cpu: Annotated[int, rules.whole(1, 64)] = 3
    memory: Annotated[str, rules.memory("2Gi", "512Gi")] = "6Gi"
    pods: Annotated[int, rules.whole(10, 500)] = 40


class Kubeconfig(Group):
    """Which existing cluster the kubeconfig target uses; never whatever happens to be the current one.

    Attributes:
        file: path of the kubeconfig; `~` and a path relative to the project are understood.
        context: the context in it.
        purge_crds: whether `down` also deletes Istio's and Argo Rollouts' CRDs, with every object of theirs that
            anybody made.
    """

    file: Annotated[str, rules.text(r".{0,1000}", "the path of a kubeconfig")] = ""
    context: Annotated[str, rules.text(r".{0,250}", "the name of a context in that file")] = ""
    purge_crds: Annotated[bool, rules.switch()] = False

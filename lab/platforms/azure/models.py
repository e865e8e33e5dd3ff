"""The Azure CLI's answers as types: what the lab looks at, and nothing else of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from pydantic import AliasPath, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from lab.core.errors import LabError

_CAMEL = ConfigDict(alias_generator=to_camel, populate_by_name=True)

_Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""Azure writes null where it has nothing to say."""

_Tags = Annotated[dict[str, str], BeforeValidator(lambda value: {} if value is None else value)]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Version:
    """`az version`.

    Attributes:
        cli: such as `2.80.0`.
    """

    cli: Annotated[str, Field(validation_alias="azure-cli")]


@dataclass(frozen=True, kw_only=True)
class Account:
    """`az account show`: the subscription that az works on by default.

    Attributes:
        id: the subscription's id.
        name: the subscription's name.
        state: such as `Enabled`.
        user: who is logged in: a mail address, or the application id of a service principal.
    """

    __pydantic_config__ = _CAMEL
    id: str
    name: str
    state: str
    user: Annotated[str, Field(validation_alias=AliasPath("user", "name"))]


@dataclass(frozen=True, kw_only=True)
class Policies:
    """A subscription's offer, from Azure's REST API; `az account show` leaves it out.

    Attributes:
        quota_id: the kind of offer, such as `FreeTrial_2014-09-01`.
        spending_limit: `On`, `Off` or `CurrentPeriodOff`.
    """

    quota_id: Annotated[_Text, Field(validation_alias=AliasPath("subscriptionPolicies", "quotaId"))]
    spending_limit: Annotated[_Text, Field(validation_alias=AliasPath("subscriptionPolicies", "spendingLimit"))]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One resource provider of `az provider list`.

    Attributes:
        namespace: such as `Microsoft.Compute`.
        registration_state: `Registered`, `Registering`, `NotRegistered` or `Unregistering`.
    """

    __pydantic_config__ = _CAMEL
    namespace: str
    registration_state: str


@dataclass(frozen=True, kw_only=True)
class Usage:
    """One quota of `az vm list-usage`, in vCPUs for those the lab looks at.

    Attributes:
        name: Azure's name: `cores`, `lowPriorityCores` or that of a VM family.
        label: what people call it.
        used: how much is in use; az writes the number as text.
        limit: how much may be.
    """

    name: Annotated[str, Field(validation_alias=AliasPath("name", "value"))]
    label: Annotated[str, Field(validation_alias=AliasPath("name", "localizedValue"))]
    used: Annotated[int, Field(validation_alias="currentValue")]
    limit: int


@dataclass(frozen=True, kw_only=True)
class Capability:
    """What a VM size can do, such as `vCPUs` 4."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """Why a VM size cannot be had.

    Attributes:
        type: `Location`, or `Zone` when only some zones lack it.
        reason_code: `NotAvailableForSubscription` or `QuotaId`.
    """

    __pydantic_config__ = _CAMEL
    type: str
    reason_code: _Text = ""


@dataclass(frozen=True, kw_only=True)
class VmSize:
    """One VM size of `az vm list-skus` in one region.

    Attributes:
        name: such as `Standard_D4s_v5`.
        family: the quota that it counts against.
        capabilities: what it can do.
        restrictions: why this subscription cannot have it; usually none.
    """

    __pydantic_config__ = _CAMEL
    name: str
    family: _Text = ""
    capabilities: tuple[Capability, ...] = ()
    restrictions: tuple[Restriction, ...] = ()

    @property
    def vcpus(self) -> int:
        """How many vCPUs a node of this size has."""
        return int(self._capability("vCPUs") or 0)

    @property
    def spot(self) -> bool:
        """Whether it can be had as Spot."""
        return self._capability("LowPriorityCapable") == "True"

    @property
    def refusal(self) -> str:
        """Why the subscription cannot have it in the region at all; empty when it can."""
        return next((entry.reason_code for entry in self.restrictions if entry.type == "Location"), "")

    def _capability(self, name: str) -> str:
        return next((entry.value for entry in self.capabilities if entry.name == name), "")


@dataclass(frozen=True, kw_only=True)
class KubernetesMinor:
    """One minor of `az aks get-versions`.

    Attributes:
        version: such as `1.35`.
        patches: the exact versions.
        plans: `KubernetesOfficial`, `AKSLongTermSupport` or both.
        preview: whether it is a preview.
    """

    version: str
    patches: Annotated[dict[str, object], Field(validation_alias="patchVersions")]
    plans: Annotated[tuple[str, ...], Field(validation_alias=AliasPath("capabilities", "supportPlan"))] = ()
    preview: Annotated[bool | None, Field(validation_alias="isPreview")] = None


@dataclass(frozen=True, kw_only=True)
class KubernetesVersions:
    """`az aks get-versions`."""

    values: tuple[KubernetesMinor, ...]


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What one role assignment of the one who is logged in allows; patterns with `*`."""

    __pydantic_config__ = _CAMEL
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """All that the one who is logged in may do somewhere, through groups and from above too."""

    value: tuple[Permission, ...]


@dataclass(frozen=True, kw_only=True)
class NodePool:
    """A node pool of `az aks show`.

    Attributes:
        name: such as `system`.
        mode: `System` or `User`.
        vm_size: of each node.
        count: how many nodes there are now.
        priority: `Spot`, or empty for regular nodes.
    """

    __pydantic_config__ = _CAMEL
    name: str
    mode: _Text = ""
    vm_size: _Text = ""
    count: int = 0
    priority: Annotated[_Text, Field(validation_alias="scaleSetPriority")] = ""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """`az aks show`.

    Attributes:
        name: of the cluster.
        power: `Running` or `Stopped`; provisioning states say `Succeeded` for both.
        provisioning: what Azure is doing with it, such as `Succeeded`, `Starting` or `Failed`.
        version: the exact one that runs.
        pools: the node pools.
    """

    __pydantic_config__ = _CAMEL
    name: str
    power: Annotated[_Text, Field(validation_alias=AliasPath("powerState", "code"))] = ""
    provisioning: Annotated[_Text, Field(validation_alias="provisioningState")] = ""
    version: Annotated[_Text, Field(validation_alias="currentKubernetesVersion")] = ""
    pools: Annotated[tuple[NodePool, ...], Field(validation_alias="agentPoolProfiles")] = ()


@dataclass(frozen=True, kw_only=True)
class ResourceGroup:
    """One resource group of `az group list`.

    Attributes:
        name: of the group.
        managed_by: the id of what made it for itself, such as a cluster for its nodes; usually empty.
        tags: what people wrote on it.
    """

    __pydantic_config__ = _CAMEL
    name: str
    managed_by: _Text = ""
    tags: _Tags = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TaggedResource:
    """One resource of `az resource list`.

    Attributes:
        id: its whole id.
        tags: what people wrote on it.
    """

    id: str
    tags: _Tags = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RoleAssignment:
    """One role assignment of `az role assignment list`.

    Attributes:
        id: its whole id.
        scope: what the role is for.
        principal_id: who has it.
        principal_name: what the directory calls that one; empty when it knows nobody.
        role: the role's name.
    """

    __pydantic_config__ = _CAMEL
    id: str
    scope: str
    principal_id: str
    principal_name: _Text = ""
    role: _Text = ""


def read(kind: type[T], answer: str) -> T:
    """One answer.

    Args:
        kind: one of the types of this module, or a tuple of them.
        answer: what az printed.

    Raises:
        LabError: it is not what az prints.
    """
    try:
        return TypeAdapter(kind).validate_json(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "its beginning"
        raise LabError(
            f"the answer of the Azure CLI cannot be read: at {place}: {first['msg']}",
            "bring the Azure CLI up to date: az upgrade",
        ) from None

"""Typed answers of the Azure CLI, reduced to the fields that the lab uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from pydantic import AliasPath, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from lab.core.errors import LabError

_CAMEL = ConfigDict(alias_generator=to_camel, populate_by_name=True)

_Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""Azure writes null for an empty value."""

_Tags = Annotated[dict[str, str], BeforeValidator(lambda value: {} if value is None else value)]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Version:
    """`az version`."""

    cli: Annotated[str, Field(validation_alias="azure-cli")]


@dataclass(frozen=True, kw_only=True)
class Account:
    """`az account show`: the subscription that az works on by default."""

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
    """One resource provider of `az provider list`."""

    __pydantic_config__ = _CAMEL
    namespace: str
    registration_state: str


@dataclass(frozen=True, kw_only=True)
class Usage:
    """One quota of `az vm list-usage`; the lab's are in vCPUs.

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
    """A capability of a VM size, such as `vCPUs` 4."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """A reason why a VM size is not available.

    Attributes:
        type: `Location`, or `Zone` when only some zones lack it.
        reason_code: `NotAvailableForSubscription` or `QuotaId`.
    """

    __pydantic_config__ = _CAMEL
    type: str
    reason_code: _Text = ""


@dataclass(frozen=True, kw_only=True)
class VmSize:
    """One VM size of `az vm list-skus` in one region."""

    __pydantic_config__ = _CAMEL
    name: str
    family: _Text = ""
    capabilities: tuple[Capability, ...] = ()
    restrictions: tuple[Restriction, ...] = ()

    @property
    def vcpus(self) -> int:
        """The vCPUs of a node."""
        return int(self._capability("vCPUs") or 0)

    @property
    def spot(self) -> bool:
        """Whether it is available as Spot."""
        return self._capability("LowPriorityCapable") == "True"

    @property
    def refusal(self) -> str:
        """Why it is not available in the region; empty when it is."""
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
    """The actions that one role assignment allows the caller; patterns with `*`."""

    __pydantic_config__ = _CAMEL
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """The caller's effective permissions, also those of groups and of parent scopes."""

    value: tuple[Permission, ...]


@dataclass(frozen=True, kw_only=True)
class NodePool:
    """A node pool of `az aks show`."""

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
    """One resource group of `az group list`."""

    __pydantic_config__ = _CAMEL
    name: str
    managed_by: _Text = ""
    tags: _Tags = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TaggedResource:
    """One resource of `az resource list`."""

    id: str
    tags: _Tags = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RoleAssignment:
    """One role assignment of `az role assignment list`."""

    __pydantic_config__ = _CAMEL
    id: str
    scope: str
    principal_id: str
    principal_name: _Text = ""
    role: _Text = ""


def read(kind: type[T], answer: str) -> T:
    """Parse an answer of the Azure CLI.

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

"""Settings of the cluster, the mesh, the tutorial, and a student's share; the fields are the only home of defaults."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo
from pydantic.alias_generators import to_camel

from lab.core.tags import PROJECT
from lab.settings import texts, types
from lab.settings.types import Flag, RefusedError, Section, Whole, setting


class Group(BaseModel):
    """Settings are frozen, closed to unknown names, and spelt in camelCase by users."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, validate_by_name=True)


def _at_most_count(zones: int, info: ValidationInfo) -> int:
    count = info.data.get("count", zones)
    if zones > count:
        raise RefusedError(f"at most {PROJECT}:nodes.count, which is {count}: every zone needs a node")
    return zones


class Nodes(Group):
    """The simulated nodes of the embedded target."""

    count: Whole = setting(3, "Number of simulated nodes.", ko="시뮬레이션 노드의 수.", ge=1, le=50)
    # Checked as a default too: two nodes cannot be spread over the three zones that nobody asked for.
    zones: Annotated[Whole, AfterValidator(_at_most_count)] = setting(
        3,
        "Number of zones that the nodes are spread over; at most `nodes.count`.",
        ko="노드를 나누어 두는 존의 수; `nodes.count` 이하.",
        ge=1,
        le=5,
        validate_default=True,
    )
    cpu: Whole = setting(4, "Cores of each node.", ko="노드마다의 코어 수.", ge=1, le=64)
    memory: types.Memory = setting("16Gi", "Memory of each node.", ko="노드마다의 메모리.")


class Mesh(Group):
    """The mesh beyond its defaults; as Istio's demo profile has it."""

    access_log: Flag = setting(True, "Log every request in each proxy.", ko="모든 프록시가 요청을 기록할지 여부.")
    trace_sampling: types.Percent = setting(
        100.0, "Percentage of requests that are traced.", ko="추적할 요청의 백분율."
    )
    egress_gateway: Flag = setting(True, "Deploy an egress gateway.", ko="이그레스 게이트웨이를 둘지 여부.")


class Tutorial(Group):
    """The applications in the namespace `tutorial`."""

    hello_nginx: Flag = setting(True, "Deploy `hello-nginx`.", ko="`hello-nginx`를 배포할지 여부.")
    hello_nginx_image: texts.Image = setting("nginx:1.29", "Image of `hello-nginx`.", ko="`hello-nginx`의 이미지.")
    bookinfo: Flag = setting(True, "Deploy Istio's sample application Bookinfo.", ko="Bookinfo를 배포할지 여부.")
    shop: Flag = setting(
        True,
        "Deploy `order`, `delivery` and `siege` in `tutorial` too.",
        ko="`order`, `delivery`, `siege`를 `tutorial`에도 둘지 여부.",
    )


class Persistence(Group):
    """Volumes of what is stored."""

    enabled: Flag = setting(
        False,
        "Keep stored data in volumes, so that it outlives its Pod.",
        ko="데이터를 볼륨에 두어 Pod보다 오래 남길지 여부.",
    )
    storage_class: texts.StorageClass = setting(
        "",
        "Storage class of the volumes; empty for the cluster's default.",
        ko="볼륨의 스토리지 클래스; 비우면 클러스터의 기본값.",
    )
    size: types.VolumeSize = setting("8Gi", "Size of each volume.", ko="볼륨 하나의 크기.")


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
    """Access to the cluster's API server."""

    ALLOWLIST = "allowlist"
    PUBLIC = "public"
    PRIVATE = "private"


class Channel(StrEnum):
    """Channels by which AKS upgrades Kubernetes by itself."""

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
        raise RefusedError(f"at least {PROJECT}:azure.systemPool.count, which is {count}")
    return max_count


def _no_burstable(vm_size: str) -> str:
    if vm_size.startswith("Standard_B"):
        raise RefusedError("a size that AKS takes for system pools, such as Standard_D4s_v5: the B-series is excluded")
    return vm_size


class SystemPool(Group):
    """The nodes that everything runs on unless it asks for others."""

    vm_size: Annotated[texts.VmSize, AfterValidator(_no_burstable)] = setting(
        "Standard_D4s_v5",
        "Azure VM size of the nodes: at least 4 vCPUs, and not of the B-series. A pool that stands keeps its own.",
        ko="노드의 Azure VM 크기; vCPU 4개 이상, B 시리즈 제외. 이미 선 풀은 자기 크기를 유지함.",
    )
    count: Whole = setting(
        2,
        "Number of nodes at first, and the fewest that the autoscaler leaves; AKS asks for at least 2.",
        ko="처음 노드 수이자 오토스케일러가 남기는 최소 노드 수; AKS는 2 이상을 요구함.",
        ge=1,
        le=100,
    )
    max_count: Annotated[Whole, AfterValidator(_at_least_count)] = setting(
        3,
        "Most nodes that the autoscaler adds; at least `count`.",
        ko="오토스케일러가 늘리는 최대 노드 수; `count` 이상.",
        ge=1,
        le=100,
        validate_default=True,
    )


class SpotPool(Group):
    """Nodes at a fraction of the price that Azure may take away at any time; Pods must tolerate their taint."""

    enabled: Flag = setting(
        False,
        "Add a pool of cheap nodes that Azure may take away at any time.",
        ko="Azure가 언제든 회수할 수 있는 값싼 노드 풀을 둘지 여부.",
    )
    vm_size: texts.VmSize = setting("Standard_D4s_v5", "Azure VM size of those nodes.", ko="그 노드의 Azure VM 크기.")
    max_count: Whole = setting(
        3,
        "Most nodes that the autoscaler adds; it starts with none.",
        ko="오토스케일러가 늘리는 최대 노드 수; 처음에는 없음.",
        ge=1,
        le=100,
    )


class Maintenance(Group):
    """The four hours of a week in which AKS may upgrade Kubernetes and the nodes' images."""

    channel: Channel = setting(
        Channel.PATCH, "How far AKS upgrades Kubernetes by itself.", ko="AKS가 쿠버네티스를 스스로 올리는 폭."
    )
    day: Day = setting(Day.SUNDAY, "Day of the week of the upgrades.", ko="업그레이드하는 요일.")
    hour: Whole = setting(
        2, "Hour in UTC at which the upgrades may start.", ko="업그레이드를 시작할 수 있는 시각(UTC).", ge=0, le=23
    )


class Budget(Group):
    """Warnings by mail, at 80 % and 100 % spent and when 100 % is forecast, and a limit before anything is made.

    What stands is never switched off.
    """

    amount: Whole = setting(
        50, "Monthly budget, in the currency of the subscription.", ko="한 달 예산, 구독의 통화.", ge=1, le=1_000_000
    )
    email: texts.Email = setting(
        "",
        "Recipient of the budget's warnings; without it there is no budget.",
        ko="예산 경고를 받을 주소; 없으면 예산도 없음.",
    )
    max_per_hour: types.Dollars = setting(
        0.0,
        "Limit in US dollars per hour, with every autoscaler at its maximum; a plan above it is refused.",
        ko="오토스케일러가 최대로 늘렸을 때의 시간당 미국 달러 한도; 넘는 계획은 거부함.",
    )


class Azure(Group):
    """The resources of the azure target."""

    subscription: texts.Subscription = setting(
        "",
        "Azure subscription; empty for the one that the Azure CLI is logged in to.",
        ko="Azure 구독; 비우면 Azure CLI가 로그인한 구독.",
    )
    location: texts.Location = setting("westeurope", "Azure region.", ko="Azure 리전.")
    owner: texts.TagValue = setting("", "Value of the tag `owner`.", ko="`owner` 태그의 값.")
    tier: Tier = setting(
        Tier.FREE,
        "Pricing tier of the AKS control plane; Premium comes with long-term support.",
        ko="AKS 컨트롤 플레인의 가격 등급; Premium은 장기 지원을 포함함.",
    )
    registry_sku: RegistrySku = setting(
        RegistrySku.BASIC, "SKU of the container registry.", ko="컨테이너 레지스트리의 SKU."
    )
    import_images: Flag = setting(
        True, "Copy images of Docker Hub into the registry.", ko="Docker Hub 이미지를 복사할지 여부."
    )
    entra: Flag = setting(
        True,
        "Log in to the cluster with Microsoft Entra ID and Azure RBAC, without local accounts; "
        "switch it off where you lack the rights.",
        ko="로컬 계정 없이 Microsoft Entra ID와 Azure RBAC으로 클러스터에 로그인할지 여부; 권한이 없으면 끔.",
    )
    api_server: ApiServer = setting(
        ApiServer.ALLOWLIST, "Who can reach the API server.", ko="API 서버에 닿을 수 있는 사람."
    )
    allowed_ranges: types.Ranges = setting(
        (),
        "Ranges on the allowlist of the API server; an update needs one, and `lab up` fills in your address.",
        ko="API 서버의 허용 목록; 업데이트에 하나는 필요하며, 비우면 `lab up`이 내 주소를 채움.",
    )
    ingress_ranges: types.Ranges = setting(
        (),
        "Ranges that can reach the ingress gateway from outside; empty for nobody.",
        ko="밖에서 인그레스 게이트웨이에 닿는 대역; 비우면 아무도 못 닿음.",
    )
    system_pool: Section[SystemPool] = setting(SystemPool(), "Node pool of the lab.", ko="실습 환경의 노드 풀.")
    spot_pool: Section[SpotPool] = setting(SpotPool(), "Spot node pool.", ko="스폿 노드 풀.")
    maintenance: Section[Maintenance] = setting(Maintenance(), "Weekly maintenance window.", ko="매주 유지 관리 시간.")
    budget: Section[Budget] = setting(Budget(), "Cost budget and limit.", ko="비용 예산과 한도.")
    protect: Flag = setting(
        False,
        "Let Pulumi refuse to delete cluster, registry and resource group.",
        ko="클러스터, 레지스트리, 리소스 그룹의 삭제를 Pulumi가 거부할지 여부.",
    )
    allow_replace: Flag = setting(
        False,
        "Let an update replace or delete cluster, registry and resource group; `pulumi destroy` needs no permission.",
        ko="업데이트가 클러스터, 레지스트리, 리소스 그룹을 교체하거나 삭제해도 되는지 여부; `pulumi destroy`는 예외.",
    )


class Student(Group):
    """The student or the class that a lab belongs to."""

    id: types.StudentId = setting(
        "",
        "ID of the student whose lab it is; all names of the student derive from it. On the shared target an empty "
        "one is the stack's name.",
        ko="실습 환경을 쓰는 학생의 ID; 학생의 모든 이름이 여기서 정해짐. shared 대상에서 비우면 스택의 이름.",
    )
    classroom: texts.Classroom = setting(
        "",
        "Name of the class. On the shared target an empty one is the name of the stack whose cluster is shared, "
        "without `-platform`.",
        ko="수업의 이름. shared 대상에서 비우면 클러스터를 함께 쓰는 스택의 이름에서 `-platform`을 뺀 것.",
    )
    group: texts.EntraGroup = setting(
        "",
        "Entra group whose members can work in the student's namespaces, on Azure.",
        ko="Azure에서 구성원이 학생의 네임스페이스에서 작업할 수 있는 Entra 그룹.",
    )

    @property
    def many(self) -> bool:
        """True for the cluster that a class shares."""
        return bool(self.classroom) and not self.id

    @property
    def works_here(self) -> bool:
        """True where students work on the stack's cluster: the one whose it is, or all who share it."""
        return bool(self.classroom or self.id)


class Shared(Group):
    """A student's share of the cluster of another stack."""

    platform: texts.StackName = setting("", "Stack whose cluster is shared.", ko="클러스터를 함께 쓰는 스택.")
    cpu: Whole = setting(
        3,
        "Cores that the Pods in each of the student's namespaces can request.",
        ko="학생의 네임스페이스마다 Pod들이 요청할 수 있는 코어 수.",
        ge=1,
        le=64,
    )
    memory: types.Memory = setting(
        "6Gi",
        "Memory that the Pods in each of the student's namespaces can request.",
        ko="학생의 네임스페이스마다 Pod들이 요청할 수 있는 메모리.",
    )
    pods: Whole = setting(
        40,
        "Number of Pods in each of the student's namespaces.",
        ko="학생의 네임스페이스마다 둘 수 있는 Pod 수.",
        ge=10,
        le=500,
    )
    storage: types.VolumeSize = setting(
        "20Gi",
        "Storage that the claims in each of the student's namespaces can request, together and each.",
        ko="학생의 네임스페이스마다 클레임들이 합쳐서, 그리고 하나가 요청할 수 있는 저장 공간.",
    )


class Kubeconfig(Group):
    """The existing cluster that the kubeconfig target uses; never whatever happens to be the current one."""

    file: texts.KubeconfigFile = setting(
        "",
        "Kubeconfig of an existing cluster; `~` and paths relative to the project are understood.",
        ko="이미 가진 클러스터의 kubeconfig; `~`와 프로젝트 기준의 상대 경로도 됨.",
    )
    context: texts.Context = setting("", "Context in that kubeconfig.", ko="그 kubeconfig의 컨텍스트.")
    purge_crds: Flag = setting(
        False,
        "Delete the CRDs of Istio and Argo Rollouts on `make down`, with every object of these kinds.",
        ko="`make down`이 Istio와 Argo Rollouts의 CRD를 그 오브젝트까지 모두 지울지 여부.",
    )

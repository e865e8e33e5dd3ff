"""Types of settings that are names, versions and addresses: text that a pattern describes."""

from __future__ import annotations

from typing import Annotated

from lab.settings import students
from lab.settings.types import Words, matching, satisfying

_N = "(0|[1-9][0-9]{0,2})"
_HOST = "[a-z0-9]+([.-]+[a-z0-9]+)*(:[0-9]{1,5})?"
_PATH = "[a-z0-9]+([._-]+[a-z0-9]+)*"
_TAG = ":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_IMAGE = f"({_HOST}/)?{_PATH}(/{_PATH})*({_TAG}|({_TAG})?@sha256:[0-9a-f]{{64}})"
_LABEL = "[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?"
_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TAGGED = satisfying(lambda image: not image.endswith(":latest"))
_NEVER_LATEST = Words(
    "latest, or no tag, is another image tomorrow and cannot be rolled back",
    "latest이거나 태그가 없으면 내일은 다른 이미지이고 되돌릴 수 없음",
)

NOTES_SIEGE = "apexacme/siege-nginx"
"""The course's own load generator: there is no tag of it."""

KubernetesVersion = Annotated[
    str,
    matching(rf"{_N}\.{_N}(\.{_N})?"),
    Words(
        'a minor in quotes such as "1.36", or an exact version such as "1.36.3", without a v',
        '따옴표 안의 마이너 버전(예: "1.36") 또는 정확한 버전(예: "1.36.3"), v 없이',
    ),
]
IstioVersion = Annotated[
    str,
    matching(rf"{_N}\.{_N}\.{_N}"),
    Words('an exact version such as "1.31.1", without a v', '"1.31.1" 같은 정확한 버전, v 없이'),
]
Hub = Annotated[
    str,
    matching(f"{_HOST}(/{_PATH})+"),
    Words(
        "an image repository prefix such as docker.io/istio: lower case, without scheme, tag, space or trailing slash",
        "docker.io/istio 같은 이미지 저장소 접두사: 소문자, 스킴, 태그, 빈칸, 끝 슬래시 없이",
    ),
]
IMAGE = Words(
    f"an image with a tag such as nginx:1.29; {_NEVER_LATEST.en}",
    f"nginx:1.29처럼 태그가 있는 이미지; {_NEVER_LATEST.ko}",
)
Image = Annotated[str, matching(_IMAGE), _TAGGED, IMAGE]
OwnImage = Annotated[
    str,
    matching(f"({_IMAGE})?"),
    _TAGGED,
    Words(
        "an image with a tag such as order:v1, in the stack's own registry when it names no other, or nothing; "
        f"`lab image list` shows what there is; {_NEVER_LATEST.en}",
        "order:v1처럼 태그가 있는 이미지 또는 빈 값; 레지스트리를 적지 않으면 스택 자신의 레지스트리; "
        f"`lab image list`가 있는 것을 보여 줌; {_NEVER_LATEST.ko}",
    ),
]
SiegeImage = Annotated[
    str,
    matching(f"{NOTES_SIEGE}|{_IMAGE}"),
    _TAGGED,
    Words(
        f"{NOTES_SIEGE} as in the notes, or an image with a tag; {_NEVER_LATEST.en}",
        f"노트의 {NOTES_SIEGE}, 또는 태그가 있는 이미지; {_NEVER_LATEST.ko}",
    ),
]
StorageClass = Annotated[
    str,
    matching("([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?"),
    Words(
        "the name of a storage class such as managed-csi, or nothing for the cluster's default; "
        "`kubectl get storageclass`",
        "managed-csi 같은 스토리지 클래스 이름, 비우면 클러스터의 기본값; `kubectl get storageclass`",
    ),
]
_LABEL_WORDS = Words(
    "at most 32 lower-case letters, digits, dots and hyphens: v2", "소문자, 숫자, 점, 하이픈 최대 32자, 예: v2"
)
Label = Annotated[str, matching(_LABEL), _LABEL_WORDS]
OptionalLabel = Annotated[
    str, matching(f"({_LABEL})?"), Words(f"{_LABEL_WORDS.en}, or nothing", f"{_LABEL_WORDS.ko}, 또는 빈 값")
]
Colour = Annotated[
    str, matching("[a-z]{1,32}"), Words("at most 32 lower-case letters: green", "소문자 최대 32자, 예: green")
]
Subscription = Annotated[
    str,
    matching(f"({_ID})?"),
    Words(
        "the id of an Azure subscription: 36 characters, lower case; `az account list` shows them",
        "Azure 구독 ID: 소문자 36자; `az account list`가 보여 줌",
    ),
]
Location = Annotated[
    str,
    matching("[a-z]{3,30}[0-9]?"),
    Words(
        "an Azure region by its name such as westeurope; `az account list-locations`",
        "westeurope 같은 Azure 리전 이름; `az account list-locations`",
    ),
]
VmSize = Annotated[
    str,
    matching("Standard_[A-Z][A-Za-z0-9_]{1,60}"),
    Words("an Azure machine by its name such as Standard_D4s_v5", "Standard_D4s_v5 같은 Azure 머신 이름"),
]
StackName = Annotated[
    str,
    matching("([a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?)?"),
    Words("the name of a stack, or nothing", "스택 이름 또는 빈 값"),
]
Classroom = Annotated[
    str,
    matching(f"({students.CLASSROOM})?"),
    Words(
        "at most 20 lower-case letters, digits and inner hyphens: ws26", "소문자, 숫자, 안쪽 하이픈 최대 20자, 예: ws26"
    ),
]
EntraGroup = Annotated[
    str, matching(f"({_ID})?"), Words("the object id of an Entra group, or nothing", "Entra 그룹의 개체 ID 또는 빈 값")
]
Email = Annotated[
    str,
    matching(r"([^@ \t\n\r\f\v,;]{1,64}@[^@ \t\n\r\f\v,;]{1,190}\.[a-zA-Z]{2,})?"),
    Words("one mail address, or nothing", "메일 주소 하나 또는 빈 값"),
]
TagValue = Annotated[
    str,
    matching(r"[^<>%&\\?/]*", 256),
    Words("at most 256 characters, none of < > % & \\ ? /", "최대 256자, < > % & \\ ? / 제외"),
]
KubeconfigFile = Annotated[str, matching(".*", 1000), Words("the path of a kubeconfig", "kubeconfig의 경로")]
Context = Annotated[
    str, matching(".*", 250), Words("the name of a context in that file", "그 파일에 있는 컨텍스트의 이름")
]

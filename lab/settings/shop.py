"""Settings of the shop: the applications that the course builds, deploys and breaks."""

from __future__ import annotations

from enum import StrEnum

from lab.core import versions
from lab.settings import texts
from lab.settings.groups import Group, Persistence
from lab.settings.types import Flag, Section, Whole, setting


class LogLevel(StrEnum):
    """Log levels of an application."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Variant(StrEnum):
    """Behaviours of an application."""

    GOOD = "good"
    SLOW = "slow"
    FAILING = "failing"


class App(Group):
    """One application of the shop."""

    image: texts.OwnImage = setting(
        "",
        "Image that `lab image build` made, or one of your own; empty for none yet.",
        ko="`lab image build`가 만든 이미지나 자기 이미지; 비우면 아직 없음.",
    )
    replicas: Whole = setting(
        2, "Number of Pods in the namespace `shop`.", ko="네임스페이스 `shop`의 Pod 수.", ge=1, le=20
    )
    version: texts.Label = setting(
        "v1", "Value of the label `version`, shown in responses.", ko="레이블 `version`의 값; 응답에 나타남."
    )
    colour: texts.Colour = setting("blue", "Colour shown in responses.", ko="응답에 나타나는 색.")
    variant: Variant = setting(
        Variant.GOOD,
        "Behaviour: `slow` answers after three seconds, `failing` fails three requests of ten.",
        ko="동작: `slow`는 3초 뒤에 응답하고, `failing`은 요청 열 번 중 세 번 실패함.",
    )
    log_level: LogLevel = setting(LogLevel.INFO, "Log level.", ko="로그 수준.")


class Order(App):
    """Takes orders and asks delivery."""

    log_level: LogLevel = setting(
        LogLevel.DEBUG, "Log level, the notes' `ORDER_LOG_LEVEL`.", ko="로그 수준, 노트의 `ORDER_LOG_LEVEL`."
    )


class Mysql(Group):
    """The database of order."""

    enabled: Flag = setting(
        True,
        "Deploy MySQL; without it each Pod of order has a database of its own, gone with the Pod.",
        ko="MySQL을 둘지 여부; 없으면 order의 Pod마다 자기 데이터베이스가 있고 Pod와 함께 사라짐.",
    )
    image: texts.Image = setting(f"mysql:{versions.MYSQL}", "Image of MySQL.", ko="MySQL의 이미지.")
    persistence: Section[Persistence] = setting(Persistence(), "Volume of the orders.", ko="주문의 볼륨.")


class Siege(Group):
    """The course's load generator, a Pod to be entered."""

    enabled: Flag = setting(True, "Deploy the load generator.", ko="부하 생성기를 둘지 여부.")
    image: texts.SiegeImage = setting(
        texts.NOTES_SIEGE,
        "Image of the load generator; it must have `siege` and `bash`.",
        ko="부하 생성기의 이미지; `siege`와 `bash`가 있어야 함.",
    )


class Shop(Group):
    """The applications that the course builds, deploys and breaks."""

    enabled: Flag = setting(True, "Deploy the shop, in `tutorial` too.", ko="상점을 둘지 여부; `tutorial`에도 적용.")
    order: Section[Order] = setting(Order(), "The application that takes orders.", ko="주문을 받는 애플리케이션.")
    delivery: Section[App] = setting(App(), "The application that delivers them.", ko="배송하는 애플리케이션.")
    mysql: Section[Mysql] = setting(Mysql(), "Database of order.", ko="order의 데이터베이스.")
    siege: Section[Siege] = setting(Siege(), "Load generator.", ko="부하 생성기.")

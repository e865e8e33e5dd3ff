"""Settings of the shop: the applications that the course builds, deploys and breaks."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from lab.core import versions
from lab.settings import rules
from lab.settings.groups import Group, Persistence


class LogLevel(StrEnum):
    """How much an application says."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Variant(StrEnum):
    """How an application behaves from its start."""

    GOOD = "good"
    SLOW = "slow"
    FAILING = "failing"


class App(Group):
    """One application of the shop.

    Attributes:
        image: what `lab image build` made, or an image of a registry of your own; empty for none yet.
        replicas: how many Pods it has in the namespace `shop`.
        version: value of the label `version`, and what it says of itself.
        colour: what it says of itself besides, so that people tell two versions apart at a glance.
        variant: `slow` answers after three seconds, `failing` fails three requests of ten.
        log_level: how much it says.
    """

    image: Annotated[str, rules.OWN_IMAGE] = ""
    replicas: Annotated[int, rules.whole(1, 20)] = 2
    version: Annotated[str, rules.VERSION] = "v1"
    colour: Annotated[str, rules.COLOUR] = "blue"
    variant: Annotated[Variant, rules.one_of(Variant)] = Variant.GOOD
    log_level: Annotated[LogLevel, rules.one_of(LogLevel)] = LogLevel.INFO


class Order(App):
    """Takes orders and asks delivery.

    Attributes:
        log_level: the notes' `ORDER_LOG_LEVEL`.
    """

    log_level: Annotated[LogLevel, rules.one_of(LogLevel)] = LogLevel.DEBUG


class Mysql(Group):
    """Where order keeps its orders.

    Attributes:
        enabled: whether there is a MySQL; without it each Pod of order has a database of its own, gone with the Pod.
        image: of MySQL.
        persistence: whether orders outlive MySQL's Pod.
    """

    enabled: Annotated[bool, rules.switch()] = True
    image: Annotated[str, rules.IMAGE] = f"mysql:{versions.MYSQL}"
    persistence: Annotated[Persistence, rules.section()] = Persistence()


class Siege(Group):
    """The course's load generator, a Pod to be entered.

    Attributes:
        enabled: whether it is there.
        image: of it; it must have the programs `siege` and `bash`.
    """

    enabled: Annotated[bool, rules.switch()] = True
    image: Annotated[str, rules.SIEGE_IMAGE] = rules.NOTES_SIEGE


class Shop(Group):
    """The applications that the course builds, deploys and breaks.

    Attributes:
        enabled: whether any of this is there, in the namespace `tutorial` too.
        order: takes orders.
        delivery: delivers them.
        mysql: where order keeps them.
        siege: what makes load.
    """

    enabled: Annotated[bool, rules.switch()] = True
    order: Annotated[Order, rules.section()] = Order()
    delivery: Annotated[App, rules.section()] = App()
    mysql: Annotated[Mysql, rules.section()] = Mysql()
    siege: Annotated[Siege, rules.section()] = Siege()

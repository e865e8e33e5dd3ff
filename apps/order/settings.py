"""What order is told at its start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from common import environment
from common.environment import Common, WrongSettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

_JDBC = re.compile(r"jdbc:(?P<kind>mysql|mariadb)://(?P<host>[\w.-]+)(:(?P<port>\d{1,5}))?/(?P<database>\w+)(\?.*)?")
"""The notes' form; what follows the question mark is for Java's driver alone."""

_MYSQL = 3306


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What order is told at its start.

    Attributes:
        common: what delivery is told too.
        database: where orders are kept; None for this process's own memory.
        delivery_url: where delivery is.
        delivery_timeout: seconds that it waits for delivery.
        delivery_retry: seconds until it asks again for what is pending; 0 for never.
    """

    common: Common
    database: URL | None
    delivery_url: str
    delivery_timeout: float
    delivery_retry: float


def read(variables: Mapping[str, str]) -> Settings:
    """Check the environment.

    Raises:
        WrongSettingError: a variable has a value that is not allowed.
    """
    return Settings(
        common=environment.common("order", variables),
        database=_database(variables),
        delivery_url=_url(variables.get("DELIVERY_URL") or "http://delivery:8080"),
        delivery_timeout=environment.number(variables, "DELIVERY_TIMEOUT", 2, 0.05, 60),
        delivery_retry=environment.number(variables, "DELIVERY_RETRY", 10, 0, 3600),
    )


def _database(variables: Mapping[str, str]) -> URL | None:
    text = variables.get("ORDER_DB_URL", "")
    if not text:
        return None
    if jdbc := _JDBC.fullmatch(text):
        return URL.create(
            "mysql+pymysql",
            username=variables.get("ORDER_DB_USER") or None,
            password=variables.get("ORDER_DB_PASS") or None,
            host=jdbc["host"],
            port=int(jdbc["port"] or _MYSQL),
            database=jdbc["database"],
        )
    if text.startswith("sqlite:///"):
        try:
            return make_url(unquote(text))
        except ArgumentError:
            pass
    # Not the value itself: somebody may have put a password into it.
    allowed = "jdbc:mysql://HOST:PORT/DATABASE or sqlite:///PATH"
    raise WrongSettingError(f"ORDER_DB_URL: not understood; allowed: {allowed}, with ORDER_DB_USER and ORDER_DB_PASS")


def _url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme != "http" or not url.host:
        raise WrongSettingError(f"DELIVERY_URL: found {text!r}; allowed: an address such as http://delivery:8080")
    return text.rstrip("/")

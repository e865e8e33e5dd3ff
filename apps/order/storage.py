"""Where orders are kept: MySQL, or SQLite where there is none."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateTable

from common.problems import ProblemError
from order.model import Delivery, Kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

T = TypeVar("T")

_log = logging.getLogger("storage")

_CONNECTIONS = 10
"""To MySQL, for each process: a small server has a hundred for all."""

_CONNECT, _ANSWER = 2, 3
"""Seconds for MySQL to take a connection, and to answer a question."""

_PATIENCE = 3.0
"""Seconds for everything that one request asks of the database, the wait for a connection among it."""

_TABLE = Table(
    "orders",
    MetaData(),
    # SQLite counts by itself only in a column of exactly this type.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("product_id", String(64), nullable=False),
    Column("qty", Integer, nullable=False),
    Column("delivery", String(16), nullable=False, index=True),
    Column("created_at", DateTime, nullable=False),
    # Null for who names none: that is no repetition of anything.
    Column("idempotency_key", String(200), unique=True, nullable=True),
)
_KEPT = select(_TABLE.c.id, _TABLE.c.product_id, _TABLE.c.qty, _TABLE.c.delivery, _TABLE.c.created_at)

# Made once: to put a statement together takes as long as to ask it.
_PAGE = _KEPT.order_by(_TABLE.c.id.desc()).limit(bindparam("most")).offset(bindparam("after"))
_ONE = _KEPT.where(_TABLE.c.id == bindparam("number"))
_SAME = _KEPT.where(_TABLE.c.idempotency_key == bindparam("key"))
_PENDING = _KEPT.where(_TABLE.c.delivery == Delivery.PENDING.value).order_by(_TABLE.c.id).limit(bindparam("most"))
_REQUESTED = update(_TABLE).where(_TABLE.c.id == bindparam("number")).values(delivery=Delivery.REQUESTED.value)


class UnavailableError(ProblemError):
    """The database does not answer; it may again."""

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"retry-after": "1"})


class Storage:
    """The orders.

    Args:
        database: where; None for this process's own memory.
    """

    def __init__(self, database: URL | None) -> None:
        local = database is None or database.get_backend_name() == "sqlite"
        self._engine = _sqlite(database) if local else _mysql(database)
        # SQLite answers sooner than another thread could be asked to ask it.
        self._threads = None if local else ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="storage")
        self._prepared = False

    async def add(self, product_id: str, qty: int, key: str | None) -> tuple[Kept, bool]:
        """Keep an order, unless the same was kept before.

        Args:
            product_id: what is wanted.
            qty: how many.
            key: by which a repetition is known; None for an order that is never one.

        Returns:
            The order that is kept, and whether it is new.

        Raises:
            UnavailableError: the database does not answer. The order is not kept, or is found by its key.
        """
        values: dict[str, Any] = {
            "product_id": product_id,
            "qty": qty,
            "delivery": Delivery.PENDING.value,
            "created_at": datetime.now(UTC).replace(tzinfo=None, microsecond=0),
            "idempotency_key": key,
        }

        def work(connection: Connection) -> tuple[Kept, bool]:
            try:
                result = connection.execute(insert(_TABLE).values(values))
                connection.commit()
            except IntegrityError:
                connection.rollback()
                found = connection.execute(_SAME, {"key": key}).one()
                return Kept._make(found), False
            return Kept(result.lastrowid, product_id, qty, Delivery.PENDING, values["created_at"]), True

        return await self._run(work)

    async def get(self, order_id: int) -> Kept | None:
        """One order, or None.

        Raises:
            UnavailableError: the database does not answer.
        """

        def work(connection: Connection) -> Kept | None:
            found = connection.execute(_ONE, {"number": order_id}).first()
            return Kept._make(found) if found else None

        return await self._run(work)

    async def page(self, limit: int, offset: int) -> list[Kept]:
        """Orders, the newest first.

        Raises:
            UnavailableError: the database does not answer.
        """
        bounds = {"most": limit, "after": offset}
        return await self._run(lambda connection: [Kept._make(row) for row in connection.execute(_PAGE, bounds).all()])

    async def pending(self, most: int) -> list[Kept]:
        """Orders that delivery does not have yet, the oldest first.

        Raises:
            UnavailableError: the database does not answer.
        """
        bounds = {"most": most}
        return await self._run(
            lambda connection: [Kept._make(row) for row in connection.execute(_PENDING, bounds).all()]
        )

    async def requested(self, order_id: int) -> None:
        """Note that delivery has an order.

        Raises:
            UnavailableError: the database does not answer.
        """

        def work(connection: Connection) -> None:
            connection.execute(_REQUESTED, {"number": order_id})
            connection.commit()

        await self._run(work)

    async def answers(self) -> bool:
        """Whether the database answers now."""
        try:
            await self._run(lambda connection: connection.execute(select(1)).scalar())
        except UnavailableError:
            return False
        return True

    def close(self) -> None:
        """Let go of every connection; what was in memory is gone."""
        self._prepared = False
        if self._threads:
            self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    async def _run(self, work: Callable[[Connection], T]) -> T:
        if self._threads is None:
            return self._work(work)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE):
                return await loop.run_in_executor(self._threads, self._work, work)
        except TimeoutError:
            raise UnavailableError(f"the database did not answer within {_PATIENCE:.0f} seconds") from None

    def _work(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.connect() as connection:
                if not self._prepared:
                    connection.execute(CreateTable(_TABLE, if_not_exists=True))
                    connection.commit()
                    self._prepared = True
                return work(connection)
        except SQLAlchemyError as error:
            # A server that was replaced by an empty one has no table any more.
            self._prepared = False
            cause = getattr(error, "orig", None) or error
            _log.warning("the database does not answer: %s", type(cause).__name__)
            _log.debug("what it said: %s", cause)
            raise UnavailableError("the database does not answer") from None


def _sqlite(database: URL | None) -> Engine:
    # In memory there is one connection, or every thread would have a database of its own.
    if database is None or not database.database:
        return create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    return create_engine(database, connect_args={"check_same_thread": False, "timeout": _ANSWER})


def _mysql(database: URL | None) -> Engine:
    assert database is not None  # noqa: S101 - only a URL can name MySQL
    return create_engine(
        database,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_CONNECT,
        pool_pre_ping=True,  # a connection of before an outage is replaced instead of failing a request
        pool_recycle=600,
        connect_args={
            "connect_timeout": _CONNECT,
            "read_timeout": _ANSWER,
            "write_timeout": _ANSWER,
            "charset": "utf8mb4",
        },
    )

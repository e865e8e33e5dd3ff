"""An order: as it is asked for, as it is kept, as it is answered."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic looks at the types when it runs
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from common.whole import WHOLE

Id = Annotated[int, Field(ge=1, le=2**53 - 1)]


class Delivery(StrEnum):
    """How far the delivery of an order is."""

    PENDING = "PENDING"
    """Delivery has not answered yet; it is asked again."""

    REQUESTED = "REQUESTED"
    """Delivery has it."""


class OrderRequest(BaseModel):
    """What a customer wants."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    product_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["1001"])]
    qty: Annotated[int, Field(ge=1, le=1000, examples=[5]), WHOLE]


class Order(BaseModel):
    """What is kept of it, as it is answered."""

    model_config = ConfigDict(alias_generator=to_camel)

    id: Id
    product_id: str
    qty: int
    delivery: Delivery
    created_at: datetime


class Kept(NamedTuple):
    """What is kept of it, as a row of the database; made a thousand times where `Order` is documented once."""

    id: int
    product_id: str
    qty: int
    delivery: str
    created_at: datetime
    """In UTC, without saying so: databases keep it like that."""

    def answer(self) -> dict[str, object]:
        """An `Order`, ready to be written as JSON."""
        return {
            "id": self.id,
            "productId": self.product_id,
            "qty": self.qty,
            "delivery": self.delivery,
            "createdAt": f"{self.created_at.isoformat()}Z",
        }

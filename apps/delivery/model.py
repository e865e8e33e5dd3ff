"""A delivery: as it is asked for, as it is answered, and which one belongs to an order."""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from common.whole import WHOLE

_NAMESPACE = uuid.UUID("9d0a9f6e-5c1b-4f0e-8f5e-3f8b2f3c7a11")
"""Of this shop, for names made by SHA-1 as RFC 9562 has it."""


class DeliveryRequest(BaseModel):
    """What is to be brought."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    order_id: Annotated[int, Field(ge=1, le=2**53 - 1, examples=[1]), WHOLE]
    product_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["1001"])]
    qty: Annotated[int, Field(ge=1, le=1000, examples=[5]), WHOLE]


class Delivery(BaseModel):
    """What is being brought."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, populate_by_name=True)

    id: uuid.UUID
    order_id: int
    product_id: str
    qty: int
    version: Annotated[str, Field(description="Of the instance that took it first.")]


def identity(order_id: int) -> uuid.UUID:
    """The one delivery of an order: the same on every instance, without their knowing of each other."""
    return uuid.uuid5(_NAMESPACE, str(order_id))

"""Whole numbers as JSON has them: `5.0` is one, and `"5"` is none."""

from __future__ import annotations

from pydantic import BeforeValidator


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Put before a strict integer: JSON makes no difference between integers and floats, Python does."""

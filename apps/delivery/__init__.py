"""Delivery: brings what was ordered, once for each order."""

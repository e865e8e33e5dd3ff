"""Istio: control plane, gateways, mesh-wide telemetry."""

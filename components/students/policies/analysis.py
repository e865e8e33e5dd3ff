"""Policy for analyses: the controller of Argo Rollouts asks with rights, and from a place, that no student has."""

from __future__ import annotations

from components.students.policies.policy import Policy, Resources, literals
from lab.core.namespaces import ISTIO_SYSTEM

_PROMETHEUS = tuple(
    f"http://prometheus.{ISTIO_SYSTEM}{suffix}:9090{end}"
    for suffix in ("", ".svc", ".svc.cluster.local")
    for end in ("", "/")
)
"""Addresses of the lab's Prometheus. An argument in an address would be filled in after the check."""

_FIELDS = ("address", "query", "timeout", "rangeQuery")
"""Of a query to Prometheus; headers and authentication would go with it, or ask a third address for a token."""

_MOST_METRICS, _LONGEST_QUERY = 10, 4000

_EVERY = "dyn(object).spec.?metrics.orValue([]).all(metric, {})"
_QUERY = "metric.?provider.?prometheus"


def policy() -> Policy:
    """Return the policy."""
    return Policy(
        key="analysis",
        resources=(
            Resources(group="argoproj.io", names=("analysistemplates", "analysisruns", "clusteranalysistemplates")),
        ),
        rules={
            "an analysis asks Prometheus and nobody else: no other provider": _EVERY.format(
                "metric.?provider.hasValue() && metric.provider.all(key, key == 'prometheus')"
            ),
            f"an analysis asks the lab's own Prometheus: {_QUERY_ADDRESS}, with no argument in it": _EVERY.format(
                f"{_QUERY}.?address.orValue('') in {literals(_PROMETHEUS)}"
            ),
            f"a query to Prometheus has {', '.join(_FIELDS)} and nothing else": _EVERY.format(
                f"{_QUERY}.orValue({{}}).all(key, key in {literals(_FIELDS)} || "
                "(key in ['insecure', 'authentication', 'headers'] && "
                "metric.provider.prometheus[key] in [dyn(false), dyn({}), dyn([])]))"
            ),
            f"an analysis has at most {_MOST_METRICS} metrics, of queries of at most {_LONGEST_QUERY} characters": (
                f"dyn(object).spec.?metrics.orValue([]).size() <= {_MOST_METRICS} && "
                + _EVERY.format(f"size({_QUERY}.?query.orValue('')) <= {_LONGEST_QUERY}")
            ),
            "an analysis measures once a second at most: its interval is in whole seconds, minutes or hours": (
                _EVERY.format("metric.?interval.orValue('1m').matches('^([1-9][0-9]*[smh])+$')")
            ),
            "an analysis uses templates of its own namespace: no clusterScope": (
                "dyn(object).spec.?templates.orValue([]).all(template, !template.?clusterScope.orValue(false))"
            ),
        },
    )


_QUERY_ADDRESS = _PROMETHEUS[0]

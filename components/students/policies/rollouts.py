"""Policy for Rollouts and Experiments: the controller writes what they name, with rights in every namespace."""

from __future__ import annotations

from components.students.policies.policy import Policy, Resources, literals

_ROUTERS = ("istio", "managedRoutes", "maxTrafficWeight")
"""Of a canary's trafficRouting; others are Ingresses, cloud load balancers and plugins."""

_WORKLOADS = ("Deployment", "ReplicaSet", "PodTemplate")

_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""Of an object. A dot would begin a namespace, a slash a path."""

_NOTIFICATIONS = "notifications.argoproj.io/"

_CANARY = "dyn(object).spec.?strategy.?canary"
_BLUE_GREEN = "dyn(object).spec.?strategy.?blueGreen"
_STEPS = f"{_CANARY}.?steps.orValue([])"
_ISTIO = f"{_CANARY}.?trafficRouting.?istio"


def policy() -> Policy:
    """Return the policy."""
    return Policy(
        key="rollouts",
        resources=(Resources(group="argoproj.io", names=("rollouts", "experiments")),),
        variables={"virtualServices": _VIRTUAL_SERVICES, "names": _NAMES, "analyses": _ANALYSES},
        rules={
            "a Rollout routes by the mesh alone: trafficRouting of any other kind is not a student's": (
                f"{_CANARY}.?trafficRouting.orValue({{}}).all(key, key in {literals(_ROUTERS)})"
            ),
            "a Rollout writes the VirtualServices of its own namespace: give a name without a dot": (
                f"variables.virtualServices.all(each, each.?name.orValue('').matches('{_NAME}'))"
            ),
            "a Rollout names objects of its own namespace: small letters, digits and hyphens": (
                f"variables.names.all(name, name == '' || name.matches('{_NAME}')) && "
                "variables.analyses.all(references, references.all(each, "
                f"each.?templateName.orValue('a').matches('{_NAME}')))"
            ),
            "a Rollout runs no plugins": f"{_STEPS}.all(step, !step.?plugin.hasValue())",
            "an analysis of a Rollout or an Experiment uses templates of its own namespace: no clusterScope": (
                "variables.analyses.all(references, references.all(each, !each.?clusterScope.orValue(false)))"
            ),
            f"the workloadRef of a Rollout is of the kinds {', '.join(_WORKLOADS)}": (
                "!dyn(object).spec.?workloadRef.hasValue() || "
                f"dyn(object).spec.workloadRef.?kind.orValue('') in {literals(_WORKLOADS)}"
            ),
            "a Rollout sends no notifications": (
                f"dyn(object).metadata.?annotations.orValue({{}}).all(key, !key.startsWith('{_NOTIFICATIONS}'))"
            ),
        },
    )


_VIRTUAL_SERVICES = (
    f"{_ISTIO}.?virtualServices.orValue([]) + "
    f"({_ISTIO}.?virtualService.hasValue() ? [{_CANARY}.trafficRouting.istio.virtualService] : [])"
).replace(f"[{_CANARY}.", "[dyn(object).spec.strategy.canary.")

_NAMES = (
    "["
    + ", ".join(
        f"{place}.orValue('')"
        for place in (
            f"{_ISTIO}.?destinationRule.?name",
            f"{_CANARY}.?canaryService",
            f"{_CANARY}.?stableService",
            f"{_CANARY}.?pingPong.?pingService",
            f"{_CANARY}.?pingPong.?pongService",
            f"{_BLUE_GREEN}.?activeService",
            f"{_BLUE_GREEN}.?previewService",
            "dyn(object).spec.?workloadRef.?name",
        )
    )
    + "] + dyn(object).spec.?templates.orValue([]).map(each, each.?service.?name.orValue(''))"
)
"""Every name of another object, empty if there is none."""

_ANALYSES = (
    "["
    + ", ".join(
        f"{place}.orValue([])"
        for place in (
            f"{_CANARY}.?analysis.?templates",
            f"{_BLUE_GREEN}.?prePromotionAnalysis.?templates",
            f"{_BLUE_GREEN}.?postPromotionAnalysis.?templates",
            "dyn(object).spec.?analyses",
        )
    )
    + f"] + {_STEPS}.map(step, step.?analysis.?templates.orValue([])) + "
    f"{_STEPS}.map(step, step.?experiment.?analyses.orValue([]))"
)
"""Lists of references to AnalysisTemplates, wherever a Rollout or an Experiment has some."""

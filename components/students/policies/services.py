"""Policy for Services: none leads out of the student's namespaces, and none takes an address or a port of the nodes."""

from __future__ import annotations

from components.students.policies import hosts
from components.students.policies.policy import Policy, Resources

_FOREIGN_ANNOTATIONS = ("service.beta.kubernetes.io/", "external-dns.alpha.kubernetes.io/")
"""Beginnings of annotations that controllers of load balancers and of names outside the cluster act on."""


def policy() -> Policy:
    """Return the policy."""
    foreign = " || ".join(f"key.startsWith('{each}')" for each in _FOREIGN_ANNOTATIONS)
    return Policy(
        key="services",
        resources=(Resources(group="", names=("services",)),),
        variables=hosts.VARIABLES,
        rules={
            "a student's Services are of type ClusterIP or ExternalName: a LoadBalancer costs money, and a NodePort "
            "opens a port on every node": (
                "dyn(object).spec.?type.orValue('ClusterIP') in ['', 'ClusterIP', 'ExternalName']"
            ),
            "a student's Services have no externalIPs: they would take the requests to these addresses": (
                "dyn(object).spec.?externalIPs.orValue([]).size() == 0"
            ),
            "a student's Services ask for no address or class of load balancers": (
                "dyn(object).spec.?loadBalancerIP.orValue('') == '' && !dyn(object).spec.?loadBalancerClass.hasValue()"
            ),
            "externalName is a Service in the student's own namespaces, such as mysql.NAMESPACE.svc.cluster.local": (
                "dyn(object).spec.?type.orValue('') != 'ExternalName' || "
                + hosts.own("dyn(object).spec.?externalName.orValue('')")
            ),
            "an annotation is not for students' Services: it asks for something outside the cluster": (
                f"dyn(object).metadata.?annotations.orValue({{}}).all(key, !({foreign}))"
            ),
            "a student's Services use no waypoint: no label istio.io/use-waypoint": (
                "dyn(object).metadata.?labels.orValue({}).all(key, !key.startsWith('istio.io/use-waypoint'))"
            ),
        },
    )

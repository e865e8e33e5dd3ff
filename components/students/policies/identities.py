"""Policy for Secrets, accounts and claims: no token without an end, no identity and no volume of somebody else."""

from __future__ import annotations

from components.students.policies.policy import Policy, Resources

_TOKENS = ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token")
_CLOUD_IDENTITIES = ("azure.workload.identity/", "eks.amazonaws.com/", "iam.gke.io/")


def policy() -> Policy:
    """Return the policy."""
    kind = "dyn(object).kind"
    clouds = " || ".join(f"key.startsWith('{each}')" for each in _CLOUD_IDENTITIES)
    return Policy(
        key="identities",
        resources=(Resources(group="", names=("secrets", "serviceaccounts", "persistentvolumeclaims")),),
        rules={
            "a Secret holds no token of an account: it would have no end, and the handout's token ends": " && ".join(
                f"(({kind} != 'Secret') || dyn(object).?type.orValue('') != '{each}')" for each in _TOKENS
            ),
            "a student's accounts are no identities of the cloud": (
                f"{kind} != 'ServiceAccount' || dyn(object).metadata.?annotations.orValue({{}}).all(key, !({clouds}))"
            ),
            "a student's claims get new volumes: no volumeName": (
                f"{kind} != 'PersistentVolumeClaim' || request.operation == 'UPDATE' || "
                "dyn(object).spec.?volumeName.orValue('') == ''"
            ),
        },
    )

"""What everything of a student is called: all of it follows from the id."""

from __future__ import annotations

import re

COURSE = ("default", "tutorial", "shop")
"""The namespaces that the notes work in."""

ACCOUNT = "student"
"""The ServiceAccount that a student works as, in the first of the student's namespaces."""

ROLE = "istio-lab-student"
"""The ClusterRole with what every student may do, bound in each of their namespaces."""

STUDENT_LABEL = "istio-lab/student"
CLASS_LABEL = "istio-lab/class"
"""Labels of a student's namespaces."""

LONGEST_ID = 20
"""Characters of an id: with the longest prefix and suffix, every name of Kubernetes, Azure and the stack still fits."""

ID_RULE = (
    f"1 to {LONGEST_ID} lower-case letters, digits and inner hyphens, a letter first, such as anna-k; none that begins "
    "like a namespace of the platform"
)
"""What an id may be, in words."""

PLATFORM = "platform"
"""Ends the name of the stack that a class shares."""

_PREFIX = "student-"

CLASSROOM = "[a-z]([a-z0-9-]{0,18}[a-z0-9])?"
"""Pattern of the name of a class."""

_TAKEN = ("istio", "argo", "kube", "default", "tutorial", "shop", "lab")
"""Ids whose namespaces would look like the platform's or the course's own."""


def is_id(text: str) -> bool:
    """Whether a text can be a student's id."""
    fits = re.fullmatch(rf"[a-z](?:[a-z0-9-]{{0,{LONGEST_ID - 2}}}[a-z0-9])?", text, re.ASCII)
    return bool(fits) and text.split("-", 1)[0] not in _TAKEN


def id_of(stack: str) -> str:
    """Id of the student whose stack this is, if no setting says it: the stack's name, or nothing if that is no id."""
    return stack if is_id(stack) else ""


def classroom_of(platform: str) -> str:
    """Name of the class that shares a stack's cluster, if no setting says it: the stack's, or nothing if it cannot be.

    Args:
        platform: name of that stack.
    """
    name = platform.removesuffix(f"-{PLATFORM}")
    return name if re.fullmatch(CLASSROOM, name, re.ASCII) else ""


def stack(student: str) -> str:
    """Name of a student's stack."""
    return f"{_PREFIX}{student}"


def platform_stack(classroom: str) -> str:
    """Name of the stack that the students of a class share."""
    return f"{classroom}-{PLATFORM}"


def namespace(student: str, course: str) -> str:
    """Name of a student's namespace on a shared cluster.

    Args:
        student: id.
        course: what the notes call it.
    """
    return f"{student}-{course}"


def host(student: str) -> str:
    """What a student's Bookinfo answers to on a shared ingress gateway; `internal` belongs to nobody outside."""
    return f"{student}.lab.internal"

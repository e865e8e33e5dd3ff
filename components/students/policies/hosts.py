"""Hosts and namespaces of the student whose namespace an object is in, as parts of CEL expressions."""

from __future__ import annotations

from lab.settings.students import COURSE, STUDENT_LABEL, host

_DOMAIN = host("")
"""Ends what a student's applications answer to outside the cluster, after the id."""

VARIABLES = {
    "student": f"namespaceObject.metadata.labels['{STUDENT_LABEL}']",
    "namespaces": "[" + ", ".join(f"variables.student + '-{course}'" for course in COURSE) + "]",
    # A name without a dot is of the object's own namespace.
    "own": (
        r"'^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.]' + variables.student + "
        rf"'-({'|'.join(COURSE)})([.]svc([.]cluster[.]local)?)?)?$'"
    ),
    # With or without the namespace.
    "gateway": (rf"'^(' + variables.student + '-({'|'.join(COURSE)})/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?$'"),
    "address": f"variables.student + '{_DOMAIN}'",
}
"""Variables of a policy that the functions below use."""

_CLUSTER = ("local", "svc", "internal", "localhost", "cluster", *COURSE[:1])
"""Last labels of names inside a cluster, or of a cloud's own services."""

_EXTERNAL = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?[.])+[a-z]{2,}$"
"""Of a host elsewhere: no address, no wildcard, no namespace of the lab or of the platform, which have hyphens."""


def own(text: str) -> str:
    """Return the condition that a host is a Service in the student's namespaces."""
    return f"{text}.matches(variables.own)"


def external(text: str) -> str:
    """Return the condition that a host is outside the cluster."""
    inside = "|".join(_CLUSTER)
    return f"({text}.matches('{_EXTERNAL}') && !{text}.matches('[.]({inside})$'))"


def exported(places: str) -> str:
    """Return the condition that an `exportTo` names the student's namespaces; without one an object is for all."""
    return f"{places}.all(place, place == '.' || place in variables.namespaces)"

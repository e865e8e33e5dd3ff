"""Who is in a class, and what each student's lab is to be, as the class file says it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from lab.core.errors import LabError
from lab.settings import Target, texts, types
from lab.settings import students as names
from lab.settings.groups import Group
from lab.settings.types import Section, Whole

Config = dict[str, Any]
"""Settings of a stack as people write them, by their names without the namespace; checked by `Settings` alone."""


class Tenancy(StrEnum):
    """What a student has."""

    NAMESPACE = "namespace"
    """Namespaces on a cluster that the class shares: many times cheaper."""

    CLUSTER = "cluster"
    """A whole lab: platform, mesh, tools."""


class Quota(Group):
    """What the Pods of each namespace of a student may ask for, on a shared cluster; defaults are the settings'.

    Attributes:
        cpu: cores.
        memory: a Kubernetes quantity.
        pods: how many.
    """

    cpu: Whole = Field(default=3, ge=1, le=64)
    memory: types.Memory = "6Gi"
    pods: Whole = Field(default=40, ge=10, le=500)


class Budget(Group):
    """What a class may cost.

    Attributes:
        max_per_hour: US dollars an hour for the whole class when every autoscaler has added all it may; 0 for no limit.
    """

    max_per_hour: types.Dollars = 0.0


class Student(Group):
    """One row.

    Attributes:
        id: of which every name follows.
        name: as people say it.
        mail: where the handout goes.
        group: object id of an Entra group whose members may work in the student's namespaces.
        settings: of this student's stack, over those of the class.
    """

    id: types.StudentId = ""
    name: texts.TagValue = ""
    mail: texts.Email = ""
    group: texts.EntraGroup = ""
    settings: types.FreeMapping = Field(default_factory=dict)

    @property
    def stack(self) -> str:
        """Name of the student's stack."""
        return names.stack(self.id)


class Roster(Group):
    """A class.

    Attributes:
        classroom: its name; `class` in the file.
        tenancy: whether its students share a cluster.
        expires: when everything may be taken away; empty for never.
        days: how many days the course has, for its price.
        hours: how many hours a day it is used, for its price.
        parallel: how many students are worked on at a time; 0 for what this machine has room for.
        quota: of each of a student's namespaces on a shared cluster.
        budget: what it may cost.
        platform: settings of the shared cluster's stack.
        settings: of every student's stack.
        students: the rows.
    """

    classroom: texts.Classroom = Field(default="", alias="class")
    tenancy: Tenancy = Tenancy.NAMESPACE
    expires: types.Expiry = ""
    days: Whole = Field(default=1, ge=1, le=366)
    hours: Whole = Field(default=8, ge=1, le=24)
    parallel: Whole = Field(default=0, ge=0, le=50)
    quota: Section[Quota] = Quota()
    budget: Section[Budget] = Budget()
    platform: types.FreeMapping = Field(default_factory=dict)
    settings: types.FreeMapping = Field(default_factory=dict)
    students: tuple[Student, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether the students share a cluster."""
        return self.tenancy is Tenancy.NAMESPACE

    @property
    def platform_stack(self) -> str:
        """Name of the stack that makes the shared cluster."""
        return names.platform_stack(self.classroom)

    @property
    def stacks(self) -> tuple[str, ...]:
        """Names of all its stacks, that of the shared cluster first."""
        return (*((self.platform_stack,) if self.shared else ()), *(each.stack for each in self.students))

    @property
    def owns_platform(self) -> bool:
        """Whether the shared cluster is the class' own, and goes when the class goes."""
        return self.shared and self.platform.get("target") != Target.KUBECONFIG.value

    def find(self, student: str) -> Student:
        """The row of a student.

        Args:
            student: id.

        Raises:
            LabError: there is none.
        """
        for each in self.students:
            if each.id == student:
                return each
        raise LabError(
            f"{student} is not in the class {self.classroom}",
            f"name one of: {', '.join(each.id for each in self.students)}",
        )

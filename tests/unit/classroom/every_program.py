"""Runs the program for every kind of stack after what a class loads beforehand, and prints what was loaded besides."""

from __future__ import annotations

import json
import sys

from pulumi._utils import _LazyModule

from lab.services.classes import host
from lab.services.lessons import lessons
from tests.unit.components import support, test_azure


def loaded() -> set[str]:
    found = {name for name, module in list(sys.modules.items()) if type(module) is not _LazyModule}
    return {name for name in found if name.startswith(("pulumi_kubernetes.", "pulumi_azure_native."))}


if len(sys.argv) == 1:
    host.load(azure=True)
before = loaded()
support.main()
support.main(student={"classroom": "ws26"})
support.share()
for lesson in lessons.every():
    support.share(**lesson.settings)
support.mesh_elsewhere()
for args in (test_azure.ARGS, test_azure.OPPOSITE):
    test_azure.Stood(args)
sys.stdout.write(json.dumps(sorted(loaded() - before)))

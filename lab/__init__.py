"""Plain Python behind the lab: settings, versions, artifacts, toolchain, the embedded cluster and the `lab` command.

Nothing here makes a Pulumi resource, and nothing here imports `components`.
"""

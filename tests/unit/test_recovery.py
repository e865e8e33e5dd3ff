"""Which Helm releases stand in the way after an update was killed."""

from __future__ import annotations

from lab.services.recovery import HelmRelease, superfluous


def release(name: str, status: str) -> HelmRelease:
    return HelmRelease(secret=f"sh.helm.release.v1.{name}.v1", namespace="istio-system", name=name, status=status)


def test_a_release_that_pulumi_knows_and_that_is_deployed_stays() -> None:
    assert superfluous([release("istiod", "deployed")], {"istiod"}) == []


def test_a_release_that_pulumi_does_not_know_blocks_its_name_and_goes() -> None:
    unknown = release("istiod", "deployed")
    assert superfluous([release("istio-base", "deployed"), unknown], {"istio-base"}) == [unknown]


def test_a_pending_release_blocks_every_change_and_goes() -> None:
    pending = [release("istiod", status) for status in ("pending-install", "pending-upgrade", "pending-rollback")]
    assert superfluous(pending, {"istiod"}) == pending


def test_older_revisions_and_failed_ones_are_left_to_helm() -> None:
    assert superfluous([release("istiod", "superseded"), release("istiod", "failed")], {"istiod"}) == []

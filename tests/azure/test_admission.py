"""A cluster that takes as long as AKS may to know the role that its caller was granted, and one that never does."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
import yaml

from lab.core import patience
from lab.core.wait import wait_until
from tests.azure import front
from tests.unit.pretended_api import Authority

if TYPE_CHECKING:
    from tests.azure.conftest import Subscription

FOUR_MINUTES, FOR_EVER = 240.0, 1e9
LONGEST = 1800.0
"""Seconds after which an update that must wait surely hangs."""


def up(subscription: Subscription) -> tuple[int, str]:
    update = subscription.laboratory.start("lab", "up")
    output, _ = update.communicate(timeout=LONGEST)
    return update.returncode, output


@pytest.mark.slow
def test_up_ends_well_after_four_minutes_of_refusals(subscription: Subscription) -> None:
    subscription.configure()
    with front.before(subscription.folder, refuses=FOUR_MINUTES) as cluster:
        code, output = up(subscription)
        subscription.laboratory.lab("down").succeeded()

    assert code == 0, output
    front.assert_patient(cluster.refused, since=FOUR_MINUTES)


@pytest.fixture
def closed(bare_subscription: Subscription) -> Subscription:
    """A subscription whose cluster is only remembered, with the kubeconfig of somebody."""
    person = Authority().sign("somebody")
    user = {"client-certificate-data": person.certificate_data, "client-key-data": person.key_data}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "aks",
        "contexts": [{"name": "aks", "context": {"cluster": "aks", "user": "aks"}}],
        "clusters": [{"name": "aks", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "aks", "user": user}],
    }
    (bare_subscription.folder / "kubeconfig").write_text(yaml.safe_dump(content))
    bare_subscription.configure()
    return bare_subscription


def test_ctrl_c_ends_the_wait(closed: Subscription) -> None:
    with front.before(closed.folder, refuses=FOR_EVER) as cluster:
        update = closed.laboratory.start("lab", "up")
        wait_until(lambda: cluster.refused, timeout=300, what="the cluster was not asked")
        os.killpg(update.pid, signal.SIGINT)
        update.communicate(timeout=120)
        asked = len(cluster.refused)
        time.sleep(2 * patience.pause(100))
        again = len(cluster.refused)
        closed.laboratory.pulumi("destroy", "--yes", "--skip-preview").succeeded()

    assert update.returncode != 0
    assert again == asked


@pytest.mark.slow
def test_a_cluster_that_never_knows_its_caller_is_given_up_after_ten_minutes_with_the_reason(
    closed: Subscription,
) -> None:
    with front.before(closed.folder, refuses=FOR_EVER) as cluster:
        code, output = up(closed)
        closed.laboratory.pulumi("destroy", "--yes", "--skip-preview").succeeded()

    assert code == 1
    assert "waiting up to 10 minutes" in output
    assert "the cluster still refuses this login after 10 minutes" in output
    _, _, explained = output.rpartition("error: ")
    assert explained.startswith("AzureRbacForbidden: somebody@example.test has no role in the cluster yet")
    assert "Traceback" not in output
    front.assert_patient(cluster.refused, since=600.0)

"""What stands in for the Azure CLI, over the same subscription as the provider: `python -m tests.azure.az ...`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.azure.standin.account import Account

_CLUSTER = "azure-native:containerservice:ManagedCluster"


def main() -> None:
    """Answer in JSON, or complain as `az` does."""
    match sys.argv[1:3]:
        case ["account", "show"]:
            account = Account.configured({})
            user = {"name": "somebody@example.test", "type": "user"}
            subscription = os.environ.get("AZ_SUBSCRIPTION", account.subscription)
            _say({"id": subscription, "name": "course", "state": "Enabled", "user": user, "tenantId": account.tenant})
        case ["aks", "show"]:
            _say(_shown(_cluster(_store())))
        case ["aks", ("stop" | "start") as verb]:
            store = _store()
            _cluster(store)["properties"]["powerState"] = {"code": "Stopped" if verb == "stop" else "Running"}
            _file().write_text(json.dumps(store))
        case words:
            sys.exit(f"ERROR: unexpected in these tests: az {' '.join(words)}")


def _file() -> Path:
    return Path(os.environ["STANDIN_DIR"]) / "store.json"


def _store() -> dict[str, Any]:
    return dict(json.loads(_file().read_text()))


def _cluster(store: dict[str, Any]) -> dict[str, Any]:
    for entry in store["entries"]:
        if entry["type"] == _CLUSTER:
            return dict(entry) | {"properties": entry["properties"]}
    sys.exit("ERROR: (ResourceNotFound) The Resource 'Microsoft.ContainerService/managedClusters' was not found.")


def _shown(cluster: dict[str, Any]) -> dict[str, Any]:
    properties = cluster["properties"]
    return {**properties, "id": cluster["id"], "resourceGroup": cluster["id"].split("/")[4]}


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()

"""What stands in for the Azure CLI, over the same subscription as the provider: `python -m tests.azure.az ...`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.azure.standin import imports
from tests.azure.standin.account import Account
from tests.azure.standin.errors import AzureError

_CLUSTER = "azure-native:containerservice:ManagedCluster"
_GROUP = "azure-native:resources:ResourceGroup"
_IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
_ROLE = "azure-native:authorization:RoleAssignment"


def main() -> None:
    """Answer in JSON, or complain as `az` does."""
    match sys.argv[1:3]:
        case ["account", "show"]:
            account = Account.configured({})
            user = {"name": "somebody@example.test", "type": "user"}
            subscription = _other_login() or account.subscription
            _say({"id": subscription, "name": "course", "state": "Enabled", "user": user, "tenantId": account.tenant})
        case ["acr", "import"]:
            try:
                imports.run(sys.argv[3:])
            except AzureError as error:
                sys.exit(f"ERROR: ({error.code}) {error.message}")
        case ["aks", "show"]:
            _say(_shown(_cluster(_store())))
        case ["aks", ("stop" | "start") as verb]:
            store = _store()
            _cluster(store)["properties"]["powerState"] = {"code": "Stopped" if verb == "stop" else "Running"}
            _file().write_text(json.dumps(store))
        case ["group", "list"]:
            _say(_groups(_store()))
        case ["resource", "list"]:
            tagged = [each for each in _store()["entries"] if each["inputs"].get("tags")]
            _say([{"id": each["id"], "tags": each["inputs"]["tags"]} for each in tagged if each["type"] != _GROUP])
        case ["role", "assignment"]:
            _say(_assignments(_store()))
        case words:
            sys.exit(f"ERROR: unexpected in these tests: az {' '.join(words)}")


def _other_login() -> str:
    """The subscription that somebody else's login works on, where a test says so."""
    file = Path(os.environ["STANDIN_DIR"]) / "other-login"
    return file.read_text() if file.exists() else ""


def _file() -> Path:
    return Path(os.environ["STANDIN_DIR"]) / "store.json"


def _store() -> dict[str, Any]:
    return dict(json.loads(_file().read_text()))


def _groups(store: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that were asked for, and those that AKS makes for its nodes."""
    own = [each for each in store["entries"] if each["type"] == _GROUP]
    clusters = [each for each in store["entries"] if each["type"] == _CLUSTER]
    return [
        *({"name": each["id"].rpartition("/")[2], "managedBy": None, "tags": _tags(each)} for each in own),
        *(
            {"name": each["properties"]["nodeResourceGroup"], "managedBy": each["id"], "tags": _tags(each)}
            for each in clusters
        ),
    ]


def _assignments(store: dict[str, Any]) -> list[dict[str, Any]]:
    """The directory knows the names of identities that are there."""
    known = {
        each["properties"]["principalId"]: each["id"].rpartition("/")[2]
        for each in store["entries"]
        if each["type"] == _IDENTITY
    }
    return [
        {
            "id": each["id"],
            "scope": each["inputs"]["scope"],
            "principalId": each["inputs"]["principalId"],
            "principalName": known.get(each["inputs"]["principalId"], ""),
            "role": each["inputs"]["roleDefinitionId"].rpartition("/")[2],
        }
        for each in store["entries"]
        if each["type"] == _ROLE
    ]


def _tags(entry: dict[str, Any]) -> dict[str, str] | None:
    found: dict[str, str] | None = entry["inputs"].get("tags")
    return found


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

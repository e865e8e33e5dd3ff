"""What stands in for kubelogin: lets whoever asks in, by the certificate of the cluster's own administrator.

`python -m tests.azure.kubelogin get-token ...`, with the stand-in's folder in `STANDIN_DIR`.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import yaml


def main() -> None:
    """Print the credential that the exec protocol of client-go asks for."""
    if sys.argv[sys.argv.index("--login") + 1] != "azurecli":
        sys.exit("this kubeconfig asks a person to open a browser")
    user = yaml.safe_load((Path(os.environ["STANDIN_DIR"]) / "kubeconfig").read_text())["users"][0]["user"]
    status = {
        "clientCertificateData": base64.b64decode(user["client-certificate-data"]).decode(),
        "clientKeyData": base64.b64decode(user["client-key-data"]).decode(),
    }
    api = "client.authentication.k8s.io/v1beta1"
    sys.stdout.write(json.dumps({"apiVersion": api, "kind": "ExecCredential", "status": status}))


if __name__ == "__main__":
    main()

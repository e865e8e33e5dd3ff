"""A price list on this machine that answers as Azure's does, with rows among the others that no lab pays."""

from __future__ import annotations

import http.server
import json
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Row = dict[str, Any]

NODE: Row = {
    "currencyCode": "USD",
    "tierMinimumUnits": 0.0,
    "retailPrice": 0.23,
    "unitPrice": 0.23,
    "armRegionName": "westeurope",
    "location": "EU West",
    "effectiveStartDate": "2021-11-01T00:00:00Z",
    "productName": "Virtual Machines Dsv5 Series",
    "skuName": "D4s v5",
    "meterName": "D4s v5",
    "serviceName": "Virtual Machines",
    "unitOfMeasure": "1 Hour",
    "type": "Consumption",
    "isPrimaryMeterRegion": True,
    "armSkuName": "Standard_D4s_v5",
}


def row(**changed: object) -> Row:
    return {**NODE, **changed}


def other(service: str, meter: str, price: float, unit: str, **more: object) -> Row:
    """A row of what is no machine."""
    named = {"serviceName": service, "meterName": meter, "productName": service, "skuName": "Standard"}
    return row(**{**named, "retailPrice": price, "unitOfMeasure": unit, "armSkuName": None, **more})


SPOT = row(skuName="D4s v5 Spot", meterName="D4s v5 Spot", retailPrice=0.0425)

STRANGERS = [
    row(productName="Virtual Machines Dsv5 Series Windows", retailPrice=0.414),
    row(productName="Virtual Machines Dsv5 Series Windows", retailPrice=0.1, meterName="D4s v5 Spot"),
    row(skuName="D4s v5 Low Priority", meterName="D4s v5 Low Priority", retailPrice=0.046),
    row(productName="Dsv5 Series Cloud Services", retailPrice=0.3),
    row(type="Reservation", retailPrice=1243.0, reservationTerm="1 Year"),
    row(type="DevTestConsumption", retailPrice=0.2),
    row(currencyCode="EUR", retailPrice=0.2),
    row(armRegionName="northeurope", retailPrice=0.214),
    row(armSkuName="Standard_D4s_v4", retailPrice=0.24),
    row(tierMinimumUnits=100.0, retailPrice=0.1),
    row(unitOfMeasure="1 Second", retailPrice=0.0001),
    row(retailPrice=0.0),
    row(effectiveStartDate="2020-01-01T00:00:00Z", retailPrice=0.25),
    row(effectiveStartDate="2099-01-01T00:00:00Z", retailPrice=0.26),
    row(effectiveStartDate="2025-01-01T00:00:00Z", effectiveEndDate="2026-01-01T00:00:00Z", retailPrice=0.22),
    row(effectiveStartDate="2025-01-01T00:00:00Z", isPrimaryMeterRegion=False, retailPrice=0.214),
]
"""Each would be taken if one thing less was looked at."""

EVERYTHING = [
    *STRANGERS,
    NODE,
    SPOT,
    other("Storage", "P6 LRS Disk", 11.21, "1/Month", productName="Premium SSD Managed Disks", skuName="P6 LRS"),
    other("Storage", "P6 LRS Disk Mount", 0.53, "1/Month", productName="Premium SSD Managed Disks", skuName="P6 LRS"),
    other("Storage", "E2 LRS Disk", 0.6, "1/Month", productName="Standard SSD Managed Disks", skuName="E2 LRS"),
    other("Container Registry", "Basic Registry Unit", 0.1666, "1/Day"),
    other("Container Registry", "Premium Registry Unit", 1.6666, "1/Day"),
    other("Azure Kubernetes Service", "Standard Uptime SLA", 0.1, "1 Hour"),
    other("Azure Kubernetes Service", "FreeTierInfrastructureCost Uptime SLA", 0.05, "1 Hour"),
    other("Azure Kubernetes Service", "Standard Long Term Support", 0.6, "1 Hour"),
    other("Load Balancer", "Standard Included LB Rules and Outbound Rules", 0.025, "1 Hour", armRegionName="Global"),
    other("Load Balancer", "Standard Included LB Rules and Outbound Rules", 0.0313, "1 Hour", armRegionName="US Gov"),
    other("Load Balancer", "Standard Overage LB Rules and Outbound Rules", 0.0099, "1/Hour", armRegionName="Global"),
    other("Virtual Network", "Standard IPv4 Static Public IP", 0.005, "1 Hour", productName="IP Addresses"),
]


def page(rows: Sequence[Row], following: str | None = None) -> bytes:
    envelope = {"BillingCurrency": "USD", "CustomerEntityId": "Default", "CustomerEntityType": "Retail"}
    return json.dumps({**envelope, "Items": rows, "NextPageLink": following, "Count": len(rows)}).encode()


class PriceList:
    """What it answers and what it was asked.

    Attributes:
        url: its address.
        rows: all that it has; an answer has those of the wanted service and size.
        page_size: rows of a page; 0 for all.
        instead: status and body of every answer, if it is broken.
        silent: it takes its time.
        next_page: what it says is the next page, if it lies.
        asked: the queries, oldest first.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.url = ""
        self.rows = list(rows)
        self.page_size = 0
        self.instead: tuple[int, bytes] | None = None
        self.silent = False
        self.next_page: str | None = None
        self.asked: list[dict[str, str]] = []
        self.ended = threading.Event()

    def answer(self, target: str) -> tuple[int, bytes]:
        query = {name: words[0] for name, words in parse_qs(urlsplit(target).query).items()}
        self.asked.append(query)
        if self.silent:
            self.ended.wait(10)
        if self.instead:
            return self.instead
        # As little filtered as can be, so that the rows of a careless list would be noticed.
        service = re.search(r"serviceName eq '([^']+)'", query["$filter"])
        assert service
        found = [each for each in self.rows if each["serviceName"] == service[1]]
        size, begin = self.page_size or len(found) or 1, int(query.get("$skip", "0"))
        more = begin + size < len(found)
        following = f"{self.url}{target.split('&$skip', maxsplit=1)[0]}&$skip={begin + size}" if more else None
        return 200, page(found[begin : begin + size], self.next_page or following)


@contextmanager
def serving(rows: Sequence[Row]) -> Iterator[PriceList]:
    listed = PriceList(rows)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = listed.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the standard library
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        listed.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield listed
        finally:
            listed.ended.set()
            server.shutdown()
            thread.join()

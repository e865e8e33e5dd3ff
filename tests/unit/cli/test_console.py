"""Tables of the command line at any width, and words of people that are never read as markup or emoji."""

from __future__ import annotations

import io
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.table import Column
from rich.text import Text

from lab.cli import app, audit, azure, class_tables, console, doctor, reap
from lab.cli import open as queries
from lab.cli.board import Progress
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure.checks import Check, Verdict
from lab.platforms.azure.cost.estimate import Share
from lab.platforms.azure.models import Cluster, NodePool
from lab.services import doctor as tools
from lab.services.audit.finding import AuditReport, AuditVerdict, Finding
from lab.services.classes.plan import Decision, Verb
from lab.services.classes.status import Status
from tests.unit.cost import support as costs

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTHS = (40, 80, 200)

LONG = "/home/kim/lab/.lab/stacks/dev/kwok/clusters/lab/bin/kube-apiserver"
ODD = "[red]two[/red] :email: [/] {0} 한국어"

FINDINGS = (
    Finding(looked_at="objects in default and kube-system, Istio's ConfigMaps", verdict=AuditVerdict.CLEAN),
    Finding(
        looked_at="processes",
        verdict=AuditVerdict.LEFT,
        left=(f"4711 {LONG} --etcd-prefix=/registry", ODD),
        note="nobody wrote down what was there before",
        remedy="kill -9 4711",
    ),
    Finding(looked_at="CRDs of Istio and Argo Rollouts", verdict=AuditVerdict.KEPT, left=("a.istio.io",)),
)
STATUSES = (
    Status(stack="ws26-platform", student="", state="stands", ready=211, pods=212, seconds=1061.2),
    Status(stack="student-a", student="a234567890123456789z", state="does not answer", error=f"{ODD} " * 9),
)
ITEMS = (
    tools.Item(
        name="pulumi-resource-pulumi-python",
        pinned="3.201.0",
        found="",
        origin=f"PATH ({LONG})",
        remedy=ODD,
        now="download (get.pulumi.com), else build (language-python), about 7 s for 42 MB, else up to 18 s",
    ),
    tools.Item(
        name="etcd", pinned="3.6.1", found="3.6.1", origin="cache (downloaded 2026-11-23)", now="cache, at once"
    ),
)
POOLS = (NodePool(name="system", mode="System", vm_size="Standard_D4ads_v6", count=3, priority="Spot"),)


TABLES: dict[str, Callable[[], object]] = {
    "audit": lambda: audit.summarize([AuditReport(stack="dev", target="embedded", findings=FINDINGS)], console.console),
    "class status": lambda: console.console.print(class_tables.status_table(STATUSES)),
    "doctor": lambda: doctor.show(tools.Report(items=ITEMS, damaged=(ODD,))),
    "doctor of Azure": lambda: doctor.show_checks(
        [Check(name="cores of Standard_D4ads_v6", verdict=Verdict.FAILED, found=ODD * 3, remedy=f"az {LONG}")]
    ),
    "status": lambda: azure.show(
        Cluster(name="aks-kim", power="Running", provisioning="Succeeded", version="1.33.2", pools=POOLS)
    ),
    "reap": lambda: reap.show([Decision(stack="student-kim", verb=Verb.DESTROY, reason=ODD * 3)]),
    "queries": queries.queries,
}


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object], int], str]:
    """Print to a terminal of some width; every command prints to the one that is there."""

    def printed(show: Callable[[], object], width: int) -> str:
        # As the command line makes them.
        terminal = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
        for module in (audit, azure, console, doctor, queries, reap):
            monkeypatch.setattr(module, "console", terminal)
        for module in (app, console):
            monkeypatch.setattr(module, "errors", terminal)
        show()
        assert isinstance(terminal.file, io.StringIO)
        return terminal.file.getvalue()

    return printed


def letters(text: str) -> Counter[str]:
    """Everything that is read; lines of tables are not."""
    return Counter(re.sub(r"[\s\u2500-\u257f]", "", text))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", TABLES)
def test_a_table_keeps_every_word_at_any_width_and_stays_readable(
    name: str, width: int, printed: Callable[[Callable[[], object], int], str]
) -> None:
    widest, here = printed(TABLES[name], 2000), printed(TABLES[name], width)

    assert letters(widest) - letters(here) == Counter()
    assert "…" not in here
    # No column is a few letters wide: the lines are filled.
    assert len(here.splitlines()) <= 3 * sum(1 + cell_len(line.strip()) // (width // 2) for line in widest.splitlines())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["audit", "doctor", "doctor of Azure", "reap", "class status"])
def test_words_of_people_are_printed_as_they_are(
    name: str, width: int, printed: Callable[[Callable[[], object], int], str]
) -> None:
    text = re.sub(r"\s", "", printed(TABLES[name], width))

    assert text.count(":email:") + text.count("email") >= 1
    assert letters(text) >= letters(ODD)
    assert "📧" not in text
    assert "✉" not in text


@pytest.mark.parametrize("width", [40, 80])
def test_where_a_column_would_be_narrow_each_row_becomes_a_block(
    width: int, printed: Callable[[Callable[[], object], int], str]
) -> None:
    lines = printed(TABLES["audit"], width).splitlines()
    at = lines.index("processes")

    assert lines[at + 1].split() == ["result", "left"]
    assert lines[at + 2].startswith("  what is there  4711 ")
    assert all(line.startswith(" " * 17) for line in lines[at + 3 : at + 4])
    assert max(map(cell_len, lines[: at + 5])) <= width


def test_a_block_has_its_mark_before_its_name(printed: Callable[[Callable[[], object], int], str]) -> None:
    table = console.Table("", Column("tag", no_wrap=True), "built")
    table.add_row("*", "a" * 30, "today")
    table.add_row("", "b", Text("never"))

    assert printed(lambda: console.console.print(table), 40).split() == [
        *("*", "a" * 30, "built", "today"),
        *("b", "built", "never"),
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_cost_estimate_keeps_its_numbers(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    share = Share(stack="kim", settings=costs.settings())
    monkeypatch.setattr(costs, "WIDTH", 2000)
    widest = costs.printed([share])
    monkeypatch.setattr(costs, "WIDTH", width)

    assert letters(widest) - letters(costs.printed([share])) == Counter()


def test_an_error_is_printed_as_it_is(
    printed: Callable[[Callable[[], object], int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise LabError(f"the file {ODD} is wrong", f"mend {ODD}")

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(SystemExit):
        printed(app.main, 40)
    assert isinstance(console.errors.file, io.StringIO)
    assert console.errors.file.getvalue() == f"error: the file {ODD} is wrong\ndo: mend {ODD}\n"


def test_progress_on_a_terminal_reads_no_emoji_in_what_it_is_told() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    Progress(stream).line(ODD)

    assert ":email:" in stream.getvalue()
    assert "[red]two[/red]" in stream.getvalue()


@pytest.mark.parametrize("terminal", [console.console, console.errors])
def test_both_terminals_print_what_they_are_given(terminal: Console) -> None:
    with terminal.capture() as captured:
        terminal.print(ODD, soft_wrap=True)
    assert captured.get() == f"{ODD}\n"


def test_markup_is_read_in_templates_alone() -> None:
    line = console.styled("[bold]{}[/]: {}", ODD, "\\")

    assert line.plain == f"{ODD}: \\"
    assert [str(span.style) for span in line.spans] == ["bold"]


def test_no_command_prints_markup_but_by_a_template() -> None:
    found = []
    for file in (*(paths.PROJECT / "lab" / "cli").glob("*.py"), *(paths.PROJECT / "benchmarks").glob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            known = ("styled(", "verdict =", '"""')
            if re.search(r"\[/[a-z ]*\]", line) and not any(word in line for word in known):
                found.append(f"{file.name}:{number}: {line.strip()}")
    assert [each for each in found if not each.startswith("console.py")] == []

"""The environment of every program: an allowlist. Whatever a user's shell adds stays there."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest

from lab.adapters import environment
from lab.core import paths

if TYPE_CHECKING:
    from pathlib import Path

NASTY = (
    "PULUMI_DIY_BACKEND_GZIP",
    "PULUMI_DIY_BACKEND_LEGACY_LAYOUT",
    "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS",
    "PULUMI_OPTION_REFRESH",
    "PULUMI_EXPERIMENTAL",
    "PULUMI_DEBUG_PROVIDERS",
    "PULUMI_BACKEND_URL",
    "PULUMI_HOME",
    "PULUMI_K8S_DELETE_UNREACHABLE",
    "PULUMI_STACK",
    "PYTHONPATH",
    "PYTHONWARNINGS",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONIOENCODING",
    "VIRTUAL_ENV",
    "PYTEST_ADDOPTS",
    "PIP_TARGET",
    "PIP_USER",
    "CURL_HOME",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_SSH_COMMAND",
    "GIT_CONFIG_PARAMETERS",
    "GOFLAGS",
    "GODEBUG",
    "GOMEMLIMIT",
    "BROWSER",
    "DISPLAY",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "DYLD_INSERT_LIBRARIES",
    "BASH_ENV",
    "ENV",
    "IFS",
    "KUBECONFIG",
    "KUBECTL_EXTERNAL_DIFF",
    "KUBECTL_KYAML",
    "KWOK_WORKDIR",
    "HELM_NAMESPACE",
    "HELM_DRIVER",
    "AZURE_DEFAULTS_GROUP",
    "AZURE_CORE_OUTPUT",
    "DOCKER_DEFAULT_PLATFORM",
    "CI",
    "COLUMNS",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "LC_NUMERIC",
    "LANG",
    "LANGUAGE",
    "ISTIO_LAB_ID_TOKEN",
    "ISTIO_LAB_COMMENT_TOKEN",
    "GITHUB_TOKEN",
    "DATABASE_PASSWORD",
)
"""Nothing that is started may get one of these from the user."""

EVERYDAY = {
    "HOME": "/usr",
    "USER": "kim",
    "LOGNAME": "kim",
    "TERM": "xterm",
    "COLORTERM": "truecolor",
    "TZ": "Asia/Seoul",
    "TMPDIR": "/tmp",  # noqa: S108 - any folder that is there
    "XDG_CACHE_HOME": "/home/kim/cache",
    "PATH": "/usr/bin:/bin",
}

PROXY = "http://proxy.example.test:3128"

PROGRAMS = {name: value for name, value in vars(environment).items() if isinstance(value, environment.Program)}


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A user's shell that has everyday variables and every switch that has ever hurt somebody."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in EVERYDAY.items():
        monkeypatch.setenv(name, value)
    for name in NASTY:
        monkeypatch.setenv(name, "the user's own")
    return monkeypatch


def test_a_local_program_gets_exactly_the_everyday_variables() -> None:
    search = ":".join([str(paths.bin_dir()), str(paths.PROJECT / ".venv" / "bin"), "/usr/bin", "/bin"])

    made = environment.make()

    assert made.pop("LC_ALL").endswith(".UTF-8")
    assert made == {**EVERYDAY, "PATH": search}


@pytest.mark.parametrize("unusable", ["file/home", "nowhere", "closed"])
def test_folders_that_cannot_be_used_reach_no_program(shell: pytest.MonkeyPatch, tmp_path: Path, unusable: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(0)
    if unusable == "closed" and not os.geteuid():
        pytest.skip("nothing is closed to root")
    for name in ("HOME", "TMPDIR"):
        shell.setenv(name, str(tmp_path / unusable))

    made = environment.make()

    assert made["HOME"] == str(paths.temporary_dir().absolute())
    assert "TMPDIR" not in made


@pytest.mark.parametrize("given", [None, "", "here"])
def test_without_a_home_in_the_shell_programs_get_the_one_that_the_system_knows(
    shell: pytest.MonkeyPatch, given: str | None
) -> None:
    if given is None:
        shell.delenv("HOME")
    else:
        shell.setenv("HOME", given)

    assert environment.make()["HOME"] == pwd.getpwuid(os.getuid()).pw_dir


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_no_switch_of_the_users_shell_reaches_any_program(program: environment.Program) -> None:
    made = environment.make(program)

    assert "the user's own" not in made.values()
    assert set(made) == {*(EVERYDAY if program.common else ["PATH"]), "LC_ALL", *program.sets}


def test_a_server_of_the_lab_gets_nothing_of_the_shell_that_starts_it(shell: pytest.MonkeyPatch) -> None:
    made = environment.make(environment.SERVER, POD_NAME="istiod")

    assert made.pop("LC_ALL").endswith(".UTF-8")
    assert made == {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "POD_NAME": "istiod"}
    shell.setenv("ISTIO_LAB_BENCH", "7")
    assert environment.make(environment.SERVER)["ISTIO_LAB_BENCH"] == "7", "a benchmark ends what it has started"


def test_a_local_program_gets_neither_logins_nor_proxies(shell: pytest.MonkeyPatch) -> None:
    usual = environment.make()
    for name in ("HTTPS_PROXY", "ARM_CLIENT_SECRET", "AWS_PROFILE", "PULUMI_ACCESS_TOKEN", "SSH_AUTH_SOCK"):
        shell.setenv(name, "secret")

    assert environment.make() == usual


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (environment.GO, "HTTPS_PROXY"),
        (environment.GO, "GOPROXY"),
        (environment.GO, "SSH_AUTH_SOCK"),
        (environment.PIP, "PIP_INDEX_URL"),
        (environment.PIP, "SSL_CERT_FILE"),
        (environment.CONTAINERS, "DOCKER_HOST"),
        (environment.CONTAINERS, "DOCKER_TLS_VERIFY"),
        (environment.AZURE_CLI, "AZURE_CONFIG_DIR"),
        (environment.AZURE_CLI, "https_proxy"),
        (environment.KUBECTL, "AWS_PROFILE"),
        (environment.KUBECTL, "HTTPS_PROXY"),
        (environment.LAB, "ARM_CLIENT_ID"),
        (environment.LAB, "ISTIO_LAB_HOME"),
        (environment.LAB, "PIP_INDEX_URL"),
        (environment.LAB_WITH_BACKEND, "PULUMI_ACCESS_TOKEN"),
        (environment.LAB_WITH_BACKEND, "PULUMI_CONFIG_PASSPHRASE_FILE"),
    ],
)
def test_a_program_gets_what_it_needs_to_reach_the_outside(
    shell: pytest.MonkeyPatch, program: environment.Program, name: str
) -> None:
    shell.setenv(name, "given")

    assert environment.make(program)[name] == "given"
    assert name not in environment.make()


def test_a_login_to_pulumis_cloud_is_for_a_backend_of_ones_own_only(shell: pytest.MonkeyPatch) -> None:
    shell.setenv("PULUMI_ACCESS_TOKEN", "secret")

    assert "PULUMI_ACCESS_TOKEN" not in environment.make(environment.LAB)


def test_a_proxy_is_never_asked_for_this_machine(shell: pytest.MonkeyPatch) -> None:
    shell.setenv("http_proxy", PROXY)
    shell.setenv("NO_PROXY", "intranet.example.test")

    made = environment.make(environment.LAB)

    assert made["http_proxy"] == PROXY
    assert made["no_proxy"] == made["NO_PROXY"] == "intranet.example.test,localhost,127.0.0.1,::1"


def test_without_a_proxy_nothing_is_said_of_exceptions() -> None:
    assert "NO_PROXY" not in environment.make(environment.LAB)


def test_the_labs_own_tools_come_first_and_once(shell: pytest.MonkeyPatch) -> None:
    own = environment.tool_folders()
    shell.setenv("PATH", os.pathsep.join(["/usr/bin", own[1], "", own[0], "/bin"]))

    assert environment.make()["PATH"].split(os.pathsep) == [*own, "/usr/bin", "/bin"], "nor the current folder"


def test_what_the_caller_adds_overrides_the_users() -> None:
    made = environment.make(environment.LAB, TMPDIR="/lab/tmp", PULUMI_HOME="/lab/pulumi")

    assert (made["TMPDIR"], made["PULUMI_HOME"]) == ("/lab/tmp", "/lab/pulumi")


def test_git_reads_no_configuration_of_the_user() -> None:
    made = environment.make(environment.GIT)

    assert made["GIT_CONFIG_GLOBAL"] == os.devnull
    assert made["GIT_CONFIG_NOSYSTEM"] == "1"

"""The lab in any folder, any shell and any locale: the same results as in a clean one, and never a stack trace."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.engine.laboratory import Laboratory
from tests.engine.other_user import NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

CHECK = "traffic.weights-80-20"
SETTINGS = {"istio-lab:target": "embedded", "istio-lab:traffic": {"reviews": {"v1": 80, "v2": 20}}}

_TIMEOUT = 900.0

_COLOURS = re.compile("\x1b\\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What a user's machine may be like.

    Attributes:
        variables: of the shell; `FOLDER` in a value is a folder that the files are in.
        files: in that folder.
        project: name of the clone's folder.
        umask: of the shell.
        owner: of the clone; 0 for the user.
        link: whether the user went to the clone by a symbolic link.
        locale: one that this machine may not have, and gets in that folder.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    project: str = "project"
    umask: int = 0o022
    owner: int = 0
    link: bool = False
    locale: str = ""


EVIL = "raise SystemExit('the module of somebody else was loaded')\n"
NOWHERE = "http://127.0.0.1:9"
LONG = "a-folder-with-a-name-" * 9

ENVIRONMENTS: dict[str, Environment] = {
    "clean": Environment(),
    # --- paths
    "a space in the path": Environment(project="istio lab"),
    "a comma in the path": Environment(project="istio,lab"),
    "single quotes in the path": Environment(project="kim's lab"),
    "double quotes in the path": Environment(project='the "lab"'),
    "Hangul in the path": Environment(project="실습 환경"),
    "signs of shells in the path": Environment(project="$HOME `id` & (lab); #1 100% !x *?[a] ~\\n"),
    "a path of 180 characters": Environment(project=LONG[:180]),
    "a path with an ideographic space": Environment(project="실습\u3000é"),
    "a symbolic link to the clone": Environment(link=True),
    "another owner of the clone": Environment(owner=NOBODY),
    # --- Pulumi
    "Pulumi keeps state in another form": Environment(
        variables={
            "PULUMI_SELF_MANAGED_STATE_GZIP": "true",
            "PULUMI_DIY_BACKEND_GZIP": "true",
            "PULUMI_DIY_BACKEND_LEGACY_LAYOUT": "true",
            "PULUMI_SELF_MANAGED_STATE_LEGACY_LAYOUT": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            "PULUMI_DISABLE_CHECKPOINT_BACKUPS": "true",
            "PULUMI_RETAIN_CHECKPOINTS": "true",
        }
    ),
    "Pulumi works on another stack and backend": Environment(
        variables={
            "PULUMI_STACK": "production",
            "PULUMI_PROJECT": "other",
            "PULUMI_BACKEND_URL": "s3://nobody",
            "PULUMI_ACCESS_TOKEN": "pul-0000",
            "PULUMI_HOME": "FOLDER/pulumi",
            "PULUMI_CREDENTIALS_PATH": "FOLDER/credentials",
            "PULUMI_CONFIG": '{"istio-lab:target": "azure"}',
            "PULUMI_CONFIG_PASSPHRASE": "wrong",
            "PULUMI_CONFIG_PASSPHRASE_FILE": "FOLDER/nowhere",
        }
    ),
    "Pulumi is told to be careful, slow and loud": Environment(
        variables={
            "PULUMI_DEBUG_COMMANDS": "true",
            "PULUMI_DEBUG_PROVIDERS": "kubernetes:1",
            "PULUMI_DEBUG_PROMISE_LEAKS": "true",
            "PULUMI_EXPERIMENTAL": "true",
            "PULUMI_OPTION_REFRESH": "true",
            "PULUMI_OPTION_PARALLEL": "1",
            "PULUMI_PARALLEL": "1",
            "PULUMI_SKIP_CONFIRMATIONS": "false",
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "PULUMI_DISABLE_RESOURCE_REFERENCES": "true",
            "PULUMI_DISABLE_OUTPUT_VALUES": "true",
            "PULUMI_DISABLE_VALIDATION": "true",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "PULUMI_PREFER_YARN": "true",
            "PULUMI_ENABLE_LEGACY_PLUGIN_SEARCH": "true",
            "PULUMI_RUN_PROGRAM": "true",
            "PULUMI_TRACING": "FOLDER/trace",
            "PULUMI_PYTHON_CMD": "/bin/false",
        }
    ),
    "Pulumi's Kubernetes provider": Environment(
        variables={
            "PULUMI_K8S_DELETE_UNREACHABLE": "true",
            "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE": "true",
            "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS": "true",
            "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": "false",
            "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
            "PULUMI_K8S_AWAIT_ALL": "true",
            "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE": "true",
            "PULUMI_K8S_MANAGED_BY_LABEL": "nobody",
            "PULUMI_K8S_CLIENT_QPS": "0.01",
        }
    ),
    # --- Python
    "modules of somebody else come first": Environment(
        variables={"PYTHONPATH": "FOLDER", "PYTHONSTARTUP": "FOLDER/lab.py", "PYTHONUSERBASE": "FOLDER"},
        files={"lab.py": EVIL, "pulumi.py": EVIL, "sitecustomize.py": EVIL, "usercustomize.py": EVIL},
    ),
    "Python is elsewhere": Environment(variables={"PYTHONHOME": "/nonexistent", "PYTHONSAFEPATH": "1"}),
    "Python is told to be strict": Environment(
        variables={
            "PYTHONWARNINGS": "error",
            "PYTHONOPTIMIZE": "2",
            "PYTHONDEVMODE": "1",
            "PYTHONINSPECT": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONASYNCIODEBUG": "1",
            "PYTHONBREAKPOINT": "os.abort",
        }
    ),
    "Python writes ASCII": Environment(variables={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "POSIX"}),
    # --- locales
    "the locale C": Environment(variables={"LC_ALL": "C", "LANG": "C"}),
    "a locale of EUC-KR that is not there": Environment(variables={"LC_ALL": "ko_KR.EUC-KR", "LANG": "ko_KR.EUC-KR"}),
    "a locale of EUC-KR": Environment(
        variables={"LC_ALL": "ko_KR.EUC-KR", "LOCPATH": "FOLDER"}, project="실습", locale="ko_KR.EUC-KR"
    ),
    "Turkish": Environment(variables={"LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "tr"}),
    "a locale that is none": Environment(variables={"LC_ALL": "xx_YY.nothing", "LC_NUMERIC": "de_DE.UTF-8"}),
    # --- other programs
    "curl and wget": Environment(
        variables={"CURL_HOME": "FOLDER", "HOME": "FOLDER", "SSLKEYLOGFILE": "FOLDER/keys", "CURL_SSL_BACKEND": "none"},
        files={".curlrc": f"proxy = {NOWHERE}\nfail\nhead\noutput = /dev/null\n", ".netrc": "default login x\n"},
    ),
    "git": Environment(
        variables={
            "HOME": "FOLDER",
            "GIT_DIR": "FOLDER/nowhere",
            "GIT_WORK_TREE": "/",
            "GIT_INDEX_FILE": "FOLDER/index",
            "GIT_CONFIG_GLOBAL": "FOLDER/.gitconfig",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.bare",
            "GIT_CONFIG_VALUE_0": "true",
            "GIT_CEILING_DIRECTORIES": "/",
        },
        files={".gitconfig": "[broken\n"},
    ),
    "proxies": Environment(
        variables=dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), NOWHERE)
        | {"ALL_PROXY": "socks5h://127.0.0.1:9", "all_proxy": "socks5h://127.0.0.1:9", "NO_PROXY": "example.test"}
    ),
    "certificates": Environment(
        variables=dict.fromkeys(
            ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), "FOLDER/empty"
        )
        | {"NODE_EXTRA_CA_CERTS": "FOLDER/empty", "OPENSSL_CONF": "FOLDER/empty"},
        files={"empty": ""},
    ),
    "kubectl, Helm and Istio": Environment(
        variables={
            "HOME": "FOLDER",
            "KUBECONFIG": "FOLDER/config:FOLDER/other",
            "KUBECACHEDIR": "/proc/cache",
            "KUBECTL_EXTERNAL_DIFF": "false",
            "KUBERC": "FOLDER/config",
            "KUBECTL_KUBERC": "true",
            "KUBERNETES_SERVICE_HOST": "192.0.2.1",
            "KUBERNETES_SERVICE_PORT": "443",
            "HELM_NAMESPACE": "nobody",
            "HELM_DRIVER": "memory",
            "HELM_KUBECONTEXT": "nobody",
            "HELM_HOME": "/proc",
            "ISTIOCONFIG": "FOLDER/config",
            "ISTIOCTL_XDS_ADDRESS": "192.0.2.1:15012",
            "ISTIO_META_DNS_CAPTURE": "true",
            "PILOT_ENABLE_AMBIENT": "true",
            "POD_NAMESPACE": "nobody",
            "KWOK_WORKDIR": "/proc",
            "KWOK_CONFIG": "FOLDER/config",
            "ETCD_LISTEN_CLIENT_URLS": "https://192.0.2.1:1",
            "ETCD_DATA_DIR": "/proc",
        },
        files={"config": "this is no kubeconfig\n", "other": "- nor this\n"},
    ),
    "Go": Environment(
        variables={
            "GODEBUG": "http2client=0,netdns=go+2,madvdontneed=1",
            "GOFLAGS": "-mod=mod -race",
            "GOMAXPROCS": "1",
            "GOGC": "10",
            "GOTRACEBACK": "crash",
            "GOROOT": "/nonexistent",
            "GOPATH": "/proc",
            "GORACE": "halt_on_error=1",
            "GRPC_TRACE": "all",
            "GRPC_VERBOSITY": "debug",
            "GRPC_GO_LOG_SEVERITY_LEVEL": "info",
            "GRPC_ENFORCE_ALPN_ENABLED": "false",
        }
    ),
    "the loader of programs": Environment(
        variables={
            "LD_PRELOAD": "FOLDER/nothing.so",
            "LD_LIBRARY_PATH": "FOLDER",
            "LD_BIND_NOW": "1",
            "MALLOC_CHECK_": "3",
            "GLIBC_TUNABLES": "glibc.malloc.check=3",
        }
    ),
    "a terminal of few abilities": Environment(
        variables={"TERM": "dumb", "COLUMNS": "20", "LINES": "3", "NO_COLOR": "1"}
    ),
    "a terminal of colours": Environment(
        variables={
            "TERM": "xterm-256color",
            "FORCE_COLOR": "3",
            "CLICOLOR_FORCE": "1",
            "COLORTERM": "truecolor",
            "COLUMNS": "500",
            "TTY_COMPATIBLE": "1",
            "GREP_OPTIONS": "--color=always",
            "LS_COLORS": "x",
            "PAGER": "false",
        }
    ),
    "shells": Environment(
        variables={
            "CDPATH": "/:/usr",
            "IFS": "/.a",
            "BASH_ENV": "FOLDER/rc",
            "ENV": "FOLDER/rc",
            "SHELLOPTS": "nounset:noglob",
            "BASHOPTS": "failglob",
            "POSIXLY_CORRECT": "1",
            "PS4": "$(exit 1)",
            "BASH_FUNC_cd%%": "() { exit 3; }",
            "BASH_FUNC_sed%%": "() { exit 3; }",
            "MAKEFLAGS": "-k -j8",
            "GNUMAKEFLAGS": "--no-print-directory",
            "DATABASE": "two\nlines\nPYTHONPATH=/x",
        },
        files={"rc": "exit 3\n"},
    ),
    "no home": Environment(variables={"HOME": ""}),
    # Not even the machine's root can make it.
    "a home that is not there": Environment(variables={"HOME": "/dev/null/김"}),
    "a home of odd letters": Environment(variables={"HOME": "FOLDER/a, 'b' \"c\" 김 é"}),
    "a folder for temporary files of odd letters": Environment(
        variables={"TMPDIR": "FOLDER/a, 'b' \"c\" 김 é"}, files={"a, 'b' \"c\" 김 é/x": ""}
    ),
    "a folder for temporary files that is not there": Environment(variables={"TMPDIR": "/nonexistent"}),
    "umask 077": Environment(umask=0o077),
    "umask 000": Environment(umask=0),
}


def combined(*, without: tuple[str, ...] = ("no home", "a home that is not there")) -> Environment:
    """All of them at once, as far as they do not contradict each other: later ones win."""
    variables: dict[str, str] = {}
    files: dict[str, str] = {}
    for name, each in ENVIRONMENTS.items():
        if name not in without:
            variables |= each.variables
            files |= each.files
    odd = 'kim\'s "lab", 100% $HOME `id` & #1 실습\u3000é (a) '
    return Environment(variables=variables, files=files, project=odd.ljust(60, "x"), umask=0o077, link=True)


Results = dict[str, tuple[int, bool]]


def results(laboratory: Laboratory, environment: Environment, folder: Path) -> Results:
    """Run the commands of every day, and return how each ended and whether it said what it says in a clean one."""
    for name, content in environment.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    variables = {
        **laboratory.environment,
        **{name: value.replace("FOLDER", str(folder)) for name, value in environment.variables.items()},
    }
    variables.setdefault("ISTIO_LAB_CACHE", os.environ.get("ISTIO_LAB_CACHE", ""))
    place = laboratory.project
    if environment.owner:
        _give_away(place, environment.owner)
    if environment.locale:
        _make_locale(folder, environment.locale)
    if environment.link:
        place = folder / "link"
        place.symlink_to(laboratory.project)
        variables["PWD"] = str(place)

    def run(command: str, *said: str) -> tuple[int, bool]:
        done = subprocess.run(
            ["/bin/sh", "-c", f"umask {environment.umask:o}; exec {command}"],
            cwd=place,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT,
        )
        output = _COLOURS.sub("", (done.stdout + done.stderr).decode(errors="replace"))
        assert "Traceback (most recent call last)" not in output, output
        assert "goroutine " not in output, output
        fitting = all(each in output for each in said)
        return (done.returncode, fitting) if fitting and not done.returncode else pytest.fail(f"{command}\n{output}")

    curl = "curl -s -o /dev/null -w %{http_code} --retry 9 --retry-all-errors --fail http://order:8080/orders"
    lab = shlex.quote(str(place / ".lab" / "bin" / "lab"))
    agent_log = laboratory.directory / "dataplane" / "agent.log"
    try:
        return {
            "up": run("make up", "The lab stands (stack dev)."),
            "curl": run(f"{lab} {curl}", "200"),
            "confinement": (0, "run without a view" not in agent_log.read_text(encoding="utf-8")),
            "check": run(f"{lab} check {CHECK}", "solved"),
            "down": run("make down", "Stack dev is taken down."),
            "audit": run(f"{lab} audit", "Nothing is left of stack dev."),
        }
    finally:
        laboratory.run("make down")


EXPECTED = dict.fromkeys(("up", "curl", "confinement", "check", "down", "audit"), (0, True))


def _make_locale(folder: Path, name: str) -> None:
    if not (program := shutil.which("localedef")):
        pytest.skip("this machine cannot make a locale")
    language, _, encoding = name.partition(".")
    made = subprocess.run([program, "-i", language, "-f", encoding, str(folder / name)], check=False)
    if made.returncode > 1:  # 1 is a warning
        pytest.skip(f"this machine cannot make the locale {name}")


def _give_away(folder: Path, owner: int) -> None:
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    for each in (folder, *folder.rglob("*")):
        os.chown(each, owner, owner, follow_symlinks=False)


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Callable[[str], Laboratory]]:
    """Make a copy of the project in a folder of a name."""
    made: list[Laboratory] = []

    def clone(name: str) -> Laboratory:
        laboratory = Laboratory.copy_to(tmp_path / "clone", name)
        made.append(laboratory)
        (laboratory.project / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": SETTINGS}))
        os.utime(laboratory.project / "requirements.txt", (0, 0))  # the virtualenv is another's, and complete
        return laboratory

    yield clone
    for laboratory in made:
        laboratory.lab("clean")
        for process in laboratory.processes():
            process.kill()
        shutil.rmtree(laboratory.project)


def test_the_lab_is_the_same_in_the_oddest_environment(clone: Callable[[str], Laboratory], tmp_path: Path) -> None:
    odd = combined()
    (tmp_path / "odd").mkdir()

    assert results(clone(odd.project), odd, tmp_path / "odd") == EXPECTED


def test_there_are_more_than_twenty_five_environments() -> None:
    assert len(ENVIRONMENTS) > 35


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_the_lab_is_the_same_in_every_environment(
    clone: Callable[[str], Laboratory], tmp_path: Path, environment: Environment
) -> None:
    (tmp_path / "odd").mkdir()

    assert results(clone(environment.project), environment, tmp_path / "odd") == EXPECTED

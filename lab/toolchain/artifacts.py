"""Charts and manifests, pinned by the SHA-256 of their content and taken from whatever source gives those bytes.

Sources, in order: the cache, the archive of the commit, the Go module of the same commit (that a go.sum protects too).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import threading
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from lab.core import paths, versions
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.toolchain import cache, catalog, golang, stamp
from lab.toolchain.failures import SourceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lab.toolchain.download import Limits
    from lab.toolchain.lockfile import Artifact, Lock


@dataclass(frozen=True, kw_only=True)
class Repository:
    """Where artifacts come from.

    Attributes:
        module: the Go module that carries them.
        version: of that module.
        archive: a .tar.gz of the same commit.
        recipe: the toolchain folder whose go.sum locks the module.
    """

    module: str
    version: str
    archive: str
    recipe: str


ISTIO = Repository(
    module="istio.io/istio",
    version=versions.ISTIO_MODULE,
    archive=f"https://github.com/istio/istio/archive/{versions.ISTIO_MODULE.rsplit('-', 1)[-1]}.tar.gz",
    recipe="cluster",
)
ARGO_ROLLOUTS = Repository(
    module="github.com/argoproj/argo-rollouts",
    version=f"v{versions.ARGO_ROLLOUTS}",
    archive=f"https://github.com/argoproj/argo-rollouts/archive/refs/tags/v{versions.ARGO_ROLLOUTS}.tar.gz",
    recipe="argo-rollouts",
)

CATALOG: Mapping[str, tuple[Repository, Literal["file", "tree"], str]] = {
    "istio-base": (ISTIO, "tree", "manifests/charts/base"),
    "istiod": (ISTIO, "tree", "manifests/charts/istio-control/istio-discovery"),
    "istio-gateway": (ISTIO, "tree", "manifests/charts/gateway"),
    "bookinfo.yaml": (ISTIO, "file", "samples/bookinfo/platform/kube/bookinfo.yaml"),
    "bookinfo-gateway.yaml": (ISTIO, "file", "samples/bookinfo/networking/bookinfo-gateway.yaml"),
    "addon-prometheus.yaml": (ISTIO, "file", "samples/addons/prometheus.yaml"),
    "addon-grafana.yaml": (ISTIO, "file", "samples/addons/grafana.yaml"),
    "addon-kiali.yaml": (ISTIO, "file", "samples/addons/kiali.yaml"),
    "addon-jaeger.yaml": (ISTIO, "file", "samples/addons/jaeger.yaml"),
    "addon-loki.yaml": (ISTIO, "file", "samples/addons/loki.yaml"),
    "argo-rollouts.yaml": (ARGO_ROLLOUTS, "file", "manifests/install.yaml"),
    "argo-rollouts-dashboard.yaml": (ARGO_ROLLOUTS, "file", "manifests/dashboard-install.yaml"),
}
"""What there is, and which repository has it where; the lock file adds the checksums."""

_ARCHIVE_LIMIT = 200_000_000  # bytes; the largest has 30 MB


@dataclass(frozen=True)
class ArtifactStatus:
    """One artifact, as it stands.

    Attributes:
        name: of the artifact.
        version: of the module that carries it.
        origin: `cache (archive 2026-11-23)`, `cache (module ...)`, `changed` or `missing`.
        path: the real file or folder.
        remedy: what to do; empty when nothing is to be done.
    """

    name: str
    version: str
    origin: str
    path: Path | None
    remedy: str


def ensure(*, progress: Progress | None = None, limits: Limits | None = None) -> None:
    """Have every artifact, linked below `paths.artifacts_dir()`; takes milliseconds when nothing changed.

    Args:
        progress: where to show what is under way; nothing is shown without.
        limits: how patient downloads are.

    Raises:
        LabError: no source gives the pinned bytes, the lock file is wrong, or the disk is full.
    """
    inputs = _inputs()
    if stamp.read(_stamp_file(), inputs).keys() >= CATALOG.keys():
        return
    found = _Search(progress or Progress(quiet=True), limits).run(_locked())
    entries = {}
    for name, file in found.items():
        link = paths.artifacts_dir() / name
        stamp.link(file, link)
        entries[name] = stamp.Entry(file, link, _origin(file), stamp.seal(file))
    stamp.write(_stamp_file(), inputs, entries)


def path(name: str) -> Path:
    """The file or folder of an artifact that `ensure` put in place.

    Raises:
        LabError: it is unknown or not there.
    """
    if name not in CATALOG:
        raise LabError(f"Unknown artifact {name}.", f"The lab knows {', '.join(CATALOG)}.")
    link = paths.artifacts_dir() / name
    if not link.exists():
        raise LabError(f"The artifact {name} is not there ({link}).", "Run `lab setup`.")
    return link


def report() -> list[ArtifactStatus]:
    """The state of every artifact with its content checked, for `lab doctor`; changes nothing, needs no network.

    Raises:
        LabError: the lock file is wrong.
    """
    return [_status(name, artifact) for name, artifact in _locked().items()]


def verify() -> list[str]:
    """The cached artifacts whose bytes are not the pinned ones, each as a sentence with its remedy."""
    return [
        f"{s.name}: {s.path} was changed after it was cached. {s.remedy}" for s in report() if s.origin == "changed"
    ]


def relock() -> None:
    """Compute the checksums of the artifacts from the pinned Go module and write the lock file, for maintainers.

    Raises:
        LabError: the module cannot be had, or lacks an artifact.
    """
    from lab.toolchain import lockfile

    modules = {}
    for repository in {repository.module: repository for repository, _, _ in CATALOG.values()}.values():
        try:
            with cache.exclusive(Progress(quiet=True)):
                modules[repository.module] = _module_folder(repository.module, threading.Event())
        except SourceFailed as failure:
            raise LabError(f"The module {repository.module}@{repository.version} cannot be had: {failure}") from failure
    artifacts = {
        name: lockfile.Artifact(
            kind=kind,
            sha256=hash_of(modules[repository.module] / inside),
            path=inside,
            module=repository.module,
            version=repository.version,
            archive=repository.archive,
        )
        for name, (repository, kind, inside) in CATALOG.items()
    }
    lock = lockfile.load().model_copy(update={"artifacts": artifacts})
    stamp.LOCK_FILE.write_text(lock.canonical())


def hash_of(place: Path) -> str:
    """The SHA-256 that pins an artifact.

    Of a file it is the plain one. Of a folder it is that of the sorted lines `<sha256 of a file>  <its path>`, each
    with a newline, paths relative with `/`: as by `find * -type f | xargs sha256sum | LC_ALL=C sort | sha256sum`.
    """
    if place.is_file():
        return cache.sha256(place)
    files = (file for file in place.rglob("*") if file.is_file())
    lines = sorted(f"{cache.sha256(file)}  {file.relative_to(place).as_posix()}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class _Search:
    """One search for artifacts."""

    def __init__(self, progress: Progress, limits: Limits | None) -> None:
        self._progress = progress
        self._limits = limits
        self._cancelled = threading.Event()
        self._causes: defaultdict[str, list[str]] = defaultdict(list)

    def run(self, wanted: Mapping[str, Artifact]) -> dict[str, Path]:
        with cache.exclusive(self._progress):
            self._ask(wanted, "archive", lambda artifact: artifact.archive, self._from_archive)
            self._ask(wanted, "module", lambda artifact: artifact.module, self._from_module)
        if missing := _absent(wanted):
            causes = (f"  {cause}" for name in missing for cause in self._causes[name])
            raise LabError(
                "\n".join((f"No source has {', '.join(missing)}:", *dict.fromkeys(causes))),
                "One source is enough: let the download through (HTTPS_PROXY, ISTIO_LAB_MIRROR), or install Go with a "
                "module proxy in reach (GOPROXY). Then run `lab setup` again.",
            )
        return {name: _file(name, artifact) for name, artifact in wanted.items()}

    def _ask(
        self,
        wanted: Mapping[str, Artifact],
        source: str,
        place: Callable[[Artifact], str],
        fetch: Callable[[str, Mapping[str, Artifact], Path], Path],
    ) -> None:
        """Ask one kind of source for what is still absent, once per place that serves several artifacts."""
        places: defaultdict[str, dict[str, Artifact]] = defaultdict(dict)
        for name, artifact in _absent(wanted).items():
            places[place(artifact)][name] = artifact
        for where, artifacts in places.items():
            try:
                with self._progress.step(f"fetching {', '.join(artifacts)} ({source})"), cache.staging() as draft:
                    tree = fetch(where, artifacts, draft)
                    for name, artifact in artifacts.items():
                        self._keep(name, artifact, tree, source)
            except SourceFailed as failure:
                for name in artifacts:
                    self._causes[name].append(f"{source}: {failure}")
                self._progress.line(f"{source} of {', '.join(artifacts)}: {str(failure).splitlines()[0]}")

    def _keep(self, name: str, artifact: Artifact, tree: Path, source: str) -> None:
        origin = tree / artifact.path
        with cache.staging() as draft:
            copy = draft / name
            if artifact.kind == "tree" and origin.is_dir():
                shutil.copytree(origin, copy, copy_function=shutil.copyfile)
            elif artifact.kind == "file" and origin.is_file():
                shutil.copyfile(origin, copy)
            else:
                self._causes[name].append(f"{source}: has no {artifact.kind} {artifact.path}")
                return
            if (found := hash_of(copy)) != artifact.sha256:
                cause = f"{source}: wrong content of {artifact.path}: expected SHA-256 {artifact.sha256}, got {found}"
                self._causes[name].append(cause)
                self._progress.line(f"{name}: {cause}")
                return
            facts = cache.Origin(source, datetime.now(UTC).date().isoformat(), found)
            (draft / "origin.json").write_text(json.dumps(asdict(facts), indent=2) + "\n")
            cache.put(draft, _file(name, artifact).parent)

    def _from_archive(self, url: str, wanted: Mapping[str, Artifact], draft: Path) -> Path:
        from lab.toolchain.download import Downloader

        downloader = Downloader(self._cancelled, self._limits)
        try:
            with self._progress.step(f"downloading {url}") as step:
                archive = downloader.fetch_to_verify(
                    url, hashlib.sha256(url.encode()).hexdigest(), _ARCHIVE_LIMIT, step
                )
        finally:
            downloader.close()
        try:
            _extract(archive, [PurePosixPath(artifact.path) for artifact in wanted.values()], draft)
        finally:
            archive.unlink(missing_ok=True)
        return draft

    def _from_module(self, module: str, _wanted: Mapping[str, Artifact], _draft: Path) -> Path:
        return _module_folder(module, self._cancelled)


def _extract(archive: Path, wanted: Iterable[PurePosixPath], to: Path) -> None:
    """Copy what is wanted out of an archive whose files lie below one folder; links become the files they point to."""
    wanted = list(wanted)
    try:
        with tarfile.open(archive) as tarred:
            for member in tarred:
                inside = PurePosixPath(*PurePosixPath(member.name).parts[1:])
                if ".." in inside.parts or not any(inside.is_relative_to(path) for path in wanted):
                    continue
                if not member.isdir() and (stream := tarred.extractfile(member)):
                    target = to / inside
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with stream, target.open("wb") as out:
                        shutil.copyfileobj(stream, out)
    except (tarfile.TarError, EOFError, KeyError, OSError) as failure:
        if isinstance(failure, OSError) and failure.errno:
            raise  # of the disk, not of the archive
        raise SourceFailed(f"the archive is damaged: {failure}") from failure


def _module_folder(module: str, cancelled: threading.Event) -> Path:
    recipe = catalog.RECIPES / next(each.recipe for each, _, _ in CATALOG.values() if each.module == module)
    golang.check(recipe)
    with cache.staging() as draft:
        copy = shutil.copytree(recipe, draft / "recipe")
        log = paths.cache() / "logs" / "artifacts.log"
        return golang.module_folder(module, recipe=copy, scratch=draft, log=log, cancelled=cancelled)


def _locked() -> Mapping[str, Artifact]:
    """The pins, made sure to be those of the pinned version."""
    from lab.toolchain import lockfile

    lock: Lock = lockfile.load()
    for name, (repository, kind, inside) in CATALOG.items():
        pin = lock.artifacts.get(name)
        if not pin or (pin.kind, pin.path, pin.version) != (kind, inside, repository.version):
            raise LabError(f"{stamp.LOCK_FILE.name} does not pin {name} of {repository.version}.", "Run `lab lock`.")
    return {name: lock.artifacts[name] for name in CATALOG}


def _file(name: str, artifact: Artifact) -> Path:
    """Where the cache keeps an artifact, under its own name, since Helm looks at the names of chart folders."""
    return (paths.cache() / "artifacts" / name / artifact.sha256[:12] / name).absolute()


def _absent(wanted: Mapping[str, Artifact]) -> dict[str, Artifact]:
    """What is not in the cache, or not as it was put there."""
    return {name: pin for name, pin in wanted.items() if _state(_file(name, pin), pin) != "intact"}


def _state(file: Path, artifact: Artifact) -> Literal["intact", "changed", "missing"]:
    if not file.exists():
        return "missing"
    return "intact" if hash_of(file) == artifact.sha256 else "changed"


def _status(name: str, artifact: Artifact) -> ArtifactStatus:
    file = _file(name, artifact)
    state = _state(file, artifact)
    if state == "missing":
        return ArtifactStatus(name, artifact.version, state, None, "Run `lab setup`.")
    if state == "changed":
        return ArtifactStatus(name, artifact.version, state, file, f"Delete {file.parent}, then run `lab setup`.")
    return ArtifactStatus(name, artifact.version, _origin(file), file, "")


def _origin(file: Path) -> str:
    origin = cache.origin(file.parent)
    return f"cache ({origin.source} {origin.when})" if origin else "cache"


def _stamp_file() -> Path:
    return paths.home() / "artifacts.json"


def _inputs() -> str:
    return stamp.hash_of((stamp.LOCK_FILE, Path(versions.__file__), Path(__file__)))

"""Charts and manifests, pinned by the SHA-256 of their content.

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
from lab.toolchain import cache, catalog, golang, resolution
from lab.toolchain.artifact_status import ArtifactStatus
from lab.toolchain.cache import SourceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lab.toolchain.download import Limits
    from lab.toolchain.lockfile import Artifact, Lock


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository with artifacts: a Go module, and a .tar.gz `archive` of the same commit.

    Attributes:
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
"""Every artifact with its repository, kind and path there; the lock file adds the checksums."""

_ARCHIVE_LIMIT = 200_000_000  # bytes; the largest has 30 MB


def ensure(*, progress: Progress | None = None, limits: Limits | None = None) -> None:
    """Have every artifact, linked below `paths.artifacts_dir()`; takes milliseconds when nothing changed.

    Raises:
        LabError: no source gives the pinned bytes, the lock file is wrong, or the disk is full.
    """
    inputs = _inputs()
    if resolution.read(_resolution_file(), inputs).keys() >= CATALOG.keys():
        return
    found = _Search(progress or Progress(quiet=True), limits).run(_locked())
    entries = {}
    for name, file in found.items():
        link = paths.artifacts_dir() / name
        resolution.link(file, link)
        entries[name] = resolution.Entry(file, link, _origin(file), resolution.fingerprint(file))
    resolution.write(_resolution_file(), inputs, entries)


def path(name: str) -> Path:
    """Return the file or folder of an artifact that `ensure` put in place.

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
    """Return the state of every artifact with its content checked; changes nothing and needs no network.

    Raises:
        LabError: the lock file is wrong.
    """
    return [_status(name, artifact) for name, artifact in _locked().items()]


def verify() -> list[str]:
    """Return the cached artifacts that are not the pinned ones, each as a sentence with its remedy."""
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
            with cache.writing(), cache.exclusive("artifacts", Progress(quiet=True)):
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
    resolution.LOCK_FILE.write_text(lock.canonical())


def hash_of(path: Path) -> str:
    """Return the SHA-256 that pins an artifact.

    For a folder: that of `find * -type f | xargs sha256sum | LC_ALL=C sort`.
    """
    if path.is_file():
        return cache.sha256(path)
    files = (file for file in path.rglob("*") if file.is_file())
    lines = sorted(f"{cache.sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class _Search:
    """One search for artifacts."""

    def __init__(self, progress: Progress, limits: Limits | None) -> None:
        self._progress = progress
        self._limits = limits
        self._cancelled = threading.Event()
        self._causes: defaultdict[str, list[str]] = defaultdict(list)

    def run(self, wanted: Mapping[str, Artifact]) -> dict[str, Path]:
        if _missing(wanted):  # else another process that fills the cache need not be waited for
            with cache.writing(), cache.exclusive("artifacts", self._progress):
                self._ask(wanted, "archive", lambda artifact: artifact.archive, self._from_archive)
                self._ask(wanted, "module", lambda artifact: artifact.module, self._from_module)
        if missing := _missing(wanted):
            causes = (f"  {cause}" for name in missing for cause in self._causes[name])
            raise LabError(
                "\n".join((f"No source has {', '.join(missing)}:", *dict.fromkeys(causes))),
                "One source is enough: let the download through (HTTPS_PROXY, ISTIO_LAB_MIRROR), or install Go with a "
                "module proxy in reach (GOPROXY). Then run the same command again.",
            )
        return {name: _file(name, artifact) for name, artifact in wanted.items()}

    def _ask(
        self,
        wanted: Mapping[str, Artifact],
        source: str,
        address: Callable[[Artifact], str],
        fetch: Callable[[str, Mapping[str, Artifact], Path], Path],
    ) -> None:
        """Ask one kind of source for what is still missing, once for all artifacts of the same URL or module."""
        by_address: defaultdict[str, dict[str, Artifact]] = defaultdict(dict)
        for name, artifact in _missing(wanted).items():
            by_address[address(artifact)][name] = artifact
        for where, artifacts in by_address.items():
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
    """Copy some paths out of an archive, without its top folder; links become the files they point to."""
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
    """Return the pins, checked against the catalogue."""
    from lab.toolchain import lockfile

    lock: Lock = lockfile.load()
    for name, (repository, kind, inside) in CATALOG.items():
        pin = lock.artifacts.get(name)
        if not pin or (pin.kind, pin.path, pin.version) != (kind, inside, repository.version):
            raise LabError(
                f"{resolution.LOCK_FILE.name} does not pin {name} of {repository.version}.", "Run `lab lock`."
            )
    return {name: lock.artifacts[name] for name in CATALOG}


def _file(name: str, artifact: Artifact) -> Path:
    """Return an artifact's path in the cache, under its own name, since Helm looks at the names of chart folders."""
    return (paths.cache() / "artifacts" / name / artifact.sha256[:12] / name).absolute()


def _missing(wanted: Mapping[str, Artifact]) -> dict[str, Artifact]:
    """Return what is not in the cache, or was changed there."""
    return {name: pin for name, pin in wanted.items() if not _intact(_file(name, pin), pin)}


def _intact(file: Path, artifact: Artifact) -> bool:
    return file.exists() and hash_of(file) == artifact.sha256


def _status(name: str, artifact: Artifact) -> ArtifactStatus:
    file = _file(name, artifact)
    if _intact(file, artifact):
        return ArtifactStatus(name, artifact.version, _origin(file), file, "")
    from lab.toolchain import forecast

    now = str(forecast.foresee_artifact(artifact))
    if not file.exists():
        return ArtifactStatus(name, artifact.version, "missing", None, "Run `lab setup`.", now)
    return ArtifactStatus(name, artifact.version, "changed", file, f"Delete {file.parent}, then run `lab setup`.", now)


def _origin(file: Path) -> str:
    origin = cache.origin(file.parent)
    return f"cache ({origin.source} {origin.when})" if origin else "cache"


def _resolution_file() -> Path:
    return paths.home() / "artifacts.json"


def _inputs() -> str:
    return resolution.hash_of((resolution.LOCK_FILE, Path(versions.__file__), Path(__file__)))

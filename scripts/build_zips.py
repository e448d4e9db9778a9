"""The Lambda zips: our code and the locked dependencies for Lambda's platform, byte for byte the
same each time.

`python scripts/build_zips.py [--architecture arm64|x86_64] [--out build]` prints each zip's size
and SHA-256. Every entry has one fixed time and mode and a place in sorted order, so equal content
gives equal zips and a deployment that changes nothing uploads nothing.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import grimp

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # grimp finds the packages by it
LOCK = ROOT / "infra" / "lambda.lock"
PLATFORMS = {
    "arm64": "aarch64-manylinux_2_28",
    "x86_64": "x86_64-manylinux_2_28",
}  # Amazon Linux 2023 has glibc 2.34
PYTHON = "3.12"
THEN = (1980, 1, 1, 0, 0, 0)  # the first moment a zip can name
# Nothing that a function runs imports the command line's tables; tests/infra runs each zip alone to
# prove it.
NEVER_IMPORTED = frozenset({"click", "rich", "Pygments", "markdown-it-py", "mdurl"})
NOT_BY_PAGES = frozenset({"aws-xray-sdk", "boto3", "s3transfer", "wrapt"})


@dataclass(frozen=True, slots=True)
class Zip:
    """One zip: whose handler it carries, the distributions it does
    without, the AWS services it speaks to.
    """

    handler: str
    without: frozenset[str]
    aws: frozenset[str]


ZIPS = (
    Zip("query", NEVER_IMPORTED | NOT_BY_PAGES, frozenset({"dynamodb"})),
    Zip(
        "data_management",
        NEVER_IMPORTED,
        frozenset({"drs", "dynamodb", "ec2", "lambda", "sts", "xray"}),
    ),
    Zip("publisher", NEVER_IMPORTED | NOT_BY_PAGES, frozenset({"dynamodb"})),
    Zip("execution", NEVER_IMPORTED, frozenset({"drs", "dynamodb", "ec2", "stepfunctions", "sts"})),
)


def install(architecture: str) -> Path:
    """A folder with the locked dependencies for this platform; kept until the lock changes."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = ROOT / ".cache" / "zips" / f"{architecture}-{digest}"
    if folder.exists():
        return folder
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--system-certs",
        "--no-deps",
        "--require-hashes",
    ]
    command += [
        "--only-binary",
        ":all:",
        "--python-version",
        PYTHON,
        "--python-platform",
        PLATFORMS[architecture],
    ]
    subprocess.run([*command, "--target", unfinished, "-r", LOCK], check=True)
    unfinished.rename(folder)
    return folder


def dependencies(folder: Path, spec: Zip) -> Iterator[tuple[str, Path]]:
    """Name in the zip and file, for what this zip needs of the dependencies."""
    for metadata in folder.glob("*.dist-info"):
        distribution = Distribution.at(metadata)
        if distribution.name in spec.without:
            continue
        for file in distribution.files or []:
            name = file.as_posix()
            if (
                not name.startswith(("..", "bin/"))
                and not name.endswith((".pyc", ".pyi"))
                and _is_needed(name, spec)
            ):
                yield name, folder / name


def _is_needed(name: str, spec: Zip) -> bool:
    """Of a dist-info the version alone, of botocore's models those of the services we speak to."""
    first, _, rest = name.partition("/")
    if first.endswith(".dist-info"):
        return rest == "METADATA"
    if not name.startswith("botocore/data/"):
        return True
    parts = name.split("/")[2:]
    return len(parts) == 1 or parts[0] in spec.aws


def own_code(spec: Zip) -> Iterator[tuple[str, Path]]:
    """Name in the zip and file, for the handler and what it imports
    of ours, however late: no more, no less.
    """
    handler = f"services.{spec.handler}.handler"
    graph = _imports()
    imported = {handler, *graph.find_upstream_modules(handler)}
    for module in sorted({package for name in imported for package in _with_packages(name)}):
        base = ROOT.joinpath(*module.split("."))
        file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        yield file.relative_to(ROOT).as_posix(), file


@cache
def _imports() -> grimp.ImportGraph:
    """Who imports whom in the product; imports for type checkers alone are not among them."""
    return grimp.build_graph(
        "cache", "services", exclude_type_checking_imports=True, cache_dir=None
    )


def _with_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


COMPILE = """
import json, py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for source, compiled, name in json.load(sys.stdin):
    py_compile.compile(source, cfile=compiled, dfile=name, invalidation_mode=mode)
"""


def bytecode(files: dict[str, Path], folder: Path) -> Iterator[tuple[str, Path]]:
    """Name in the zip and file of each module's bytecode, made in `folder`.

    Lambda's code folder cannot be written, so without it every cold start compiles what it imports,
    which takes about twice the CPU of all the rest. In a process of its own: the order of a set of
    constants depends on the hash seed.
    """
    if sys.version_info[:2] != (3, 12):
        print(
            "!! Not built by Python 3.12: the zips have no bytecode and start slower",
            file=sys.stderr,
        )
        return
    wanted = []
    for name, source in files.items():
        if name.endswith(".py"):
            home, _, module = name.rpartition("/")
            compiled = f"{home}/__pycache__/{module.removesuffix('.py')}.cpython-312.pyc".lstrip(
                "/"
            )
            wanted.append((str(source), compiled, name))
    jobs = [
        (source, str(folder / compiled), f"/var/task/{name}") for source, compiled, name in wanted
    ]
    command, seed = [sys.executable, "-c", COMPILE], {"PYTHONHASHSEED": "0"}
    subprocess.run(command, input=json.dumps(jobs), text=True, env=seed, check=True)
    yield from (
        (compiled, folder / compiled) for _, compiled, _ in wanted if (folder / compiled).exists()
    )


def write(target: Path, files: dict[str, Path]) -> None:
    """A zip with these files that depends on nothing but their names and content."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, THEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            entry.create_system = 3  # Unix, whatever built it
            archive.writestr(entry, files[name].read_bytes())


def build(architecture: str, out: Path) -> list[Path]:
    """All zips, newly written."""
    folder = install(architecture)
    out.mkdir(parents=True, exist_ok=True)
    targets = []
    for spec in ZIPS:
        target = out / f"{spec.handler}.zip"
        files = dict(dependencies(folder, spec)) | dict(own_code(spec))
        with TemporaryDirectory() as compiled:
            write(target, files | dict(bytecode(files, Path(compiled))))
        targets.append(target)
    return targets


def main() -> None:
    """Builds, and prints what was built."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architecture", choices=PLATFORMS, default="arm64")
    parser.add_argument("--out", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    for target in build(options.architecture, options.out):
        content = target.read_bytes()
        print(
            f"{target.name:<22}{len(content) / 1e6:6.2f} MB  {hashlib.sha256(content).hexdigest()}"
        )


if __name__ == "__main__":
    main()

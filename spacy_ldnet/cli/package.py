"""`ldnet package`: an installable Python package of language models."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

import srsly
from spacy.cli._util import Arg, Opt, string_to_list
from spacy.cli.package import create_file, get_build_formats, has_build
from spacy.util import get_minor_version_range, load_config
from thinc.api import Config
from wasabi import MarkdownRenderer, msg

from ..about import __title__, __version__
from ..errors import Errors
from ..lm_directory import (
    CHECKSUMS,
    CONFIG_FILE,
    DIRECTIONS,
    META_FILE,
    WORDS_FILE,
    checksums,
    find_language_models,
    read_meta,
    read_vocabulary,
    read_weights,
    require_files,
    weights_file,
)
from ..util import require_torch, write_folder
from ._util import app

#: The name of the command in the mark of the folders that it writes.
COMMAND = "ldnet package"
#: Files that are written by hand, so existing ones are kept.
TEXTS = ("README.md", "LICENSE", "LICENSES_SOURCES")
SUFFIXES = {"wheel": "-py3-none-any.whl", "sdist": ".tar.gz"}

TEMPLATE_PYPROJECT = """
[build-system]
requires = ["setuptools>=64", "wheel"]
build-backend = "setuptools.build_meta"

[project]
name = {name}
version = {version}
description = {description}
readme = "README.md"
dependencies = {requirements}

[tool.setuptools]
packages = [{name}]
include-package-data = false

[tool.setuptools.package-data]
{name} = ["*"]
""".lstrip()

TEMPLATE_INIT = '''
"""Language models for spacy-ldnet: `--paths.lm {name}`, `--paths.init_from {name}`."""

__version__ = {version}
'''.lstrip()


@app.command("package")
def package_cli(
    # fmt: off
    model_path: str = Arg(
        ...,
        help="Language models: a directory (model-best) or an installed package",
    ),
    output_dir: Path = Arg(..., help="Output parent directory"),
    name: Optional[str] = Opt(
        None,
        "--name",
        "-n",
        help="Import name of the package. By default lm_LANG",
    ),
    package_version: str = Opt("0.1.0", "--version", "-v", help="Package version"),
    build: str = Opt(
        "wheel",
        "--build",
        "-b",
        help="Comma-separated formats to build. Choices: sdist, wheel, none",
    ),
    force: bool = Opt(
        False,
        "--overwrite",
        "--force",
        "-f",
        "-F",
        help="Replace the package's directory if it exists",
    ),
    # fmt: on
) -> None:
    """
    Make an installable Python package of language models. Once it is installed, its name
    can be given wherever a directory of language models is expected.
    """
    sdist, wheel = get_build_formats(string_to_list(build))
    formats = [form for form, wanted in (("sdist", sdist), ("wheel", wheel)) if wanted]
    try:
        path = package(
            model_path,
            output_dir,
            name=name,
            version=package_version,
            formats=formats,
            force=force,
        )
    except ValueError as error:
        msg.fail(f"'{model_path}' was not packaged", str(error), exits=1)
    stem = re.sub("_+", "_", path.name)
    for form in formats:
        file = path / "dist" / f"{stem}{SUFFIXES[form]}"
        msg.good(f"Built {form} ({file.stat().st_size / 1e6:.1f} MB)", file)
    import_name = path.name.rpartition("-")[0]
    msg.info(f"Installed with pip, they load by name: --paths.lm {import_name}")


def package(
    model_path: str,
    output_dir: Path,
    *,
    name: Optional[str] = None,
    version: str = "0.1.0",
    formats: Sequence[str] = ("wheel",),
    force: bool = False,
) -> Path:
    """Make the directory of a Python package of language models, and build the package.

    model_path (str): Directory of language models, or name of an installed package.
    output_dir (Path): Parent directory. It is created if it is missing.
    name (Optional[str]): Import name of the package; None for `lm_` and the language.
    version (str): Version of the package.
    formats (Sequence[str]): Formats to build: "sdist", "wheel".
    force (bool): Replace an existing directory.
    RETURNS (Path): The directory, `output_dir/NAME-VERSION`.
    RAISES (ValueError): If there are no language models, the name or the version is
        unusable, the directory exists, or the build failed.
    """
    source = find_language_models(model_path)
    weights = map(weights_file, DIRECTIONS)
    require_files(source, [META_FILE, CONFIG_FILE, WORDS_FILE, *weights])
    meta = read_meta(source)
    name = name or f"lm_{meta.get('lang', 'xx')}"
    if not re.fullmatch(r"[a-zA-Z]\w*", name, flags=re.ASCII):
        reason = "a name that Python can import: letters, digits and _"
        raise ValueError(Errors.E155.format(what="name", value=name, reason=reason))
    if not re.fullmatch(r"\d+(\.\d+)*((a|b|rc|\.post|\.dev)\d+)?", version):
        reason = "a version such as 0.1.0 or 1.0.0rc1"
        raise ValueError(
            Errors.E155.format(what="version", value=version, reason=reason)
        )
    if formats and not has_build():
        raise ValueError(Errors.E157.format(reason="the package 'build' is missing"))
    path = output_dir / f"{name}-{version}"
    if path.exists() and not force:
        raise ValueError(Errors.E156.format(path=path))
    meta = {**meta, "name": name, "version": version}
    write_folder(
        path,
        lambda fresh: _write(source, fresh, meta),
        command=COMMAND,
        inputs=[source],
        is_own=lambda file: file.startswith("dist/"),
    )
    for form in formats:
        _build(path, form)
    return path


def _write(source: Path, path: Path, meta: Dict[str, Any]) -> None:
    name, inside = meta["name"], path / meta["name"]
    inside.mkdir(parents=True)
    for direction in DIRECTIONS:
        _copy_weights(source, inside, direction)
    srsly.write_json(inside / WORDS_FILE, read_vocabulary(source))
    config = load_config(source / CONFIG_FILE)
    create_file(inside / CONFIG_FILE, without_paths(config).to_str(interpolate=False))
    srsly.write_json(inside / META_FILE, {**meta, CHECKSUMS: checksums(inside)})
    for text in TEXTS:
        if (source / text).is_file():
            shutil.copy(source / text, path)
    if not (path / "README.md").exists():
        create_file(path / "README.md", model_card(meta))
    quoted = {
        "name": srsly.json_dumps(name),
        "version": srsly.json_dumps(meta["version"]),
        "description": srsly.json_dumps(_describe(meta)),
        "requirements": srsly.json_dumps([requirement()]),
    }
    create_file(path / "pyproject.toml", TEMPLATE_PYPROJECT.format(**quoted))
    init = TEMPLATE_INIT.format(name=name, version=quoted["version"])
    create_file(inside / "__init__.py", init)


def _copy_weights(source: Path, target: Path, direction: str) -> None:
    """Write the weights in float16: half the size, and as accurate."""
    require_torch("to write language models in float16")
    from ..nn.language_model import LanguageModel
    from ..nn.serialize import module_from_bytes, module_to_bytes, round_to_half

    model = module_from_bytes(LanguageModel, read_weights(source, direction))
    round_to_half(model)
    (target / weights_file(direction)).write_bytes(module_to_bytes(model))


def _build(path: Path, form: str) -> None:
    command = [sys.executable, "-m", "build", ".", f"--{form}"]
    # If the build tools are installed here, no environment has to be made for them.
    if _has("setuptools", 64) and _has("wheel", 0):
        command.append("--no-isolation")
    done = subprocess.run(command, cwd=path, capture_output=True, text=True)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        reason = lines[-1] if lines else f"exit code {done.returncode}"
        raise ValueError(Errors.E157.format(reason=reason))
    for left_over in [path / "build", *path.glob("*.egg-info")]:
        shutil.rmtree(left_over, ignore_errors=True)


def _has(name: str, major: int) -> bool:
    try:
        return int(version(name).split(".")[0]) >= major
    except PackageNotFoundError:
        return False


def requirement() -> str:
    """RETURNS (str): The requirement for versions that can read these language models."""
    return f"{__title__}{get_minor_version_range(__version__)}"


def without_paths(config: Config) -> Config:
    """config (Config): The config of a pretraining, not interpolated.
    RETURNS (Config): A copy without the paths of the machine it ran on.
    """
    config = config.copy()
    for block in [*config.get("corpora", {}).values(), config.get("pretraining", {})]:
        for key in ("path", "init_from"):
            if key in block and not str(block[key]).startswith("${"):
                block[key] = None
    for key in config.get("paths", {}):
        config["paths"][key] = None
    return config


def model_card(meta: Dict[str, Any]) -> str:
    """meta (Dict[str, Any]): The meta.json of language models, with name and version.
    RETURNS (str): A README for their package, in Markdown.
    """
    md = MarkdownRenderer()
    seen = meta.get("words_seen", {})
    rows = [
        ("Name", md.code(meta["name"])),
        ("Version", md.code(meta["version"])),
        ("Language", md.code(meta.get("lang", "xx"))),
        ("Words in the vocabulary", f"{meta['vocabulary'].get('words', 0):,}"),
        ("Words read", _by_direction(seen, "{:,}")),
        ("Held-out perplexity", _by_direction(meta.get("perplexity", {}), "{:.1f}")),
        ("Sources of the text", meta.get("sources") or "not given"),
        ("Licence of the text", meta.get("license") or "not given"),
        ("Reads with", md.code(requirement())),
    ]
    md.add(md.title(1, meta["name"]))
    md.add(_describe(meta))
    md.add(md.table(rows, ["", ""]))
    use = f"--paths.lm {meta['name']}\n--paths.init_from {meta['name']}"
    md.add("Give their name to train a pipeline on them, or to continue pretraining:")
    md.add(md.code_block(use))
    return md.text + "\n"


def _describe(meta: Dict[str, Any]) -> str:
    return f"Forward and backward language model ({meta.get('lang')}) for {__title__}."


def _by_direction(values: Dict[str, Any], form: str) -> str:
    parts = [f"{name} {form.format(value)}" for name, value in values.items()]
    return ", ".join(parts) or "not given"

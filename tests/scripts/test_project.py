"""Both projects: what reaches the commands that their steps run."""

from pathlib import Path

import pytest
from weasel.cli.document import project_document
from weasel.util import load_project_config

ROOT = Path(__file__).resolve().parents[2]
#: A command of the package, and one that `python -m spacy` has.
WORDS = ("corpus",)
TRAININGS = ("spacy train", "ldnet pretrain", "/pretrain.py", "/transformer.py")
PROJECTS = [ROOT, ROOT / "experiments"]


@pytest.mark.parametrize("folder", PROJECTS, ids=["workflow", "experiments"])
def test_language_seed_and_gpu_reach_every_training(folder):
    overrides = {"vars.lang": "de", "vars.seed": 7, "vars.gpu": 3}
    project = load_project_config(folder, overrides=overrides)
    scripts = [line for command in project["commands"] for line in command["script"]]
    trainings = [s for s in scripts if any(name in s for name in TRAININGS)]
    assert len(trainings) >= 4
    for script in trainings:
        for option in ("--nlp.lang de", "--system.seed 7", "--gpu-id 3"):
            assert option in script, script
        # The workflow `own` has one folder, and no seeds side by side.
        assert "training/7/" in script or "/own/" in script, script


@pytest.mark.parametrize("folder", PROJECTS, ids=["workflow", "experiments"])
def test_each_path_is_one(folder):
    """An entry that is a variable alone is merged with the one after it."""
    for command in load_project_config(folder)["commands"]:
        for path in [*command.get("deps", []), *command.get("outputs", [])]:
            assert ", " not in path, command["name"]


@pytest.mark.parametrize("run", [".", "runs/news"])
def test_a_run_reads_and_makes_nothing_of_another_one(run):
    project = load_project_config(ROOT, overrides={"vars.run": run})
    made = [path for c in project["commands"] for path in c.get("outputs", [])]
    paths = made + [path for c in project["commands"] for path in c.get("deps", [])]
    words = {
        word
        for command in project["commands"]
        for line in command["script"]
        for word in line.split()
        if command["name"] != "quick"
    }
    names = ("corpus", "training", "metrics", "packages", "own")
    for name in {*paths, *words}:
        parts = Path(name).parts
        assert not parts or parts[0] not in names or run == "." or name in WORDS, name
    for path in made:
        assert path.startswith((f"{run}/", "assets/")), path


@pytest.mark.parametrize("folder", PROJECTS, ids=["workflow", "experiments"])
def test_every_step_runs_python_and_says_what_it_does(folder):
    for command in load_project_config(folder)["commands"]:
        assert command["help"], command["name"]
        for line in command["script"]:
            words = line.split()
            assert words[0] == "python", line
            if words[1] == "-m":
                assert words[2] == "spacy", line
            else:
                assert (folder / words[1]).is_file(), line


def test_the_readme_of_the_experiments_names_their_steps(tmp_path):
    made = tmp_path / "README.md"
    project_document(ROOT / "experiments", made, no_emoji=True)
    readme = (ROOT / "experiments" / "README.md").read_text(encoding="utf8")
    assert made.read_text(encoding="utf8").strip() in readme, (
        "run: python -m spacy project document experiments --no-emoji "
        "--output experiments/README.md"
    )

"""The workflow is whole: names, limits, files passed from step to step."""

from pathlib import Path

import pytest
import quick
import seeds
import srsly
from weasel.cli.run import check_rerun, update_lockfile
from weasel.util import load_project_config

from spacy_ldnet.util import list_files

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project():
    return srsly.read_yaml(ROOT / "project.yml")


def test_limits_are_variables_that_steps_use(project):
    scripts = " ".join(line for c in project["commands"] for line in c["script"])
    used = " ".join([scripts, *map(str, project["vars"].values())])
    for name in quick.LIMITS:
        assert name in project["vars"], name
        assert f"${{vars.{name}}}" in used, name
    unused = [n for n in project["vars"] if f"${{vars.{n}}}" not in used]
    assert not unused


def test_overrides_reach_the_steps(tmp_path: Path):
    quick.copy_project(ROOT, tmp_path / "copy")
    overrides = {f"vars.{name}": value for name, value in quick.LIMITS.items()}
    config = load_project_config(tmp_path / "copy", overrides=overrides)
    commands = {c["name"]: " ".join(c["script"]) for c in config["commands"]}
    assert f"--training.max_steps {quick.LIMITS['train_steps']}" in commands["train"]
    assert f"--labelled {quick.LIMITS['labelled']}" in commands["annotate"]


def test_steps_that_are_not_part_of_all(project):
    steps = {step for steps in project["workflows"].values() for step in steps}
    names = {command["name"] for command in project["commands"]}
    apart = {
        "quick",
        "seeds",
        "finetune",
        "retrain",
        "rewind",
        "teach",
        "visualize",
    }
    assert names - steps == apart
    baselines = {"baseline", "peer", "transformer"}
    assert not baselines & {*project["workflows"]["all"]}
    assert baselines < {*project["workflows"]["compare"]}


def test_deps_are_made_by_earlier_steps(project):
    config = load_project_config(ROOT)
    commands = {command["name"]: command for command in config["commands"]}
    made = {"assets/brown"}
    for name in [*config["workflows"]["all"], *config["workflows"]["compare"]]:
        for dep in commands[name].get("deps", []):
            known = dep in made or any(path.startswith(f"{dep}/") for path in made)
            assert known or (ROOT / dep).is_file(), (name, dep)
        outputs = commands[name].get("outputs", [])
        outputs = [*outputs, *commands[name].get("outputs_no_cache", [])]
        assert outputs or name in ("check", "summary", "table"), name
        made.update(outputs)


def write(path: Path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.name)


@pytest.mark.parametrize("step", ["finetune", "rewind", "teach", "transformer"])
def test_rows_of_steps_beside_the_workflow_are_evaluated(tmp_path: Path, step: str):
    commands = {c["name"]: c for c in load_project_config(ROOT)["commands"]}
    evaluate = commands["evaluate"]
    for name in [*evaluate["deps"], *evaluate["outputs"]]:
        if Path(name).suffix:
            write(tmp_path / name)
    update_lockfile(tmp_path, evaluate)
    assert not check_rerun(tmp_path, evaluate)
    write(tmp_path / next(o for o in commands[step]["outputs"] if "model-best" in o))
    assert check_rerun(tmp_path, evaluate)


def test_copy_leaves_out_what_the_workflow_made(tmp_path: Path):
    source = tmp_path / "source"
    for name in ("scripts/a.py", "corpus/train.spacy", "training/x", "assets/b.txt"):
        write(source / name)
    (source / "project.yml").write_text("title: x")
    target = source / ".quick"
    (target / "old").mkdir(parents=True)
    quick.copy_project(source, target)
    expected = ["assets/b.txt", "project.yml", "scripts/a.py"]
    assert list_files(target) == expected
    # What the workflow makes goes with the copy, what the user puts there does not.
    for name in ("training/0/x", "project.lock", "scripts/__pycache__/a.pyc"):
        write(target / name)
    quick.copy_project(source, target)
    assert list_files(target) == expected
    (target / "scripts" / "a.py").write_text("changed")
    write(target / "notes.txt")
    with pytest.raises(ValueError, match="E121.*'notes.txt', 'scripts/a.py'"):
        quick.copy_project(source, target)
    assert (target / "notes.txt").exists()


def test_seeds_train_once_each_and_go_on(tmp_path: Path, monkeypatch):
    script = "import sys; open('log.txt', 'a').write(' '.join(sys.argv[1:]) + ',')"
    (tmp_path / "step.py").write_text(
        script + "\nopen(f'training/{sys.argv[1]}-{sys.argv[2]}.txt', 'w').write('x')\n"
    )
    commands = [
        {
            "name": name,
            "script": [f"python step.py {name} ${{vars.seed}}"],
            "deps": ["step.py"],
            "outputs": [f"${{vars.run}}/training/{name}-${{vars.seed}}.txt"],
        }
        for name in ("train", "prune")
    ]
    commands.append({"name": "report", "script": ["python x.py"], "outputs": ["a"]})
    workflows = {"all": ["train", "prune", "report"]}
    data = {
        "vars": {"seed": 0, "run": "."},
        "commands": commands,
        "workflows": workflows,
    }
    srsly.write_yaml(tmp_path / "project.yml", data)
    (tmp_path / "training").mkdir()
    monkeypatch.chdir(tmp_path)
    seeds.run_seed(tmp_path, 0)
    seeds.run_seed(tmp_path, 1)
    log = (tmp_path / "log.txt").read_text()
    assert log.count(",") == 2 * 2
    (tmp_path / "training" / "prune-1.txt").unlink()
    seeds.run_seed(tmp_path, 0)
    seeds.run_seed(tmp_path, 1)
    assert (tmp_path / "log.txt").read_text() == log + "prune 1,"
    lock = srsly.read_yaml(tmp_path / "project.lock")
    assert set(lock) >= {"train", "train (seed 1)"}

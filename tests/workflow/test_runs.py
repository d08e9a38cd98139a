"""Runs beside each other: folders, locks, and names that are refused."""

from pathlib import Path

import pytest
import srsly
import weasel.cli.run
from weasel.cli.run import project_run

from spacy_ldnet.cli._arguments import check_arguments


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two steps, of which one reads what the other made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(weasel.cli.run, "PROJECT_LOCK", "project.lock")
    Path("step.py").write_text(
        "import sys; name, text, made = sys.argv[1:]\n"
        "open('log.txt', 'a').write(f'{name} ')\n"
        "open(made, 'w').write(text)\n"
    )
    folder = "${vars.run}/corpus"
    commands = [
        {
            "name": "one",
            "script": [f"python step.py one ${{vars.text}} {folder}/a"],
            "outputs": [f"{folder}/a"],
        },
        {
            "name": "two",
            "script": [f"python step.py two x {folder}/b"],
            "deps": [f"{folder}/a"],
            "outputs": [f"{folder}/b"],
        },
    ]
    content = {
        "spacy_ldnet": {"own_lock": True},
        "vars": {"run": ".", "text": "a"},
        "directories": [folder],
        "workflows": {"all": ["one", "two"]},
        "commands": commands,
    }
    srsly.write_yaml("project.yml", content)
    return tmp_path


def run(project, **variables):
    """What `python -m spacy project run all .` does; RETURNS the steps that ran."""
    Path("log.txt").write_text("")
    overrides = {f"vars.{name}": value for name, value in variables.items()}
    words = [word for k, v in overrides.items() for word in (f"--{k}", v)]
    check_arguments(["spacy", "project", "run", "all", ".", *words], {})
    project_run(project, "all", overrides=overrides)
    return Path("log.txt").read_text().split()


def test_each_run_has_its_own_lock(project):
    assert run(project) == ["one", "two"]
    assert run(project, run="runs/news", text="b") == ["one", "two"]
    assert run(project) == run(project, run="runs/news", text="b") == []
    # Only what changed: the first step makes something else, so the second runs, too.
    assert run(project, text="c") == ["one", "two"]
    assert run(project, run="runs/news", text="b") == []
    assert Path("project.lock").is_file() and Path("runs/news/project.lock").is_file()
    Path("runs/news/corpus/b").unlink()
    assert run(project, run="runs/news", text="b") == ["two"]


@pytest.mark.parametrize("name", ["mine", "step.py", "", "two words", "a'b"])
def test_other_folders_are_no_runs(project, capsys, name):
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("dear")
    with pytest.raises(SystemExit):
        check_arguments(["spacy", "project", "run", "all", ".", "--vars.run", name], {})
    assert "E204" in capsys.readouterr().out
    assert weasel.cli.run.PROJECT_LOCK == "project.lock"


def test_an_interrupted_training_says_that_it_starts_over(project, capsys):
    best = Path("runs/a/training/0/ldnet/model-best/meta.json")
    train = [
        "spacy",
        "train",
        "x.cfg",
        "--output",
        "runs/a/training/0/ldnet",
        "-g",
        "0",
    ]
    config = srsly.read_yaml("project.yml")
    step = {"name": "train", "script": [], "outputs": ["${vars.run}/" + str(best)[7:]]}
    config["commands"] = [step]
    config["workflows"] = {"all": ["train"]}

    def is_said():
        check_arguments(train, {})
        return "W068" in capsys.readouterr().out

    assert not is_said()  # nothing was there
    best.parent.parent.mkdir(parents=True)
    srsly.write_yaml("runs/a/project.lock", {})
    assert is_said()  # killed before the first evaluation
    best.parent.mkdir()
    best.write_text("first")
    assert is_said()  # and after it
    srsly.write_yaml("project.yml", config)
    run(project, run="runs/a")
    assert not is_said()  # its step ended, and begins again since its data changed
    best.write_text("second")
    assert is_said()
    srsly.write_yaml("project.yml", {})
    assert not is_said()  # no project of ours

"""What project.yml passes on to the commands that it runs."""

from pathlib import Path

import srsly

PROJECT = srsly.read_yaml(Path(__file__).resolve().parents[2] / "project.yml")


def test_the_language_reaches_every_training():
    scripts = [line for command in PROJECT["commands"] for line in command["script"]]
    trainings = [s for s in scripts if "spacy train" in s or "ldnet pretrain" in s]
    assert len(trainings) >= 7
    for script in trainings:
        assert "--nlp.lang ${vars.lang}" in script, script

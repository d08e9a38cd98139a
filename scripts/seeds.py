"""Repeat the trainings for several seeds, then evaluate and report them together."""

import os
from pathlib import Path
from typing import Any, Dict, List

import typer
from wasabi import msg
from weasel.cli.run import check_rerun, project_run, run_commands, update_lockfile
from weasel.util import load_project_config

from spacy_ldnet.workflow.runs import use_lock

#: Whose trainings are repeated.
WORKFLOWS = ("all", "compare")


def load_commands(directory: Path, seed: int, run: str) -> Dict[str, Dict[str, Any]]:
    """The training commands of the workflows `all` and `compare`, for one seed.

    directory (Path): Root of the repository.
    seed (int): The seed. Commands of other seeds than the project's own get a name
        of their own, so that each has its own entry in the lock file.
    run (str): The folder of the run.
    RETURNS (Dict[str, Dict[str, Any]]): Name -> command.
    """
    place = {"vars.run": run}
    own = load_project_config(directory, overrides=place)["vars"]["seed"]
    config = load_project_config(directory, overrides={**place, "vars.seed": seed})
    commands = {c["name"]: dict(c) for c in config["commands"]}
    steps = [step for name in WORKFLOWS for step in config["workflows"].get(name, [])]
    # The transformer decides itself whether it is trained, and takes hours.
    chosen = {
        name: commands[name]
        for name in dict.fromkeys(steps)
        if not commands[name].get("no_skip")
        and any(
            path.startswith(f"{run}/training/")
            for path in commands[name].get("outputs", [])
        )
    }
    if seed != own:
        for name, command in chosen.items():
            command["name"] = f"{name} (seed {seed})"
    return chosen


def run_seed(directory: Path, seed: int, run: str = ".") -> None:
    """Train all pipelines with one seed; finished trainings are skipped.

    directory (Path): Root of the repository, also the working directory.
    seed (int): The seed.
    run (str): The folder of the run.
    """
    for command in load_commands(directory, seed, run).values():
        msg.divider(f"{command['name']}, seed {seed}")
        missing = [dep for dep in command["deps"] if not (directory / dep).exists()]
        if missing:
            msg.fail(
                f"Missing: {', '.join(missing)}",
                "Run the workflow once first: python -m spacy project run all",
                exits=1,
            )
        if not check_rerun(directory, command):
            msg.info("Skipped: nothing changed")
            continue
        run_commands(command["script"])
        update_lockfile(directory, command)


def main(
    seeds: List[int] = typer.Argument(
        None, help="The seeds; 0, 1 and 2 if none is given"
    ),
    run: str = typer.Option(".", help="Folder of the run"),
) -> None:
    """Train every pipeline with several seeds, each on language models of the same seed,
    and evaluate them together. Finished trainings are skipped."""
    directory = Path.cwd()
    # The trainings inherit it: waiting threads sleep instead of spinning.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    use_lock(Path(run))
    for seed in seeds or [0, 1, 2]:
        run_seed(directory, seed, run)
    overrides = {"vars.run": run}
    project_run(directory, "evaluate", overrides=overrides, force=True)
    project_run(directory, "report", overrides=overrides, force=True)


if __name__ == "__main__":
    typer.run(main)

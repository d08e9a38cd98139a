"""The files for those who carry on: versions, linters and addresses agree."""

import configparser
import re

import pytest
import srsly
from blocks import ROOT

from spacy_ldnet.about import __url__, __version__
from spacy_ldnet.file_format import FORMAT_VERSION

SETUP = configparser.ConfigParser(delimiters=("=",))
SETUP.read(ROOT / "setup.cfg", encoding="utf8")
EXTRAS = SETUP["options.extras_require"]


def read(name):
    return (ROOT / name).read_text(encoding="utf8")


def version_of(package, section):
    return re.search(rf"^{package}(.*)$", section, flags=re.MULTILINE)[1].strip()


def test_the_table_of_compatibility_is_that_of_the_installation():
    required = SETUP["options"]["install_requires"]
    cells = [
        SETUP["metadata"]["version"],
        version_of("spacy", required),
        version_of("thinc", required),
        SETUP["options"]["python_requires"],
        version_of("torch", EXTRAS["train"]),
        version_of("spacy-transformers", EXTRAS["transformers"]),
        str(FORMAT_VERSION),
    ]
    assert f"| {' | '.join(cells)} |" in read("docs/start/compatibility.md")


def test_the_citation_has_the_version():
    citation = srsly.read_yaml(ROOT / "CITATION.cff")
    assert citation["version"] == __version__ == SETUP["metadata"]["version"]
    assert citation.get("repository-code", "") == __url__


def test_the_changelog_has_the_usual_sections():
    heads = re.findall(r"^### (.*)$", read("CHANGELOG.md"), flags=re.MULTILINE)
    usual = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert heads and set(heads) <= usual
    assert "## [Unreleased]" in read("CHANGELOG.md")


def test_the_workflow_runs_on_every_python_that_is_supported():
    workflow = srsly.read_yaml(ROOT / ".github/workflows/tests.yml")
    jobs = workflow["jobs"]
    supported = re.findall(
        r"Python :: (\d\.\d+)$", SETUP["metadata"]["classifiers"], re.M
    )
    assert jobs["linux"]["strategy"]["matrix"]["python"] == supported
    assert any(step.get("run") == ".ci/run" for step in jobs["linux"]["steps"])
    tested = jobs["others"]["steps"][-1]["run"].split()
    paths = [ROOT / word for word in tested if word.startswith("tests/")]
    assert len(paths) > 3 and all(path.exists() for path in paths)
    # The index with the CPU build of torch comes from a variable only.
    assert not re.search(r"https?://", read(".github/workflows/tests.yml"))


def test_pre_commit_runs_the_linters_of_ci():
    config = srsly.read_yaml(ROOT / ".pre-commit-config.yaml")
    hooks = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]
    commands = read(".ci/run").partition("== lint")[2]
    for entry in hooks:
        command = " ".join(entry.replace(" --force-exclude", "").split())
        assert re.search(rf"^{command}\b", commands, flags=re.MULTILINE), entry
    assert len(hooks) == len(
        re.findall(r"^(?:ruff|mypy) ", commands, flags=re.MULTILINE)
    )


@pytest.mark.parametrize("name", ["bug", "question"])
def test_issues_ask_for_the_installation_and_the_config(name):
    form = srsly.read_yaml(ROOT / f".github/ISSUE_TEMPLATE/{name}.yml")
    fields = {item["id"]: item["attributes"]["label"] for item in form["body"]}
    assert "python -m spacy info" in fields["info"] and "config" in fields

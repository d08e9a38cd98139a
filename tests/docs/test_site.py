"""The documentation's pages that are made from the code, and the site as a whole."""

import re
import subprocess
import sys

import codes
import commands
import pytest
import registered
import srsly
import steps
from blocks import ROOT
from docstring_parts import read_docstring

from spacy_ldnet.cli import app

#: What a browser would fetch by itself from another server.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]+src=["']?(?:https?:)?//|"""
    r"""<link[^>]+rel=["']?(?:stylesheet|preconnect|icon)[^>]+href=["']?(?:https?:)?//|"""
    r"""(?:@import|url\()\s*["']?(?:https?:)?//"""
)


def test_every_registered_name_and_setting_is_described():
    page = registered.write_reference()
    count = 0
    for registry, names in registered.read_entry_points().items():
        for name, place in names.items():
            count += 1
            assert f"### {name}\n" in page
            parts = read_docstring(registered.load(place))
            assert parts.text, f"{name} does not say what it is"
            described = set(parts.arguments)
            settings = dict(
                registered.settings_of(registry, name, registered.load(place))
            )
            assert described == set(settings), name
    assert count >= 17


def test_defaults_are_those_of_the_signatures():
    page = registered.write_reference()
    section = page.partition("### spacy-ldnet.gate_penalty.v1")[2].partition("\n### ")[
        0
    ]
    assert '@callbacks = "spacy-ldnet.gate_penalty.v1"\ncomponent = "ldnet"' in section
    assert "weight = 0.01" in section and "| `weight` | `0.01` |" in section
    # One that must be given.
    assert "path = ..." in page.partition("### spacy-ldnet.EncoderLoader.v1")[2]


def test_every_command_and_option_is_described():
    page = commands.write_commands()
    for command in app.registered_commands:
        assert f"## `python -m spacy ldnet {command.name}`" in page
    assert "--layers" in page and "--resume" in page
    assert "install-completion" not in page


@pytest.mark.parametrize("folder", ["", "experiments"])
def test_every_step_and_variable_is_described(folder):
    page = steps.write_steps()
    project = srsly.read_yaml(ROOT / folder / "project.yml")
    for command in project["commands"]:
        assert f"| `{command['name']}` | {command['help']} |" in page
    assert "| `seed` | `0` |" in page


def test_every_code_is_described():
    source = (ROOT / "spacy_ldnet" / "errors.py").read_text(encoding="utf8")
    known = set(re.findall(r"^    ([EW]\d{3}) = ", source, flags=re.MULTILINE))
    found = codes.find_codes()
    assert {code for code, _ in found} == known and len(known) > 50
    page = codes.write_codes()
    for code, message in found:
        assert f"### {code} {{ #{code} }}" in page and message.startswith(f"[{code}] ")


@pytest.mark.parametrize(
    "link, without, with_address",
    [
        ("[Files](../how/files.md#weights)", None, None),
        ("[above](#weights)", None, None),
        ("[spaCy](https://spacy.io)", None, None),
        (
            "[the study](../../experiments/depth.md#conclusions)",
            "the study (`experiments/depth.md`)",
            "[the study](https://x.example/y/blob/main/experiments/depth.md#conclusions)",
        ),
        (
            "[`project.yml`](../../project.yml)",
            "`project.yml`",
            "[`project.yml`](https://x.example/y/blob/main/project.yml)",
        ),
    ],
)
def test_links_out_of_the_site_need_an_address(
    link, without, with_address, monkeypatch
):
    site_hooks = pytest.importorskip("site_hooks", reason="needs the extra docs")

    def written():
        return site_hooks.LINK.sub(
            lambda found: site_hooks.link_file(found, "start"), link
        )

    monkeypatch.setattr(site_hooks, "__url__", "")
    assert written() == (without or link)
    monkeypatch.setattr(site_hooks, "__url__", "https://x.example/y")
    assert written() == (with_address or link)


def test_site_builds_without_warnings_and_fetches_nothing(tmp_path):
    pytest.importorskip("material", reason="the site is built with the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir"]
    done = subprocess.run(
        [*command, tmp_path / "site"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 15
    for path in [*pages, *(tmp_path / "site").rglob("*.css")]:
        found = FETCHED.search(path.read_text(encoding="utf8"))
        assert found is None, f"{path.name} fetches {found}"
    # Links to files that are not on the site, while the project has no address.
    notes = (tmp_path / "site/notes/index.html").read_text(encoding="utf8")
    assert "<code>experiments/frontier.md</code>" in notes

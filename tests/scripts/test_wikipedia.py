"""The recipe for a Wikipedia dump of another language, on a small one."""

import bz2
from xml.sax.saxutils import escape

import pytest
import wikipedia
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)

WIKI = """{{Infobox|name={{lang|de|x|}}|a=[[b]]}}
'''Alda''' ist eine [[Stadt]] im [[Landkreis Nord|Norden]] des Landes<ref>Buch [[c]]</ref> mit ''vielen'' Brücken &ndash; und einem Hafen.
== Geschichte ==
[[Datei:Alda.jpg|mini|Ein [[Haus]] am Ufer mit einer sehr langen Unterschrift, die niemand liest]]
{| class="wikitable"
| eine Zelle {{sort|1|}} mit so viel Text, dass sie wie ein Absatz aussieht, den es nicht gibt
|}
* Ein Punkt einer Liste, der lang genug für einen Absatz wäre, aber keiner ist
<!-- ein Kommentar
über zwei Zeilen -->Die Stadt ({{IPA|alda}}) hat [https://example.org/ viele Leser] und seit langem eine Bibliothek.
[[Kategorie:Stadt]]
"""
TEXT = [
    "Alda ist eine Stadt im Norden des Landes mit vielen Brücken – und einem Hafen.",
    "Die Stadt hat viele Leser und seit langem eine Bibliothek.",
]
PAGE = "<page><title>t</title><ns>{}</ns>{}<revision><text>{}</text></revision></page>"


def write_dump(path, articles):
    pages = [PAGE.format(0, "", escape(text)) for text in articles]
    pages += [
        PAGE.format(0, '<redirect title="x"/>', "Eine Weiterleitung, " * 10),
        PAGE.format(1, "", "Eine Diskussion, die niemand lesen will. " * 10),
    ]
    xml = f'<mediawiki xmlns="http://x/">{"".join(pages)}</mediawiki>'
    path.write_bytes(bz2.compress(xml.encode("utf8")))
    return path


def test_paragraphs_are_those_that_a_reader_sees():
    assert list(wikipedia.read_paragraphs(WIKI)) == TEXT
    # Without spaces, too.
    line = "これは長い段落です。" * 6
    assert list(wikipedia.read_paragraphs(f"[[{line}]]")) == [line]


def test_the_recipe_runs_on_a_small_dump(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wikipedia, "FILE_SIZE", 40_000)
    articles = [f"{WIKI}\n{TEXT[0]} Das war im Jahre {n}." for n in range(400)]
    write_dump(tmp_path / "dump.xml.bz2", articles)
    wikipedia.extract(tmp_path / "dump.xml.bz2", tmp_path / "texts")
    files = sorted((tmp_path / "texts").iterdir())
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert len(lines) == 1_200 and lines[:2] == TEXT and len(files) == 3
    for command in [
        "pretrain lm --paths.raw_text texts --nlp.lang de --model.embed 8 "
        "--model.hidden 8 --model.projection 16 --pretraining.max_steps 4 "
        "--pretraining.batch_size 8 --pretraining.side_by_side false",
        "perplexity lm/model-best texts/wikipedia-001.txt",
        "package lm/model-best packages --name lm_de --build none",
        "info packages/lm_de-0.1.0/lm_de",
    ]:
        result = CliRunner().invoke(app, ["ldnet", *command.split()])
        assert result.exit_code == 0, result.output


def test_what_cannot_be_read_is_named(tmp_path, capsys):
    path = write_dump(tmp_path / "dump.xml.bz2", [WIKI])
    cases = [(tmp_path / "none.xml.bz2", "No file")]
    cut = tmp_path / "cut.xml.bz2"
    cut.write_bytes(path.read_bytes()[:-40])
    cases += [(cut, "ends early"), (write_dump(tmp_path / "no.xml.bz2", []), "no art")]
    for dump, reason in cases:
        with pytest.raises(SystemExit):
            wikipedia.main(dump, tmp_path / "out", 0)
        assert reason in " ".join(capsys.readouterr().out.split())

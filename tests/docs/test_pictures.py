"""The committed pictures are what their scripts draw of what is committed."""

import sys

import pytest
from blocks import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
pytest.importorskip("matplotlib", reason="the pictures are drawn with matplotlib")

import draw_badges  # noqa: E402
import draw_method  # noqa: E402
import draw_results  # noqa: E402
from _common import ScriptError  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"


@pytest.mark.parametrize("script", [draw_method, draw_results, draw_badges])
def test_pictures_are_those_of_the_scripts(script, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    if script is draw_method:
        script.main(tmp_path)
    else:
        source = {draw_results: "README.md", draw_badges: "setup.cfg"}[script]
        script.main(ROOT / source, tmp_path)
    drawn = list(tmp_path.glob("*.svg"))
    assert len(drawn) == 2
    for path in drawn:
        assert path.read_bytes() == (PICTURES / path.name).read_bytes(), (
            f"docs/pictures/{path.name} is not what scripts/{script.__name__}.py draws; "
            "run the script (with the versions of constraints.txt)"
        )


def test_results_are_those_of_the_table(tmp_path):
    rows = draw_results.read_rows(ROOT / "README.md")
    assert {"no_lm", "ldnet", "ldnet_pruned", "cnn", "teacher"} <= {
        r.name for r in rows
    }
    (pruned,) = (row for row in rows if row.name == "ldnet_pruned")
    text = (ROOT / "README.md").read_text(encoding="utf8")
    assert f"{pruned.speed:,.0f}" in text and f"{pruned.f1[0]:.2f} ± " in text
    (tmp_path / "README.md").write_text("# Nothing here\n")
    with pytest.raises(ScriptError, match="no table of results"):
        draw_results.read_rows(tmp_path / "README.md")

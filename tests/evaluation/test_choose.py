"""The pruned pipeline is taken unless it costs too much."""

import re

import pytest

from spacy_ldnet.evaluation.choose import choose_pipeline


def compared(**scores):
    results = {row: {"ents_f": {"mean": f}} for row, f in scores.items()}
    rows = {row: f"own/{row}/model-best" for row in scores}
    return {"pipelines": rows, "sets": {"dev": {"results": results}}}


@pytest.mark.parametrize(
    "scores, chosen, words",
    [
        ((80.0, 78.0, 79.0), "retrained", "^retrained is taken.* lost 1.00 "),
        ((80.0, 78.0, 78.99), "full", "^The unpruned .* lost 1.01 .* may lose 1"),
        ((80.0, 79.5, 79.0), "pruned", "^pruned is taken.* lost 0.50"),
        ((80.0, 81.5, 79.0), "pruned", "gained 1.50 .*81.50 instead of 80.00"),
        ((0.0, 0.0, 0.0), "pruned", "gained 0.00"),
    ],
)
def test_choice_by_dev(scores, chosen, words):
    found = compared(**dict(zip(("full", "pruned", "retrained"), scores)))
    rows = {"whole": "full", "pruned": ["pruned", "retrained"], "gold": "dev"}
    choice = choose_pipeline(found, **rows)
    assert choice["chosen"] == chosen
    assert choice["pipeline"] == f"own/{chosen}/model-best"
    assert re.search(words, choice["reason"]), choice["reason"]
    assert choice["f1"]["full"] == scores[0]


@pytest.mark.parametrize("entities, chosen", [(199, "full"), (200, "pruned")])
def test_few_entities_do_not_show_what_pruning_costs(entities, chosen):
    found = compared(full=80.0, pruned=81.0)
    kinds = {"right": entities - 5, "missed": 5, "invented": 400}
    found["sets"]["dev"]["errors"] = {"full": {"seeds": [0], "kinds": kinds}}
    choice = choose_pipeline(found, whole="full", pruned=["pruned"], gold="dev")
    assert choice["chosen"] == chosen and choice["entities"] == entities
    assert (f"dev has {entities} entities" in choice["reason"]) == (chosen == "full")


@pytest.mark.parametrize(
    "ready, entities, chosen",
    [
        (79.5, 199, "ready"),
        (78.5, 199, "full"),
        (79.5, 200, "pruned"),
        (82.0, 200, "ready"),
    ],
)
def test_of_few_entities_a_ready_pipeline_needs_no_pruned_one(ready, entities, chosen):
    found = compared(full=80.0, pruned=81.0, ready=ready)
    kinds = {"right": entities, "missed": 0, "invented": 0}
    found["sets"]["dev"]["errors"] = {"full": {"seeds": [0], "kinds": kinds}}
    rows = {"whole": "full", "pruned": ["pruned"], "ready": "ready", "gold": "dev"}
    choice = choose_pipeline(found, **rows)
    assert choice["chosen"] == chosen, choice["reason"]
    left_out = "The pruned ones do not count: dev has 199 entities"
    assert (left_out in choice["reason"]) == (chosen == "ready" and entities == 199)


def test_more_may_be_lost_if_that_is_said():
    found = compared(full=80.0, pruned=75.0)
    rows = {"whole": "full", "pruned": ["pruned"], "gold": "dev"}
    assert choose_pipeline(found, **rows, tolerance=5)["chosen"] == "pruned"


@pytest.mark.parametrize(
    "rows, reason",
    [
        ({"whole": "full", "pruned": ["pruned"], "gold": "test"}, "no set 'test'"),
        ({"whole": "all", "pruned": ["pruned"], "gold": "dev"}, "no row all but full"),
        ({"whole": "full", "pruned": [], "gold": "dev"}, "no row"),
    ],
)
def test_what_is_missing_is_named(rows, reason):
    with pytest.raises(ValueError, match=f"E188.*{reason}"):
        choose_pipeline(compared(full=1.0, pruned=1.0), **rows)

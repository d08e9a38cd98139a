import io

import pytest
import torch
from spacy.util import registry

from spacy_ldnet.pretraining.schedules import make_schedule

ONE_CYCLE = {"@schedules": "spacy-ldnet.one_cycle.v1", "peak": 1.0, "warmup": 0.2}
PLATEAU = {"@schedules": "spacy-ldnet.plateau.v1", "rate": 0.5, "factor": 0.1}
THINC = {"@schedules": "warmup_linear.v1"}
THINC.update(initial_rate=1.0, warmup_steps=3, total_steps=12)


def build(learn_rate, steps, done=0):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])
    return optimizer, make_schedule(learn_rate).build(optimizer, steps, done)


def rates_of(learn_rate, steps, done=0):
    optimizer, schedule = build(learn_rate, steps, done)
    rates = []
    for _ in range(steps - done):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 100])
def test_one_cycle_rises_and_falls(steps):
    rates = rates_of(ONE_CYCLE, steps)
    assert len(rates) == steps and max(rates) <= 1.0
    if steps == 100:
        top = rates.index(max(rates))
        assert 18 <= top <= 20 and max(rates) == pytest.approx(1.0)
        assert rates[: top + 1] == sorted(rates[: top + 1])
        assert rates[top:] == sorted(rates[top:], reverse=True)
        assert rates[0] == pytest.approx(1 / 25) and rates[-1] == pytest.approx(1e-4)


def test_thinc_schedule_gives_the_rates_that_thinc_gives():
    series = iter(registry.resolve({"rate": THINC})["rate"])
    assert rates_of(THINC, 12) == [next(series) for _ in range(12)]


def test_a_number_is_a_constant_rate():
    assert rates_of(0.3, 4) == [0.3] * 4
    assert rates_of(1, 2) == [1.0] * 2


@pytest.mark.parametrize("block", [ONE_CYCLE, THINC, 0.1])
def test_a_later_part_has_its_stretch_of_the_rates(block):
    whole = rates_of(block, 12)
    for done in (1, 5, 11):
        assert rates_of(block, 12, done) == pytest.approx(whole[done:])


def test_plateau_cuts_when_perplexity_no_longer_falls():
    optimizer, schedule = build(PLATEAU, 100)
    rates = []
    for value in (9.0, 8.0, 8.0, 7.0, 7.5):
        schedule.step(value)
        rates.append(round(optimizer.param_groups[0]["lr"], 6))
    assert rates == [0.5, 0.5, 0.05, 0.05, 0.005]


@pytest.mark.parametrize("block", [ONE_CYCLE, THINC, 0.1])
def test_state_from_a_file_continues_alike(block):
    optimizer, schedule = build(block, 12)
    for _ in range(5):
        optimizer.step()
        schedule.step()
    file = io.BytesIO()
    torch.save([schedule.state_dict(), optimizer.state_dict()], file)
    state, groups = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    other, copy = build(block, 12)
    other.load_state_dict(groups)
    copy.load_state_dict(state)
    for _ in range(6):
        assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
        for pair in ((optimizer, schedule), (other, copy)):
            pair[0].step()
            pair[1].step()


@pytest.mark.parametrize(
    "learn_rate,reason",
    [
        (0.0, "a number above 0"),
        (True, "a number above 0"),
        ("fast", "a number above 0"),
        ({**ONE_CYCLE, "warmup": 1.0}, "warmup.*between 0 and 1"),
        ({**ONE_CYCLE, "peak": -1.0}, "peak.*above 0"),
        ({**PLATEAU, "factor": 1.5}, "factor.*between 0 and 1"),
        ({**PLATEAU, "patience": -1}, "patience.*at least 0"),
    ],
)
def test_messages_for_wrong_rates(learn_rate, reason):
    with pytest.raises(ValueError, match=f"E013.*{reason}"):
        make_schedule(learn_rate)

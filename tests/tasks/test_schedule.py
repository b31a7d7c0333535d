from __future__ import annotations

import math

import pytest

from imatfashion.config.schema import Phase, ScheduleConfig
from imatfashion.tasks.schedule import Schedule

CONFIG = ScheduleConfig([Phase(1, True, 1e-3), Phase(3, False, 2e-3)], encoder_ratio=0.1, warmup=0.25)


def test_phases_in_steps() -> None:
    schedule = Schedule.build(CONFIG, 10)
    assert [(phase.start, phase.stop) for phase in schedule.phases] == [(0, 10), (10, 40)]
    assert schedule.steps == 40


def test_a_frozen_encoder_has_rate_zero() -> None:
    schedule = Schedule.build(CONFIG, 10)
    assert [schedule.rate(step, encoder=True) for step in range(10)] == [0.0] * 10
    assert schedule.rate(20, encoder=True) == pytest.approx(0.1 * schedule.rate(20, encoder=False))


def test_one_cycle_against_its_formula() -> None:
    schedule = Schedule.build(ScheduleConfig([Phase(1, False, 1.0)], warmup=0.5), 101)
    for step in range(101):
        position = step / 100
        if position < 0.5:
            wanted = 1 - (1 - 1 / 25) * (1 + math.cos(math.pi * position / 0.5)) / 2
        else:
            wanted = 1e-4 + (1 - 1e-4) * (1 + math.cos(math.pi * (position - 0.5) / 0.5)) / 2
        assert schedule.rate(step, encoder=False) == pytest.approx(wanted)


def test_steps_past_the_end_keep_the_last_rate() -> None:
    schedule = Schedule.build(CONFIG, 10)
    assert schedule.rate(1000, encoder=False) == schedule.rate(39, encoder=False) == pytest.approx(2e-3 / 1e4)


def test_a_phase_shorter_than_a_step_has_one() -> None:
    schedule = Schedule.build(ScheduleConfig([Phase(0.1, False, 1e-3), Phase(1, False, 1e-3)]), 1)
    assert schedule.phases[0].stop == 1
    assert schedule.steps == 2

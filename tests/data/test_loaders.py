from __future__ import annotations

import pytest

from imatfashion.data.cores import core_count
from imatfashion.data.loaders import worker_count


@pytest.mark.parametrize(
    ("wanted", "cores", "most", "fork", "count"),
    [
        (-1, 1, None, True, 0),
        (-1, 2, None, True, 2),
        (-1, 64, None, True, 16),
        (-1, 8, 3, True, 3),
        (-1, 8, -2, True, 0),
        (100, 2, None, True, 4),
        (0, 8, None, True, 0),
        (3, 8, None, True, 3),
        (3, 8, None, False, 0),
    ],
)
def test_worker_count(wanted, cores, most, fork, count):
    assert worker_count(wanted, cores=cores, most=most, fork=fork) == count


def test_cores_are_shared_by_the_ranks():
    assert core_count() >= 1
    assert core_count(10_000) == 1


@pytest.mark.parametrize(("each", "tasks", "count"), [("8", "4", 8), ("8", "1", 2), ("4", "4", 2), ("", "4", 2)])
def test_tasks_that_slurm_binds_to_cores_share_none(monkeypatch, each, tasks, count):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.setenv("SLURM_NTASKS", tasks)
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", each)
    assert core_count(4) == count
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")  # torchrun within each task
    assert core_count(4) == 2

"""Sweeps through a script whose jobs take no time: failures, kills, stops, and going on."""

from __future__ import annotations

import json
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.storages import RDBStorage
from optuna.study import Study, load_study
from optuna.trial import FrozenTrial, TrialState

from imatfashion.config.sweep_end import SweepWatch, continue_command, end_sweep
from imatfashion.config.sweep_jobs import claim
from imatfashion.errors import FashionError

CONFIG = """
defaults:
  - base_config
  - _self_
  - override hydra/job_logging: none
  - override hydra/hydra_logging: none
hydra:
  output_subdir: null
  sweep: {dir: sweep, subdir: "${hydra.job.num}"}
  callbacks: {sweep: {_target_: imatfashion.config.sweep_end.SweepWatch}}
"""
SEARCH = ("-m", "hydra/sweeper=imatfashion_optuna", "x=interval(-5.0,5.0)")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the script in `tmp_path` with these arguments; the sweep directory is `sweep`."""
    shutil.copy(Path(__file__).with_name("sweep_app.py"), tmp_path / "app.py")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text(CONFIG, encoding="utf-8")

    def start(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
        code = f"import runpy; {before}; runpy.run_path('app.py', run_name='__main__')" if before else ""
        command = [sys.executable, *(["-c", code] if code else ["app.py"]), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)

    return start


def jobs(folder: Path) -> dict[str, dict[str, Any]]:
    found = sorted((folder / "sweep").glob("*/job.json"))
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in found}


def calls(folder: Path) -> dict[str, list[str]]:
    found = sorted((folder / "sweep").glob("*/calls.txt"))
    return {path.parent.name: path.read_text(encoding="utf-8").splitlines() for path in found}


def study(folder: Path) -> Study:
    return load_study(study_name="sweep", storage=RDBStorage(f"sqlite:///{folder}/sweep/study.db"))


def test_failed_jobs_are_reported_and_take_no_other_with_them(run: Run, tmp_path: Path) -> None:
    done = run("-m", "end=fine,bad,refused,nan", "x=1")
    assert done.returncode == 0
    found = jobs(tmp_path)
    assert [job["state"] for job in found.values()] == ["done", "failed", "failed", "done"]
    assert (tmp_path / "sweep/0/group.txt").read_text(encoding="utf-8") == "sweep", "wandb's group"
    assert [job["value"] for job in found.values()] == [0.0, None, None, None], "NaN is no value"
    assert found["2"]["sentence"] == "x is out of fashion"
    assert (tmp_path / "sweep/2/error.txt").read_text(encoding="utf-8") == "x is out of fashion\n"
    assert not (tmp_path / "sweep/2/traceback.txt").exists()
    assert found["1"]["sentence"] == "ValueError: of no <use> (traceback.txt has the place)"
    assert "in main" in (tmp_path / "sweep/1/traceback.txt").read_text(encoding="utf-8")
    summary = json.loads((tmp_path / "sweep/sweep.json").read_text(encoding="utf-8"))
    counts = {key: summary[key] for key in ("done", "failed", "pruned", "unfinished")}
    assert counts == {"done": 2, "failed": 2, "pruned": 0, "unfinished": 0}
    assert (summary["best"]["folder"], summary["best"]["value"]) == ("0", 0.0)
    assert [job["folder"] for job in summary["jobs"]] == ["0", "1", "2", "3"]
    assert "jobs: 2 done, 2 failed\nfailed: job 1 (end=bad): ValueError" in done.stdout
    assert "best: job 0 (end=fine): 0.0000" in done.stdout
    assert "job 2 failed: x is out of fashion" in done.stderr
    assert "Traceback" not in done.stderr


def test_jobs_are_matched_by_their_overrides(run: Run, tmp_path: Path) -> None:
    run("-m", "x=1,2", "end=fine,bad")
    before = calls(tmp_path)
    done = run("-m", "end=bad,fine", "x=3,2,1", "progress=false")
    assert done.stdout.count("is done already") == 2
    assert calls(tmp_path) == {
        "0": before["0"],
        "1": ["1 bad new", "1 bad new"],
        "2": before["2"],
        "3": ["2 bad new", "2 bad new"],
        "4": ["3 bad new"],
        "5": ["3 fine new"],
    }
    assert "best: job 2" in done.stdout


def test_a_killed_sweep_goes_on(run: Run, tmp_path: Path) -> None:
    killed = run("-m", "end=kill", "x=1,2")
    assert killed.returncode == -9
    assert [job["state"] for job in jobs(tmp_path).values()] == ["running"]
    assert run("-m", "end=kill", "x=1,2").returncode == -9
    assert run("-m", "end=kill", "x=1,2").returncode == 0
    assert calls(tmp_path) == {"0": ["1 kill new", "1 kill resumed"], "1": ["2 kill new", "2 kill resumed"]}
    assert [job["value"] for job in jobs(tmp_path).values()] == [0.0, 1.0]


def test_a_stopped_sweep_says_how_to_go_on(run: Run, tmp_path: Path) -> None:
    done = run("-m", "end=fine,stop", "x=1,2")
    assert done.returncode == 130
    assert done.stderr.strip() == "stopped by Ctrl-C at step 7: saved"
    assert [job["state"] for job in jobs(tmp_path).values()] == ["done", "done", "stopped"]
    assert "jobs: 2 done, 1 unfinished" in done.stdout
    command = done.stdout.splitlines()[-1].split(": ", 1)[1]
    assert shlex.split(command)[2:] == ["-m", "end=fine,stop", "x=1,2", f"hydra.sweep.dir={tmp_path / 'sweep'}"]
    again = run(*shlex.split(command)[2:])
    assert (again.returncode, calls(tmp_path)["2"]) == (130, ["1 stop new", "1 stop resumed"])


def test_a_sweep_in_a_folder_of_any_name_says_how_to_go_on(run: Run, tmp_path: Path) -> None:
    name = "my sweep (ü), [1]"
    done = run("-m", "end=refused", "x=1,2", f'hydra.sweep.dir="{name}"')
    assert "jobs: 0 done, 2 failed" in done.stdout, done.stderr
    command = json.loads((tmp_path / name / "sweep.json").read_text(encoding="utf-8"))["continue"]
    again = run(*shlex.split(command)[2:])
    assert again.stdout == done.stdout


def test_the_folder_that_is_added_is_quoted_for_hydra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "x=1,2", 'run_dir="a b"'])
    command = continue_command(Path("/my runs/ü (1)"))
    *given, added = shlex.split(command)
    assert given == ["python", *sys.argv]
    override = OverridesParser.create().parse_override(added)
    assert (override.key_or_group, override.value()) == ("hydra.sweep.dir", "/my runs/ü (1)")


@pytest.mark.parametrize(
    ("error", "reason"),
    [(FashionError("no page"), "no page"), (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero")],
)
def test_a_page_that_fails_leaves_the_summary(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    reason: str,
) -> None:
    def write_page(sweep_dir: Path) -> Path:
        raise error

    claim(tmp_path, ["x=1"], 0)
    monkeypatch.setattr(SweepWatch, "sweep_dir", tmp_path)
    end_sweep(write_page)
    said = capsys.readouterr()
    assert said.err == f"the sweep's page could not be written: {reason}\n"
    assert "jobs: 0 done, 1 unfinished" in said.out
    assert json.loads((tmp_path / "sweep.json").read_text(encoding="utf-8"))["page"] is None


def test_a_job_finished_by_itself_is_done(run: Run, tmp_path: Path) -> None:
    run("-m", "end=stop", "x=1,2")
    (tmp_path / "sweep/0/summary.json").write_text('{"best": 0.25}', encoding="utf-8")
    (tmp_path / "sweep/0/report.html").touch()
    done = run("-m", "end=stop", "x=1")
    assert (done.returncode, calls(tmp_path)["0"]) == (0, ["1 stop new"])
    assert "best: job 0 (end=stop x=1): 0.2500" in done.stdout


def test_a_job_killed_before_its_page_goes_on(run: Run, tmp_path: Path) -> None:
    run("-m", "end=stop", "x=1,2")
    (tmp_path / "sweep/0/summary.json").write_text('{"best": 0.25}', encoding="utf-8")
    run("-m", "end=stop", "x=1")
    assert calls(tmp_path)["0"] == ["1 stop new", "1 stop resumed"]


def test_a_torn_job_file_belongs_to_no_job(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sweep/0").mkdir(parents=True)
    (tmp_path / "sweep/0/job.json").write_text('{"over', encoding="utf-8")
    run("-m", "x=1,2")
    assert sorted(calls(tmp_path)) == ["1", "2"]


def test_single_runs_leave_no_trace_of_a_sweep(run: Run, tmp_path: Path) -> None:
    done = run("x=1", "run_dir=.")
    assert (done.returncode, done.stdout) == (0, "")
    assert not list(tmp_path.rglob("job.json"))


def test_optuna_finds_the_top_and_goes_on(run: Run, tmp_path: Path) -> None:
    assert run(*SEARCH, "hydra.sweeper.trials=5").returncode == 0
    first = [trial.params["x"] for trial in study(tmp_path).trials]
    done = run(*SEARCH, "hydra.sweeper.trials=25")
    assert done.returncode == 0
    trials = study(tmp_path).trials
    assert [trial.params["x"] for trial in trials[:5]] == first
    assert len({trial.params["x"] for trial in trials}) == 25, "a study that goes on does not draw the same again"
    assert [trial.value for trial in trials] == pytest.approx([1 - (trial.params["x"] - 2) ** 2 for trial in trials])
    assert study(tmp_path).best_value == max(job["value"] for job in jobs(tmp_path).values()) > 0.9
    assert all(len(lines) == 1 for lines in calls(tmp_path).values())


def test_optuna_takes_no_failure_for_a_value(run: Run, tmp_path: Path) -> None:
    done = run(*SEARCH, "end=choice(bad,nan)", "hydra.sweeper.trials=4", "hydra.sweeper.parallel=3")
    assert done.returncode == 0
    assert [trial.state for trial in study(tmp_path).trials] == [TrialState.FAIL] * 4
    assert "best:" not in done.stdout


def test_failed_trials_are_tried_again_in_their_folders(run: Run, tmp_path: Path) -> None:
    search = (*SEARCH, "end=mended", "hydra.sweeper.trials=4", "hydra.sweeper.parallel=3")
    assert run(*search).returncode == 0
    first = study(tmp_path).trials
    assert [trial.state for trial in first] == [TrialState.FAIL] * 4
    # What fails again is not tried twice in one go, and takes no trial away.
    assert run(*search).returncode == 0
    assert [trial.params for trial in study(tmp_path).trials[4:]] == [trial.params for trial in first]
    (tmp_path / "mended").touch()
    assert run(*search[:-2], "hydra.sweeper.trials=6").returncode == 0
    trials = study(tmp_path).trials
    assert [trial.params for trial in trials[8:12]] == [trial.params for trial in first]
    assert [trial.state for trial in trials[8:]] == [TrialState.COMPLETE] * 6
    lines = {name: len(found) for name, found in calls(tmp_path).items()}
    assert lines == dict.fromkeys("0123", 3) | {"12": 1, "13": 1}
    assert [job["state"] for job in jobs(tmp_path).values()] == ["done"] * 6
    assert run(*search[:-2], "hydra.sweeper.trials=6").returncode == 0
    assert len(study(tmp_path).trials) == 14, "4 + 4 + 6: what was tried again is done"


def test_failed_values_that_are_searched_no_more_are_left(run: Run, tmp_path: Path) -> None:
    search = ("-m", "hydra/sweeper=imatfashion_optuna", "end=refused")
    assert run(*search, "x=interval(-5.0,5.0)", "hydra.sweeper.trials=2").returncode == 0
    assert run(*search, "x=interval(6.0,7.0)", "hydra.sweeper.trials=2").returncode == 0
    assert [trial.params["x"] >= 6 for trial in study(tmp_path).trials] == [False] * 2 + [True] * 2


def test_a_trial_that_was_to_be_tried_again_when_it_was_killed(run: Run, tmp_path: Path) -> None:
    search = (*SEARCH, "end=mended", "hydra.sweeper.trials=2")
    assert run(*search).returncode == 0
    first = study(tmp_path).trials
    study(tmp_path).enqueue_trial(first[0].params)
    (tmp_path / "mended").touch()
    assert run(*search).returncode == 0
    trials = study(tmp_path).trials
    assert [trial.state for trial in trials[2:]] == [TrialState.COMPLETE] * 2
    assert [trial.params for trial in trials[2:]] == [trial.params for trial in first]


def test_a_killed_study_goes_on_with_its_trial(run: Run, tmp_path: Path) -> None:
    killed = run(*SEARCH, "end=kill", "hydra.sweeper.trials=2")
    assert killed.returncode == -9
    (trial,) = study(tmp_path).trials
    assert trial.state == TrialState.RUNNING
    assert run(*SEARCH, "end=kill", "hydra.sweeper.trials=2").returncode == -9
    assert run(*SEARCH, "end=kill", "hydra.sweeper.trials=2").returncode == 0
    found = study(tmp_path).trials
    assert [trial.state for trial in found] == [TrialState.COMPLETE] * 2
    assert found[0].params == trial.params
    assert all(len(lines) == 2 and lines[1].endswith("resumed") for lines in calls(tmp_path).values())


PRUNE = ("hydra.sweeper.prune=true", "hydra.sweeper.prune_after_trials=2", "hydra.sweeper.prune_after_epochs=2")


def expected_states(trials: list[FrozenTrial]) -> list[TrialState]:
    """Pruned is who falls below the median of the completed trials before it, from the second epoch on."""
    states, ended = [], []
    for trial in trials:
        values = [(1 - (trial.params["x"] - 2) ** 2) * epoch / 4 for epoch in range(1, 5)]
        below = [
            max(values[: epoch + 1]) < statistics.median(other[epoch] for other in ended)
            for epoch in range(1, 4)
            if len(ended) >= 2
        ]
        states.append(TrialState.PRUNED if any(below) else TrialState.COMPLETE)
        assert trial.intermediate_values == {
            epoch + 1: pytest.approx(values[epoch]) for epoch in range(1 + below.index(True) + 1 if any(below) else 4)
        }
        if not any(below):
            ended.append(values)
    return states


def test_hopeless_jobs_are_pruned(run: Run, tmp_path: Path) -> None:
    done = run(*SEARCH, *PRUNE, "end=learns", "hydra.sweeper.trials=10")
    assert done.returncode == 0, done.stderr
    found, trials = jobs(tmp_path), study(tmp_path).trials
    states = [trial.state for trial in trials]
    assert states == expected_states(trials)
    pruned = states.count(TrialState.PRUNED)
    assert 0 < pruned < 8
    assert [job["state"] for job in found.values()] == [
        "pruned" if state == TrialState.PRUNED else "done" for state in states
    ]
    first = found[str(states.index(TrialState.PRUNED))]
    assert first["value"] is None
    assert "is below the median of the other jobs after epoch 2" in first["sentence"]
    assert f"jobs: {10 - pruned} done, {pruned} pruned\nbest: job" in done.stdout
    assert f"pruned: {first['sentence']}" in done.stdout
    # A study that goes on, and its jobs, stay as they are.
    again = run(*SEARCH, *PRUNE, "end=learns", "hydra.sweeper.trials=11")
    assert (again.returncode, len(jobs(tmp_path))) == (0, 11)
    assert all(len(lines) == 1 for lines in calls(tmp_path).values())


def test_a_killed_trial_keeps_the_figures_of_its_epochs(run: Run, tmp_path: Path) -> None:
    arguments = (*SEARCH, *PRUNE, "end=dies", "hydra.sweeper.trials=1")
    assert run(*arguments).returncode == -9
    assert list(study(tmp_path).trials[0].intermediate_values) == [1, 2]
    assert run(*arguments).returncode == 0
    (trial,) = study(tmp_path).trials
    assert (trial.state, list(trial.intermediate_values)) == (TrialState.COMPLETE, [1, 2, 3, 4])


def test_jobs_side_by_side_ask_one_study(run: Run, tmp_path: Path) -> None:
    arguments = (*SEARCH, *PRUNE, "end=learns", "hydra.sweeper.parallel=2", "hydra.sweeper.trials=4")
    done = run(*arguments, "hydra/launcher=submitit_local")
    assert done.returncode == 0, done.stderr
    trials = study(tmp_path).trials
    assert [trial.state for trial in trials[:2]] == [TrialState.COMPLETE] * 2, "none has ended before these"
    for trial in trials:
        last = 4 if trial.state == TrialState.COMPLETE else len(trial.intermediate_values)
        assert list(trial.intermediate_values) == list(range(1, last + 1))
        assert trial.value == pytest.approx((1 - (trial.params["x"] - 2) ** 2) * last / 4)


@pytest.mark.parametrize(
    ("arguments", "before", "sentence"),
    [
        (SEARCH, "import sys; sys.modules['optuna'] = None", "needs Optuna: pip install 'imatfashion[sweep]'"),
        (SEARCH[:2], "", "there is nothing to search: give at least one key several values"),
        ((*SEARCH, PRUNE[0], "hydra/launcher=submitit_slurm"), "", "an SQLite file cannot be shared between machines"),
        ((*SEARCH, "hydra.sweeper.prune_after_epochs=0"), "", "prune_after_epochs=0 must be at least 1"),
        ((*SEARCH, "hydra.sweeper.trials=0"), "", "hydra.sweeper.trials=0 must be at least 1"),
        ((*SEARCH, "hydra.sweeper.parallel=0"), "", "hydra.sweeper.parallel=0 must be at least 1"),
        ((*SEARCH, "hydra.sweeper.seed=-1"), "", "hydra.sweeper.seed=-1 must lie between 0 and 4294967295"),
        (("-m", "hydra/launcher=submitit_lokal"), "", "install it with: pip install 'imatfashion[submitit]'"),
    ],
    ids=[
        "no Optuna",
        "nothing to search",
        "pruned on a cluster",
        "no epochs",
        "no trials",
        "none at a time",
        "no seed",
        "no launcher",
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    run: Run, arguments: tuple[str, ...], before: str, sentence: str
) -> None:
    done = run(*arguments, before=before)
    (line,) = done.stderr.strip().splitlines()
    assert (done.returncode, line.startswith("error: ")) == (2, True)
    assert sentence in line


def test_a_file_that_is_no_study_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep/study.db").write_bytes(b"not a database at all" * 100)
    done = run(*SEARCH)
    assert done.returncode == 2
    assert "cannot be used as a study" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_study_of_other_values_is_refused(run: Run) -> None:
    search = ("-m", "hydra/sweeper=imatfashion_optuna", "hydra.sweeper.trials=2")
    assert run(*search, "x=1,2").returncode == 0
    done = run(*search, "x=1,5", "hydra.sweeper.trials=4")
    (line,) = done.stderr.strip().splitlines()
    assert (done.returncode, "searched other values before" in line) == (2, True)


def test_submitit_runs_jobs_side_by_side(run: Run, tmp_path: Path) -> None:
    done = run("-m", "x=1,2", "end=fine,refused", "hydra/launcher=submitit_local")
    assert done.returncode == 0, done.stderr
    assert "jobs: 2 done, 2 failed" in done.stdout
    assert [job["value"] for job in jobs(tmp_path).values()] == [0.0, None, 1.0, None]
    again = run("-m", "x=1,2", "end=fine", "hydra/launcher=submitit_local")
    assert "jobs: 2 done, 2 failed" in again.stdout
    assert all(len(lines) == 1 for lines in calls(tmp_path).values())

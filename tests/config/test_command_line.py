"""Faults of the command line and of YAML files, through the real script: one sentence, exit code 2, no traceback."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore

from imatfashion.config.compose import _share
from imatfashion.config.schema import LoggerConfig

CASES = [
    ([], "'data.root' must be given, as data.root=VALUE"),
    (["data.rot=x"], "the config has no key 'data.rot'; did you mean 'data.root'?"),
    (["+tree=1", "data.root=x"], "the config has no key 'tree'"),
    (["+model.depth=1", "data.root=x"], "the config has no key 'model.depth'"),
    (["resolution=large", "data.root=x"], "'resolution' has a value of the wrong type"),
    (["schedule.phases=3", "data.root=x"], "'schedule.phases' has a value of the wrong type"),
    (["schedule.phases.0.epochs=long", "data.root=x"], "'schedule.phases[0].epochs' has a value of the wrong type"),
    (["gpu=17gb", "data.root=x"], "there is no config 'gpu/17gb'; the choices are 12gb"),
    (["stage=shapes", "data.root=x"], "there is no config 'stage/shapes'; the choices are attributes"),
    (["experiment=none_such", "data.root=x"], "there is no config 'experiment/none_such'"),
    (["data=3"], "the command line does not make a config"),
    (["data.root=photo(1).jpg"], "the override data.root=photo(1).jpg cannot be read"),
    (["init_from=a=b.ckpt", "data.root=x"], "the override init_from=a=b.ckpt cannot be read"),
    (["layers=3", "data.root=x"], "layers=3 is not a choice; take one of 1, 2"),
    (["resize=crop", "data.root=x"], "resize=crop is not a choice"),
    (["crop=person", "data.root=x"], "crop=person is not a choice; take one of photo, garments"),
    (["aspect=5", "data.root=x"], "aspect=5.0 must lie between 0.25 and 4"),
    (["aspect=2", "resize=pad", "data.root=x"], "aspect=2.0 is for resize=squash"),
    (["resolution=8", "data.root=x"], "resolution=8 must be 32 … 4096 pixels"),
    (["batch_size=0", "data.root=x"], "batch_size=0 must be above 0"),
    (["data.val_fraction=1.5", "data.root=x"], "data.val_fraction=1.5 must lie between 0 and 1"),
    (["data.folds=5", "data.fold=5", "data.root=x"], "data.fold=5 must be 0 … 4"),
    (["data.fold=2", "data.root=x"], "data.fold=2 needs data.folds=K"),
    (["data.folds=5", "data.split_file=x", "data.root=x"], "contradict each other"),
    (["data.classes_from=x.table", "data.root=x"], "data.classes_from is for stage=attributes"),
    (["stage=attributes", "data.classes_from=x.table", "data.root=x"], "is not a prediction table"),
    (["init_from=none.ckpt", "data.root=x"], "init_from=none.ckpt is not a file"),
    (["schedule.phases=[]", "data.root=x"], "schedule.phases is empty"),
    (["batch_size=10", "gpu.per_device_batch=4", "data.root=x"], "is not a multiple of gpu.per_device_batch=4"),
    (["gpu.devices=3", "data.root=x"], "must be a multiple of the 3 devices"),
    (["gpu.nodes=2", "trainer.on_memory=shrink", "data.root=x"], "shrink works on one device, not on 2"),
    (["data.root=nowhere"], "data.root=nowhere is not there; give the folder of the data set"),
    (["resume=nowhere"], "nowhere is not a run directory: it has no config.yaml"),
]


def run(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "train.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=repository, timeout=120, check=False)


@pytest.mark.parametrize(("arguments", "sentence"), CASES, ids=[" ".join(case[0]) or "nothing" for case in CASES])
def test_fault_is_one_sentence(repository: Path, arguments: list[str], sentence: str) -> None:
    done = run(repository, *arguments)
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert sentence in lines[0]
    assert done.stdout == ""


def test_a_wrong_key_under_a_debugger(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As under a debugger, OmegaConf then says of an error that it is its own cause.
    monkeypatch.setenv("OC_CAUSE", "1")
    done = run(repository, "+model.depth=1", "data.root=x")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the config has no key 'model.depth'")


def test_misspelt_key_in_a_yaml_file(repository: Path, tmp_path: Path) -> None:
    # A group file of the user's own is found through Hydra's search path.
    (tmp_path / "schedule").mkdir()
    (tmp_path / "schedule" / "mine.yaml").write_text("phase: []\n", encoding="utf-8")
    done = run(repository, "--config-dir", str(tmp_path), "schedule=mine", "data.root=x")
    assert done.returncode == 2
    assert "the config has no key 'schedule.phase'; did you mean 'schedule.phases'?" in done.stderr


def test_a_failed_job_does_not_end_a_sweep(repository: Path, tmp_path: Path) -> None:
    done = run(repository, "-m", "layers=3,4", "data.root=x", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert done.returncode == 0
    for job in "01":
        sentence = (tmp_path / "sweep" / job / "error.txt").read_text(encoding="utf-8")
        assert sentence.startswith(f"layers={3 + int(job)} is not a choice")


def test_several_devices_in_a_sweep_are_refused(repository: Path, tmp_path: Path) -> None:
    done = run(repository, "-m", "gpu.devices=2", "seed=0,1", "data.root=x", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert done.returncode == 0
    sentence = (tmp_path / "sweep" / "0" / "error.txt").read_text(encoding="utf-8")
    assert "several devices do not work in a multirun" in sentence


def test_help_lists_every_group_with_its_choices(repository: Path) -> None:
    done = run(repository, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for group in (path for path in (repository / "conf").iterdir() if path.is_dir()):
        choices = ", ".join(sorted(path.stem for path in group.glob("*.yaml")))
        assert f"\n{group.name}: {choices}\n" in done.stdout
    assert "\nresolution: 224\n" in done.stdout


def test_copies_of_the_store_share_what_loading_leaves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", {})
    store.store(group="some/group", name="one", node=LoggerConfig)
    _share(store.repo)
    copied = copy.deepcopy(store)
    assert copied.repo["some"]["group"]["one.yaml"] is store.repo["some"]["group"]["one.yaml"]
    copied.load("some/group/one.yaml").node.panels = 99
    assert store.load("some/group/one.yaml").node.panels == copied.load("some/group/one.yaml").node.panels == 6


@pytest.mark.parametrize("arguments", ["--help", "--cfg job data.root=x"])
def test_a_reader_that_goes_ends_it_without_a_word(repository: Path, arguments: str) -> None:
    with subprocess.Popen(
        [sys.executable, "train.py", *arguments.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=repository
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1

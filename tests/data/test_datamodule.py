from __future__ import annotations

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from imatfashion.config.schema import AugmentConfig, DataConfig
from imatfashion.data.datamodule import FashionDataModule, open_predicted
from imatfashion.data.loaders import StepLoader
from imatfashion.errors import FashionError


def module(root, *, micro_batch=1, fork=True, layers=1, **config):
    return FashionDataModule(
        DataConfig(root=str(root), **{"workers": 0, "near_duplicates": False, **config}),
        augment=AugmentConfig(),
        resolution=32,
        resize="squash",
        layers=layers,
        batch_size=2,
        micro_batch=micro_batch,
        seed=0,
        fork=fork,
    )


class Recorder(pl.LightningModule):
    """Learns nothing; writes down which photos each epoch shows, and a sum of their pixels."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def training_step(self, batch, index):
        self.seen.append((self.current_epoch, batch["photo"].tolist(), int(batch["image"].sum())))
        return self.layer(torch.ones(1, 1)).sum()

    def validation_step(self, batch, index):
        assert batch["image"].dtype == torch.uint8

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class SaveAt(pl.Callback):
    def __init__(self, path, step):
        self.path, self.step = path, step

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step and not self.path.exists():
            trainer.save_checkpoint(self.path)


def trainer(folder, **options):
    return pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        accumulate_grad_batches=2,
        num_sanity_val_steps=1,
        **options,
    )


def quiet(test):
    """Let two warnings of Lightning's pass: about few loader processes, and torch's about Lightning's own code."""
    workers = pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning")
    return workers(pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated:FutureWarning")(test))


def test_setup_opens_tables_and_split(tiny_data):
    data = module(tiny_data)
    data.prepare_data()
    data.setup("fit")
    train, val = data.train_indices, data.val_indices
    data.setup("validate")
    assert data.train_indices is train
    assert sorted([*train, *val]) == list(range(10))
    assert data.annotations is data.truth
    assert data.layer_of_class == (0, 0, 0)
    assert data.steps_per_epoch == len(train) // 2
    assert len(data.train_dataloader()) == data.steps_per_epoch * 2
    assert len(data.val_dataloader()) == len(val)


def test_two_layers_are_read_off_the_table(tiny_data):
    data = module(tiny_data, layers=2)
    data.setup()
    assert data.layer_of_class == (0, 0, 1)
    batch = next(iter(data.train_dataloader()))
    assert batch["labels"].shape == (1, 2, 32, 32)


def test_validation_is_the_same_whenever_it_is_asked(tiny_data):
    data = module(tiny_data, micro_batch=2)
    data.setup()
    first, second = (list(data.val_dataloader()) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert [photo for batch in first for photo in batch["photo"].tolist()] == data.val_indices.tolist()


@quiet
@pytest.mark.parametrize("steps", [3, 4, 5])
def test_lightning_resumes_in_mid_epoch(tiny_data, tmp_path, steps):
    """4 steps an epoch, each of 2 micro-batches; a checkpoint within, at the end and after the start of an epoch."""
    # Saved while training: after `fit`, Lightning counts the epoch that max_steps cut off as done.
    keep = SaveAt(tmp_path / "kept.ckpt", steps)
    whole = Recorder()
    trainer(tmp_path, max_epochs=3, enable_checkpointing=False, callbacks=[keep]).fit(
        whole, datamodule=module(tiny_data)
    )
    assert len(whole.seen) == 3 * 4 * 2

    resumed = Recorder()
    trainer(tmp_path, max_epochs=3, enable_checkpointing=False).fit(
        resumed, datamodule=module(tiny_data), ckpt_path=tmp_path / "kept.ckpt", weights_only=True
    )
    assert resumed.seen == whole.seen[steps * 2 :]


@quiet
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_worker_processes_change_nothing(tiny_data, tmp_path):
    runs = []
    for workers in (0, 2):
        recorder = Recorder()
        data = module(tiny_data, workers=workers)
        trainer(tmp_path, max_epochs=2, enable_checkpointing=False).fit(recorder, datamodule=data)
        runs.append(recorder.seen)
    assert runs[0] == runs[1]


def test_without_forking_there_are_no_workers(tiny_data):
    data = module(tiny_data, workers=4, fork=False)
    data.setup()
    assert data.workers == 0
    assert isinstance(data.train_dataloader(), StepLoader)
    assert data.train_dataloader().num_workers == 0


def test_photo_that_breaks_after_the_table_was_built(tiny_data):
    data = module(tiny_data)
    data.setup()
    broken = int(data.train_indices[0])
    (tiny_data / "train" / data.truth.name(broken)).write_bytes(b"\xff\xd8 gone bad")
    ignored = [bool((batch["labels"] == 255).all()) for batch in data.train_dataloader()]
    assert sum(ignored) == 1


def predicted_table(make_table, truth, skip=()):
    photos = {}
    for photo in range(len(truth)):
        height, width = truth.size(photo)
        mask = np.zeros((512, 512), dtype=bool)
        mask[10 * 512 // height : (height - 10) * 512 // height, 20 * 512 // width : 70 * 512 // width] = True
        if truth.name(photo) not in skip:
            photos[truth.name(photo)] = (512, 512, [(int(truth.name(photo)[1:3]) % 2, [], mask)])
    return make_table(photos, kind="prediction")


def test_trains_on_a_predicted_table(tiny_data, make_table):
    truth = module(tiny_data)
    truth.setup()
    predicted = predicted_table(make_table, truth.truth)
    data = module(tiny_data, micro_batch=2, classes_from=str(predicted.path))
    data.setup()
    assert np.array_equal(data.train_indices, truth.train_indices)
    for batch in data.val_dataloader():
        assert batch["garment_class"].tolist() == [photo % 2 for photo in batch["photo"].tolist()]
        assert batch["garment_known"].all()
        names = [data.truth.name(photo) for photo in batch["photo"].tolist()]
        assert batch["garment_attributes"].int().argmax(dim=1).tolist() == [int(name[1:3]) % 4 for name in names]
        assert batch["missed_attributes"].shape == (len(names), 4)


def test_photos_that_were_not_predicted_are_left_out(tiny_data, make_table, caplog):
    truth = module(tiny_data)
    truth.setup()
    absent = truth.truth.name(int(truth.train_indices[0]))
    some = predicted_table(make_table, truth.truth, skip=(absent,))
    data = module(tiny_data, classes_from=str(some.path))
    data.setup()
    assert data.train_indices.tolist() == truth.train_indices.tolist()[1:]
    assert "1 of 8 training photos are not in" in caplog.text


def test_foreign_tables_are_refused(tiny_data, make_table, tmp_path):
    strangers = make_table({"stranger.jpg": (512, 512, [])})
    with pytest.raises(FashionError, match="none of the 8 training photos"):
        module(tiny_data, classes_from=str(strangers.path)).setup()
    with pytest.raises(FashionError, match="no annotation table"):
        module(tiny_data, classes_from=str(tmp_path / "nowhere.table")).setup()


def test_table_of_other_classes_is_refused(tiny_data, shared):
    data = module(tiny_data)
    data.setup()
    other = module(shared / "data" / "ccp", limit=20)
    other.setup()
    with pytest.raises(FashionError, match="25 classes, other ones than the 3"):
        open_predicted(other.truth.path, data.truth)


@pytest.mark.parametrize(("workers", "validating"), [(0, 0), (1, 1), (2, 1), (3, 2)])
def test_validation_has_half_as_many_loader_processes(tiny_data, monkeypatch, workers, validating):
    monkeypatch.setattr("imatfashion.data.datamodule.core_count", lambda ranks: 8)
    data = module(tiny_data, workers=workers)
    data.setup()
    assert data.workers == workers
    assert data.whole_val_dataloader().num_workers == validating

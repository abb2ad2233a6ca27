"""Checkpoints: everything comes back, and damage is recognised."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from nunbit.errors import CheckpointError
from nunbit.training.checkpoint import (
    load_checkpoint,
    load_newest_checkpoint,
    load_weights,
    previous_of,
    save_checkpoint,
)
from nunbit.training.state import TrainingState
from tests.training.parts import make_state, make_trainer, weights


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, TrainingState]:
    """Two checkpoints: after epoch 1 (previous) and after epoch 2 (last)."""
    state = make_state()
    make_trainer(state, tmp_path, epochs=2, callbacks=[]).fit()
    return tmp_path / "checkpoints" / "last", state


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    state = make_state()
    assert load_newest_checkpoint(tmp_path / "last", state) is None
    assert state.epoch == 1


def test_the_optimizers_moments_keep_the_layout_of_their_weights(trained) -> None:
    folder, state = trained
    again = make_state()
    load_checkpoint(folder, again)
    for parameter, other in zip(state.model.parameters(), again.model.parameters(), strict=True):
        moments, restored = state.optimizer.state[parameter], again.optimizer.state[other]
        for key in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(moments[key], restored[key])
            assert moments[key].stride() == restored[key].stride() == parameter.stride()


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(trained, name: str, damage: str) -> None:
    folder, _ = trained
    path = folder / name
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    again = make_state()
    remark = load_newest_checkpoint(folder, again)
    assert remark is not None
    assert "last" in remark
    assert len(again.history) == 1


def test_two_damaged_checkpoints_are_an_error_that_keeps_the_folder(trained) -> None:
    folder, _ = trained
    for each in (folder, previous_of(folder)):
        (each / "weights.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="no checkpoint can be used") as caught:
        load_newest_checkpoint(folder, make_state())
    assert caught.value.path == str(folder)
    assert folder.exists()


def test_a_kill_between_the_two_renames_leaves_the_previous_one(trained) -> None:
    folder, _ = trained
    shutil.rmtree(folder)
    again = make_state()
    assert load_newest_checkpoint(folder, again) == ""
    assert len(again.history) == 1


def test_weights_alone_can_be_loaded_but_not_resumed_from(trained, tmp_path: Path) -> None:
    _, state = trained
    save_checkpoint(tmp_path / "kept", state, weights_only=True)
    fresh = make_state()
    load_weights(tmp_path / "kept", fresh.model)
    for name, tensor in weights(state).items():
        assert torch.equal(fresh.model.state_dict()[name], tensor), name
    with pytest.raises(CheckpointError, match="weights only"):
        load_checkpoint(tmp_path / "kept", make_state())


def test_the_moving_average_is_what_is_deployed(tmp_path: Path) -> None:
    state = make_state(average=True)
    make_trainer(state, tmp_path, epochs=1, callbacks=[]).fit()
    fresh = make_state()
    load_weights(tmp_path / "checkpoints" / "last", fresh.model)
    assert state.average is not None
    for name, value in state.average.module.state_dict().items():
        assert torch.equal(fresh.model.state_dict()[name], value), name


def test_another_network_is_named_as_such(trained) -> None:
    folder, _ = trained
    other = make_state()
    other.model = torch.nn.Linear(2, 2)
    with pytest.raises(CheckpointError, match="another network"):
        load_checkpoint(folder, other)


def test_another_number_in_the_position_is_recognised(trained) -> None:
    """Valid JSON, and every tensor as it was: only the content's own digest tells."""
    folder, _ = trained
    path = folder / "state.json"
    text = path.read_text()
    assert text.count('"epoch": 3') == 1
    path.write_text(text.replace('"epoch": 3', '"epoch": 2'))
    with pytest.raises(CheckpointError, match=r"damaged state\.json"):
        load_checkpoint(folder, make_state())


@pytest.mark.parametrize("content", ["[]", "null", '{"files": 3}', '{"files": {}}'])
def test_json_of_another_form_is_damage(trained, content: str) -> None:
    folder, _ = trained
    (folder / "state.json").write_text(content)
    with pytest.raises(CheckpointError, match="incomplete"):
        load_checkpoint(folder, make_state())


def test_a_damaged_checkpoint_never_takes_the_place_of_the_one_in_use(trained) -> None:
    """Saving keeps the newest one as the previous one: that must not be the damaged one."""
    folder, _ = trained
    (folder / "weights.safetensors").write_bytes(b"")
    again = make_state()
    assert load_newest_checkpoint(folder, again)
    assert not folder.exists()
    save_checkpoint(folder, again)
    load_checkpoint(previous_of(folder), make_state())

"""A calibration: kept as it is, for one embedder, and never taken for what it is not."""

from pathlib import Path

import pytest

from kb_qa.errors import KnowledgeBaseError
from kb_qa.store.calibration import (
    CALIBRATION,
    Calibration,
    load_calibration,
    save_calibration,
)

MADE = Calibration(
    floor=0.41,
    questions=100,
    answered=0.97,
    refused=0.95,
    chunks=2000,
    embedder="ours",
    made="2026-11-23",
)


def test_it_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    """Number by number, from a folder that was not there."""
    save_calibration(tmp_path / "kb", MADE)
    assert load_calibration(tmp_path / "kb", embedder="ours") == MADE


def test_another_embedder_has_none(tmp_path: Path) -> None:
    """Its scores are others."""
    save_calibration(tmp_path, MADE)
    assert load_calibration(tmp_path, embedder="theirs") is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"floor": 0.4}', "\udcff", '{"floor": "high"}'], ids=repr
)
def test_a_damaged_one_is_told_in_a_line(tmp_path: Path, text: str) -> None:
    """With the file's name and what to do."""
    (tmp_path / CALIBRATION).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(KnowledgeBaseError, match="remove it, and calibrate again") as told:
        load_calibration(tmp_path, embedder="ours")
    assert str(tmp_path / CALIBRATION) in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("floor", ['"high"', "1e400", "NaN", "null"])
def test_a_floor_that_is_no_number_is_damage(tmp_path: Path, floor: str) -> None:
    """It would answer everything, or nothing."""
    save_calibration(tmp_path, MADE)
    path = tmp_path / CALIBRATION
    path.write_text(path.read_text().replace("0.41", floor))
    with pytest.raises(KnowledgeBaseError, match="its numbers are none"):
        load_calibration(tmp_path, embedder="ours")


def test_it_is_outgrown_at_twice_or_half_the_size() -> None:
    """Between those the documents are taken for what they were."""
    assert not any(MADE.is_outgrown(chunks) for chunks in (1000, 2000, 4000))
    assert all(MADE.is_outgrown(chunks) for chunks in (0, 999, 4001))

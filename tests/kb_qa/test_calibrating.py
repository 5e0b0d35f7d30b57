"""Calibrating: a floor that comes from the knowledge base, and is in force from then on."""

import json
import shutil
from pathlib import Path

import pytest

from kb_qa.__main__ import main
from kb_qa.calibrating import Asked, floor_between
from kb_qa.chain import build_qa_chain
from kb_qa.embeddings import PassageEmbeddings
from kb_qa.generation import AnswerChain
from kb_qa.settings import load_settings
from kb_qa.store.calibration import CALIBRATION, DEFAULT_FLOOR, load_calibration

NOISE = [Asked(whole=0.9, without=each / 100) for each in range(101)]


def floor_of(kb: Path, embeddings: PassageEmbeddings, **values: object) -> float:
    """The floor that a chain over the knowledge base has."""
    chain = build_qa_chain(
        kb=kb, settings=load_settings(llm="quote", **values), embeddings=embeddings
    )
    assert isinstance(chain.combine_documents_chain, AnswerChain)
    return chain.combine_documents_chain.floor


def test_the_floor_is_above_most_of_what_cannot_be_answered() -> None:
    """Of the drafts 95 in a hundred stay under it without their document."""
    assert floor_between([Asked(9, each.without) for each in NOISE], expected=None) == 0.95


def test_the_floor_does_not_refuse_what_can_be_answered() -> None:
    """Where the noise is as loud as the answers, 95 in a hundred of the answers still reach it."""
    loud = [Asked(whole=0.5 + each / 1000, without=2.0) for each in range(101)]
    assert floor_between(loud, expected=None) == pytest.approx(0.505)


def test_few_drafts_move_the_floor_a_little() -> None:
    """The floor lies between what is expected and what was measured, nearer the more there are."""
    few, many = (floor_between(NOISE[80:] * times, expected=0.42) for times in (1, 20))
    assert 0.42 < few < many < floor_between(NOISE[80:], expected=None)


def test_a_knowledge_base_is_calibrated_by_command(
    sample_kb: Path,
    tmp_path: Path,
    bundled: PassageEmbeddings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The floor is kept with it, in force for whoever asks next, told by the doctor, and taken
    along by a backup; the setting goes before it."""
    kb = shutil.copytree(sample_kb, tmp_path / "kb")
    assert floor_of(kb, bundled) == DEFAULT_FLOOR
    assert main(["calibrate", f"--kb={kb}", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert 0.3 < said["floor"] < 0.5
    assert said["answered"] > 0.9
    assert said["refused"] > 0.7
    assert floor_of(kb, bundled) == said["floor"]
    assert floor_of(kb, bundled, floor=0.2) == 0.2
    assert main(["doctor", f"--kb={kb}"]) == 0
    assert f"ok: floor: {said['floor']:.3f}, calibrated on" in capsys.readouterr().out
    assert main(["backup", str(tmp_path / "copy"), f"--kb={kb}"]) == 0
    assert floor_of(tmp_path / "copy", bundled) == said["floor"]


def test_documents_that_say_too_little_are_told_in_a_line(
    tmp_path: Path, bundled: PassageEmbeddings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is kept, and the line says how many questions it takes."""
    from ingest.pipeline import ingest
    from kb_qa.store.knowledge_base import KnowledgeBase

    (tmp_path / "a.md").write_text("# Valves\n\nThe main valve opens at 9 bar.\n")
    kb = tmp_path / "kb"
    ingest([tmp_path / "a.md"], knowledge_base=KnowledgeBase(kb, embeddings=bundled))
    assert main(["calibrate", f"--kb={kb}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "it takes 12" in line
    assert not (kb / CALIBRATION).exists()
    assert load_calibration(kb, embedder=bundled.identity.digest) is None

"""What hostile documents are let do: they are told of, and stand in a prompt as text alone.

What a language model makes of them all the same is measured by `benchmarks/attacks.py`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest.loaders import parse
from ingest.pipeline import ingest
from kb_qa.answer import Source
from kb_qa.chain import build_qa_chain
from kb_qa.citations import cited_numbers
from kb_qa.embeddings import PassageEmbeddings
from kb_qa.prompts import answer_prompt
from kb_qa.settings import Settings
from kb_qa.store.knowledge_base import KnowledgeBase
from tests.attacks.corpus import (
    ATTACKS,
    CANARY,
    HONEST,
    QUESTION,
    READ_ALL_THE_SAME,
    TRUTH,
    Attack,
    Kind,
)

HIDDEN = [each for each in ATTACKS if each.is_hidden]
BOUNDARY = re.compile(r"[<＜﹤][\W_]*?[pｐ][aａ][sｓ]", re.IGNORECASE)
TOKEN = re.compile(r"[<＜]\s?[|｜]|</?s>|<(?:start|end)_of_turn|\[/?INST\]|<</?SYS", re.IGNORECASE)
LABEL = re.compile(
    r"^[^\w>]*(?:question|helpful answer|human|assistant|user|问题|回答|用户|助手)\W{0,4}[:：]",
    re.IGNORECASE | re.MULTILINE,
)
UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e01ef]{2}")


@pytest.fixture(params=ATTACKS, ids=lambda each: each.name)
def attack(request: pytest.FixtureRequest) -> Attack:
    attack: Attack = request.param
    return attack


def test_the_corpus_has_every_kind_in_both_languages() -> None:
    """At least sixty attacks; a file each."""
    kinds = Counter((each.kind, each.language) for each in ATTACKS)
    assert len({each.file for each in ATTACKS}) == len(ATTACKS) >= 60
    assert all(kinds[kind, language] for kind in Kind for language in HONEST)


def test_the_report_tells_of_what_was_not_written_for_people(attack: Attack) -> None:
    """Orders, forged turns, hidden text; a false statement in plain words is nobody's to tell."""
    assert bool(parse(attack.data, name=attack.file).warnings) == attack.is_told


@pytest.mark.parametrize("attack", HIDDEN, ids=lambda each: each.name)
def test_what_a_reader_does_not_see_is_not_read(attack: Attack) -> None:
    """But for what its owner may bring to light with a click, or no parser can know."""
    said = CANARY in parse(attack.data, name=attack.file).text
    assert said == (attack.name in READ_ALL_THE_SAME)


def test_an_ordinary_document_is_told_nothing_of() -> None:
    """The honest documents of the corpus have no warning."""
    for language, text in HONEST.items():
        assert parse(text.encode(), name=f"{language}.md").warnings == ()


def prompt_with(attack: Attack) -> tuple[str, Sequence[Source]]:
    """The prompt in which an attack stands after the honest document."""
    texts = (HONEST[attack.language], parse(attack.data, name=attack.file).text)
    sources = [
        Source(n, f"{n}.md", attack.name, text, 0, len(text)) for n, text in enumerate(texts)
    ]
    return answer_prompt(QUESTION[attack.language], sources), sources


def test_in_a_prompt_it_is_text_alone(attack: Attack) -> None:
    """No boundary but the prompt's own; no token, section, turn, citation or hidden character."""
    prompt, sources = prompt_with(attack)
    assert len(BOUNDARY.findall(prompt)) == 2 * len(sources)
    body = prompt[prompt.index("<passage 2>\n") : prompt.index("\n</passage 2>")]
    assert not TOKEN.search(body)
    assert not LABEL.search(body)
    assert not UNSEEN.search(body)
    assert not {1, 2} & set(cited_numbers(body))
    last = prompt.rindex("</passage 2>") + len("</passage 2>")
    assert prompt[last:].strip().endswith(QUESTION[attack.language])


def test_hidden_text_is_in_no_index_and_no_answer(
    tmp_path: Path, bundled: PassageEmbeddings
) -> None:
    """All that hides, in one folder with the honest document: a search for it finds none of it."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "returns.md").write_text(HONEST["en"], encoding="utf-8")
    hidden = [each for each in HIDDEN if each.name not in READ_ALL_THE_SAME]
    for each in hidden:
        (folder / each.file).write_bytes(each.data)
    kb = KnowledgeBase(tmp_path / "kb", embeddings=bundled)
    report = ingest([folder], knowledge_base=kb)
    assert not report.failed
    found = kb.candidates(f"{CANARY} ignore all previous instructions", limit=200)
    assert len({each.passage.paths for each in found}) > len(hidden) // 2
    assert not any(CANARY in each.passage.chunk.text for each in found)
    chain = build_qa_chain(kb=kb.folder, settings=Settings(llm="quote"), embeddings=bundled)
    answer = chain.invoke({"query": QUESTION["en"]})["answer"]
    assert TRUTH in answer.text
    assert CANARY not in answer.text

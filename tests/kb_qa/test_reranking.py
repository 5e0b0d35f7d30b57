"""The reranker: a model that reads a passage beside the question, on tiny ones made here."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from kb_qa import Settings, build_qa_chain
from kb_qa.answer import Source
from kb_qa.errors import RerankerError
from kb_qa.reranking import CrossEncoderReranker, Reranker, configured_reranker
from kb_qa.retrieval import HybridRetriever
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document

TELLING = "gold"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", TELLING]
HIDDEN = 8


def make_cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    """A BERT of one layer whose score is greater, the more of what it reads is the telling word.

    Every token looks at all alike and takes what they hold; the telling word holds a vector, all
    others nothing; a large epsilon lets a layer norm keep how much of it there is.
    """
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=64, **special
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=HIDDEN,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=HIDDEN,
        max_position_embeddings=64,
        layer_norm_eps=1.0,
        num_labels=labels,
    )
    model = BertForSequenceClassification(config)
    layer, vector = model.bert.encoder.layer[0], torch.tensor([1.0, -1.0] * (HIDDEN // 2))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        model.bert.embeddings.word_embeddings.weight[WORDS.index(TELLING)] = vector
        for linear in (
            *(layer.attention.self.value, layer.attention.output.dense),
            model.bert.pooler.dense,
        ):
            linear.weight.copy_(torch.eye(HIDDEN))
        model.classifier.weight[:] = vector
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cross_encoder(tmp_path_factory.mktemp("rerankers") / "tiny")


def source(text: str, *, key: int = 0, score: float = 0.0, **told: str) -> Source:
    return Source(key, "/a.md", told.get("title", ""), text, 0, len(text), score=score)


class ByLength(Reranker):
    """The longer a text, the more relevant; it remembers what it read."""

    def __init__(self) -> None:
        self.read: list[tuple[str, list[str]]] = []

    def relevance(self, question: str, texts: Sequence[str]) -> list[float]:
        self.read.append((question, list(texts)))
        return [float(len(text)) for text in texts]


@pytest.fixture
def kb(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """One document; its passages hold the word asked for ever less often, and more others."""
    texts = [" ".join(["leave"] * (9 - i) + ["day"] * (3 * i)) for i in range(8)]
    whole = "\n".join(texts)
    starts = [whole.index(text) for text in texts]
    chunks = [Chunk(text, at, at + len(text)) for text, at in zip(texts, starts, strict=True)]
    vectors = knowledge_base.embeddings.embed_passages(texts)
    with knowledge_base.write() as writer, writer.transaction():
        key = writer.put(Document("h", "", whole, None), chunks=chunks, vectors=vectors)
        writer.place("/h.md", document=key, stamp="")
    return knowledge_base


def test_a_model_puts_passages_in_its_order(folder: Path) -> None:
    """What the model scores higher comes first, whatever the score of the search."""
    sources = [
        source(f"{TELLING} a a a", key=1, score=0.9),
        source("a a a a", key=2, score=0.8),
        source(f"{TELLING} {TELLING} {TELLING} a", key=3, score=0.1),
    ]
    reranker = CrossEncoderReranker(str(folder), device="cpu")
    found = reranker.reranked("which", sources)
    assert [each.id for each in found] == [3, 1, 2]
    assert [each.score for each in found] == [0.1, 0.9, 0.8]
    assert reranker.reranked("which", []) == []


def test_equal_passages_keep_their_order(folder: Path) -> None:
    """A model that cannot tell them apart changes nothing."""
    sources = [source("a b c", key=key) for key in (5, 3, 4)]
    assert CrossEncoderReranker(str(folder), device="cpu").reranked("which", sources) == sources


def test_it_reads_what_a_passage_stands_under() -> None:
    """The title and the headings are read with the passage, as they are embedded."""
    reranker = ByLength()
    reranker.reranked("which", [source("fifteen days", title="Handbook")])
    assert reranker.read == [("which", ["Handbook\nfifteen days"])]


def test_the_best_are_reranked_before_the_cut(kb: KnowledgeBase) -> None:
    """As many as set are read, the others left behind; as many as asked for come back."""
    reranker = ByLength()
    plain = HybridRetriever(knowledge_base=kb, passages=8)
    ranked = [each.page_content for each in plain.invoke("leave")]
    retriever = HybridRetriever(knowledge_base=kb, passages=2, reranker=reranker, reranked=4)
    found = [each.page_content for each in retriever.invoke("leave")]
    assert reranker.read == [("leave", ranked[:4])]
    assert found == sorted(ranked[:4], key=len, reverse=True)[:2]
    retriever.invoke("leave", passages=6)
    assert len(reranker.read[-1][1]) == 6, "more than are set where more are asked for"


def test_its_cost_is_told(kb: KnowledgeBase, folder: Path) -> None:
    """An answer says what reranking took, apart from the search; without a reranker it says none.

    The order is another one, the evidence of the same passages the same.
    """
    quoting = Settings(llm="quote", floor=-1, passages=8)
    plain = build_qa_chain(kb=kb.folder, settings=quoting, embeddings=kb.embeddings)
    settings = quoting.model_copy(update={"reranker": str(folder), "device": "cpu"})
    chain = build_qa_chain(kb=kb.folder, settings=settings, embeddings=kb.embeddings)
    answer, before = (each.invoke({"query": "leave"})["answer"] for each in (chain, plain))
    assert {"retrieve", "rerank"} <= set(answer.seconds)
    assert "rerank" not in before.seconds
    assert chain.search("leave").seconds["rerank"] > 0
    scores = {each.id: each.score for each in before.sources}
    assert {each.id: each.score for each in answer.sources} == scores
    assert answer.evidence == pytest.approx(before.evidence)


async def test_its_cost_is_told_off_the_event_loop(kb: KnowledgeBase, folder: Path) -> None:
    """The same when the question is asked asynchronously."""
    settings = Settings(llm="quote", floor=-1, reranker=str(folder), device="cpu")
    chain = build_qa_chain(kb=kb.folder, settings=settings, embeddings=kb.embeddings)
    answer = (await chain.ainvoke({"query": "leave"}))["answer"]
    assert answer.seconds["rerank"] > 0


def test_it_loads_with_the_first_question(kb: KnowledgeBase, tmp_path: Path) -> None:
    """A chain is made without the model; a question then says in a line what is wrong with it."""
    missing = tmp_path / "no such model"
    settings = Settings(llm="quote", reranker=str(missing))
    chain = build_qa_chain(kb=kb.folder, settings=settings, embeddings=kb.embeddings)
    with pytest.raises(RerankerError, match=r"no such model.*KB_QA_RERANKER") as told:
        chain.search("leave")
    assert "\n" not in str(told.value)


def test_one_model_serves_all_who_name_it(folder: Path) -> None:
    """Two knowledge bases do not hold the same weights twice; no name, no reranker."""
    settings = Settings(reranker=str(folder), device="cpu")
    assert configured_reranker(settings) is configured_reranker(settings)
    assert configured_reranker(Settings()) is None


def test_pickled_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    """Unpickling can run anything: a model that has nothing else is not loaded."""
    for file in folder.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(RerankerError, match=r"only pytorch_model\.bin, a pickle"):
        CrossEncoderReranker(str(tmp_path), device="cpu").relevance("which", ["a"])


def test_code_of_a_model_is_not_run(folder: Path, tmp_path: Path) -> None:
    """A configuration that names code beside it is no reason to run that code."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    ran = tmp_path / "ran"
    (tmp_path / "own.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: ...\n")
    config = tmp_path / "config.json"
    named = '{"auto_map": {"AutoConfig": "own.Own"}, "model_type": "own",'
    config.write_text(config.read_text().replace("{", named, 1).replace('"bert"', '"own"'))
    with pytest.raises(RerankerError, match="cannot be loaded"):
        CrossEncoderReranker(str(tmp_path), device="cpu").relevance("which", ["a"])
    assert not ran.exists()


def test_a_model_without_a_score_is_told(tmp_path: Path) -> None:
    """A model of several classes cannot put passages in order."""
    made = make_cross_encoder(tmp_path / "classes", labels=3)
    with pytest.raises(RerankerError, match=r"3 classes.*KB_QA_RERANKER"):
        CrossEncoderReranker(str(made), device="cpu").relevance("which", ["a"])

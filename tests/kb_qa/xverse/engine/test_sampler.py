"""Random choices: by the rules asked for, and the same for the same seed."""

import dataclasses

import pytest
import torch
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from kb_qa.errors import SettingsError
from kb_qa.xverse.engine import Engine, Options, Sampling, load_engine
from kb_qa.xverse.engine.request import Mailbox, Usage
from kb_qa.xverse.engine.sampler import Sampler
from kb_qa.xverse.engine.sequence import Sequence
from tests.kb_qa.xverse.engine.conftest import Tiny
from tests.kb_qa.xverse.engine.models import NEW, generate, tokens_of

VOCABULARY, DRAWS = 50, 4000
RULES = {
    "temperature": Sampling(temperature=0.7),
    "hot": Sampling(temperature=1.8),
    "top k": Sampling(temperature=1.0, top_k=7),
    "top p": Sampling(temperature=1.0, top_p=0.6),
    "repetition": Sampling(temperature=1.0, repetition_penalty=1.4),
    "XVERSE's own": Sampling(temperature=0.5, top_k=30, top_p=0.85, repetition_penalty=1.1),
    "a small top p": Sampling(temperature=1.0, top_p=0.01),
}


@pytest.mark.parametrize("sampling", RULES.values(), ids=RULES)
def test_choices_are_as_frequent_as_transformers_says(sampling: Sampling) -> None:
    """4,000 draws differ from the probabilities after its processors by chance alone."""
    torch.manual_seed(3)
    logits, text = torch.randn(1, VOCABULARY) * 2, [4, 8, 15, 16, 23, 42, 8]
    rows = [(sequence_of(text, sampling, seed=seed * 7919), 0) for seed in range(DRAWS)]
    sampler = Sampler(slots=DRAWS, vocabulary=VOCABULARY, device=torch.device("cpu"))
    for slot, (sequence, _) in enumerate(rows):
        sequence.slot = slot
    chosen = sampler.choose(logits.expand(DRAWS, -1).clone(), rows)
    counts = torch.bincount(chosen, minlength=VOCABULARY).double()
    expected = transformers_probabilities(logits, text, sampling).double() * DRAWS
    assert not counts[expected == 0].any()
    deviations = (counts - expected)[expected > 0] / expected[expected > 0].sqrt()
    likely = expected[expected > 0] > 5
    assert deviations[likely].square().sum() < chi_square_bound(int(likely.sum()))


def test_guesses_count_as_text_seen() -> None:
    """A row after a guess penalizes that guess, as if it had been written already."""
    sampling = Sampling(repetition_penalty=1000.0)
    sequence = sequence_of([1, 2], sampling, seed=0)
    sequence.slot, sequence.guesses = 0, [3, 4]
    logits = torch.full((3, VOCABULARY), 1.0)
    logits[:, 3], logits[:, 4] = 9.0, 8.0
    sampler = Sampler(slots=1, vocabulary=VOCABULARY, device=torch.device("cpu"))
    rows = [(sequence, guesses) for guesses in range(3)]
    assert sampler.choose(logits, rows)[:2].tolist() == [3, 4]
    assert sampler.choose(logits, rows)[2] not in {1, 2, 3, 4}


def test_rows_of_many_rules_do_not_mix() -> None:
    """Each row of a batch is chosen by its own rules: alone it would be the same."""
    torch.manual_seed(5)
    samplings = [*RULES.values(), Sampling(), Sampling(repetition_penalty=1.3)]
    rows = [(sequence_of([1, 2, 3], each, seed=99 + i), 0) for i, each in enumerate(samplings)]
    for slot, (sequence, _) in enumerate(rows):
        sequence.slot = slot
    logits = torch.randn(len(rows), VOCABULARY)
    sampler = Sampler(slots=len(rows), vocabulary=VOCABULARY, device=torch.device("cpu"))
    together = sampler.choose(logits.clone(), rows).tolist()
    alone = [sampler.choose(logits[i : i + 1].clone(), [row]).item() for i, row in enumerate(rows)]
    assert together == alone


def test_a_seed_gives_the_same_answer_alone_and_among_others(llama: Tiny) -> None:
    """With and without guesses, in small blocks or large ones: a seed is a text."""
    samplings = [
        Sampling(max_tokens=NEW, temperature=0.8, top_k=20, seed=seed) for seed in range(12)
    ]
    prompts = llama.prompts[:12]
    texts = []
    for options in (Options(), Options(guesses=0), Options(block_tokens=4, chunk_tokens=7)):
        with load_engine(llama.folder, device="cpu", dtype="float32", options=options) as engine:
            pairs = list(zip(prompts, samplings, strict=True))
            texts.append([tokens_of(engine.submit(*pair)) for pair in pairs])
            texts.append([tokens_of(each) for each in [engine.submit(*pair) for pair in pairs]])
    assert all(each == texts[0] for each in texts)
    assert texts[0] != llama.answers[:12]


def test_seeds_differ_and_no_seed_differs_each_time(tiny_engine: Engine) -> None:
    """Neighbouring seeds, and requests without one, give texts of their own."""
    hot = Sampling(max_tokens=NEW, temperature=1.5)
    seeded = [dataclasses.replace(hot, seed=seed) for seed in range(10)]
    texts = [tokens_of(tiny_engine.submit([1, 2, 3], each)) for each in [*seeded, hot, hot]]
    assert len({tuple(each) for each in texts}) == 12


def test_temperature_0_is_greedy_whatever_else_is_asked(llama: Tiny, tiny_engine: Engine) -> None:
    """top_k, top_p and the seed say nothing where the likeliest token is taken."""
    sampling = Sampling(max_tokens=NEW, temperature=0, top_k=3, top_p=0.5, seed=1)
    assert generate(tiny_engine, llama.prompts[:20], sampling) == llama.answers[:20]


def test_a_penalty_without_temperature_equals_transformers(
    llama: Tiny, tiny_engine: Engine
) -> None:
    """Greedy with a repetition penalty, prompt included, is what transformers generates."""
    sampling = Sampling(max_tokens=NEW, repetition_penalty=1.2)
    for prompt in llama.prompts[:20]:
        ids = torch.tensor([prompt])
        generated = llama.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            repetition_penalty=1.2,
            max_new_tokens=NEW,
            pad_token_id=0,
        )
        text = tokens_of(tiny_engine.submit(prompt, sampling))
        assert text == generated[0, len(prompt) :].tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 0),
        ("temperature", -0.1),
        ("temperature", float("inf")),
        ("temperature", float("nan")),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("top_k", -1),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", float("nan")),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: float) -> None:
    """The error says which value, and what to give instead."""
    with pytest.raises(SettingsError, match=rf"^{name}={value!r}: give "):
        Sampling(**{name: value})  # type: ignore[arg-type]


def sequence_of(text: list[int], sampling: Sampling, *, seed: int) -> Sequence:
    return Sequence(list(text), sampling, limit=100, seed=seed, mailbox=Mailbox(Usage()))


def transformers_probabilities(
    logits: torch.Tensor, text: list[int], sampling: Sampling
) -> torch.Tensor:
    processors = LogitsProcessorList(
        [RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)]
    )
    processors.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_k:
        processors.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        processors.append(TopPLogitsWarper(sampling.top_p))
    return processors(torch.tensor([text]), logits.clone()).softmax(-1)[0]


def chi_square_bound(bins: int) -> float:
    """Exceeded once in some ten thousand times (Wilson and Hilferty's approximation)."""
    if bins < 2:
        return 1e-9
    freedom = bins - 1
    return freedom * (1 - 2 / (9 * freedom) + 3.7 * (2 / (9 * freedom)) ** 0.5) ** 3

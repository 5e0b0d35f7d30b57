"""Chunks embedded in a second on a card: ours beside LangChain's way, in one run.

    python -m benchmarks.gpu_embeddings [--shapes bge-m3 bge-small] [--chunks 8192]

Models of sentence-transformers are made on the spot, with random weights in the
shapes of BAAI/bge-m3 and BAAI/bge-small-zh-v1.5 and tokenizers trained on this
repository's texts; from those texts chunks of 64 to 512 tokens are cut. Every
way embeds all of its chunks twice, after some to warm up, and the faster time
counts, wall clock at the caller. The card's share counts the operations of the
products that have to be, against a product measured in the same run. Needs
langchain-huggingface. `--layers`, `--hidden` and `--device cpu` try the script.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from langchain_huggingface import HuggingFaceEmbeddings
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from kb_qa.embeddings import PassageEmbeddings, load_embeddings

TEXTS = ("data/sources/**/*.md", "data/docs/using/*", "docs/**/*.md", "*.md")
LEAST, MOST = 64, 512
CALL = 128
"""So few chunks at once are worth it for a processor; what do they cost on a card?"""

SPREAD = 2.0
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
FLOAT32_SHARE = 12
"""The slow way embeds one of so many chunks; what it is held against are their vectors."""


@dataclass(frozen=True)
class Shape:
    """What decides a model's speed.

    Attributes:
        kind: transformers' name for its architecture.
        vocabulary: rows of its table of tokens.
        positions: tokens it reads at most.
    """

    kind: str
    layers: int
    hidden: int
    vocabulary: int
    positions: int

    @property
    def heads(self) -> int:
        return max(1, self.hidden // 64)

    def operations(self, tokens: np.ndarray) -> float:
        """Of the products in the layers, for texts of so many tokens each."""
        weights = 12 * self.hidden**2
        return float(self.layers * (2 * weights * tokens + 4 * self.hidden * tokens**2.0).sum())


SHAPES = {
    "bge-m3": Shape("xlm-roberta", 24, 1024, 250002, 8192),
    "bge-small": Shape("bert", 4, 512, 21128, 512),
}


@dataclass(frozen=True)
class Measured:
    """One way's time for some chunks, and their vectors."""

    seconds: float
    vectors: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=[*SHAPES])
    parser.add_argument("--chunks", type=int, default=8192)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--layers", type=int, help="fewer, to try the script")
    parser.add_argument("--hidden", type=int, help="fewer, to try the script")
    options = parser.parse_args()
    disable_progress_bar()
    ceiling = product_rate(options.device)
    name = torch.cuda.get_device_name() if options.device == "cuda" else options.device
    print(f"{time.strftime('%Y-%m-%d')}, {name}, torch {torch.__version__}, ", end="")
    print(f"transformers {transformers.__version__}; a product reached ", end="")
    print(f"{ceiling / 1e12:.3g} TFLOP/s in bfloat16.\n", flush=True)
    for each in options.shapes:
        shape = SHAPES[each]
        shape = replace(
            shape, layers=options.layers or shape.layers, hidden=options.hidden or shape.hidden
        )
        measure_shape(each, shape, options.chunks, options.device, ceiling)


def product_rate(device: str) -> float:
    """Operations a second of a product as large as it likes best."""
    size = 8192 if device == "cuda" else 1024
    square = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    times = []
    for _ in range(12):
        start = time.perf_counter()
        (square @ square)[0, 0].item()
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times)


def measure_shape(name: str, shape: Shape, count: int, device: str, ceiling: float) -> None:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        text = read_texts()
        tokenizer = train_tokenizer(shape, text)
        chunks = cut_chunks(tokenizer, text, count)
        model = write_model(shape, tokenizer, Path(folder), device)
        written = time.perf_counter() - start
        ours = load_embeddings(str(model), device=device)
        tokens = np.array(ours.count_tokens(chunks))
        few = chunks[: max(CALL, count // FLOAT32_SHARE)]
        ways: dict[str, Callable[[], Measured]] = {
            "ours": lambda: measure(ours.embed_passages, chunks),
            f"ours, {CALL} a call": lambda: measure(in_calls(ours), chunks),
            "ours, tokens counted alone": lambda: measure(ours.count_tokens, chunks),
            "LangChain, bfloat16, batches of 256": lambda: measure(
                langchain(model, device, dtype=torch.bfloat16, batch=256), chunks
            ),
            "LangChain, as it comes (float32, 32)": lambda: measure(langchain(model, device), few),
        }
        measured = {way: run() for way, run in ways.items()}
    report(name, shape, tokens, measured, ceiling)
    print(f"\nAll of it took {time.perf_counter() - start:.0f} s, ", end="")
    print(f"{written:.0f} of them to make the model.\n", flush=True)


def read_texts() -> str:
    """In one line, for LangChain's embedder puts a space for each end of a line."""
    root = Path(__file__).parents[1]
    paths = sorted(path for pattern in TEXTS for path in root.glob(pattern) if path.is_file())
    return " ".join(word for path in paths for word in path.read_text().split())


def train_tokenizer(shape: Shape, text: str) -> PreTrainedTokenizerFast:
    """Of the kind that the model has; there is text for some thousand tokens."""
    if shape.kind == "bert":
        tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer: Any = trainers.WordPieceTrainer(
            vocab_size=8000, special_tokens=SPECIAL, show_progress=False
        )
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=8000, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
        )
    tokenizer.train_from_iterator(text.split("。"), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = ("cls_token", "pad_token", "sep_token", "unk_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=shape.positions,
        **dict(zip(names, SPECIAL, strict=True)),
    )


def cut_chunks(tokenizer: PreTrainedTokenizerFast, text: str, count: int) -> list[str]:
    """From anywhere in the text, lengths spread evenly; always the same ones."""
    places = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).offsets
    chance = random.Random(0)
    chunks = []
    for _ in range(count):
        length = chance.randint(LEAST, MOST) - 2
        begin = chance.randrange(len(places) - length)
        chunks.append(text[places[begin][0] : places[begin + length - 1][1]])
    return chunks


def write_model(
    shape: Shape, tokenizer: PreTrainedTokenizerFast, folder: Path, device: str
) -> Path:
    """A folder of sentence-transformers: its frame from a tiny model, then the true weights."""
    save_weights(replace(shape, layers=1, hidden=64, vocabulary=8000), folder / "tiny", "cpu")
    tokenizer.save_pretrained(folder / "tiny")
    modules = [
        Transformer(str(folder / "tiny")),
        Pooling(shape.hidden, pooling_mode="cls"),
        Normalize(),
    ]
    SentenceTransformer(modules=modules).save_pretrained(str(folder / "model"))
    save_weights(shape, folder / "model", device)
    return folder / "model"


def save_weights(shape: Shape, folder: Path, device: str) -> None:
    config = AutoConfig.for_model(
        shape.kind,
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=shape.positions + 2,
        pad_token_id=1,
        # As much as makes tokens read each other: with less, all texts have nearly one vector.
        initializer_range=SPREAD / shape.hidden**0.5,
    )
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModel.from_config(config)
    model.save_pretrained(folder)


def in_calls(embeddings: PassageEmbeddings) -> Callable[[Sequence[str]], np.ndarray]:
    def embed(chunks: Sequence[str]) -> np.ndarray:
        calls = [chunks[begin : begin + CALL] for begin in range(0, len(chunks), CALL)]
        return np.concatenate([embeddings.embed_passages(call) for call in calls])

    return embed


def langchain(
    model: Path, device: str, *, dtype: torch.dtype = torch.float32, batch: int | None = None
) -> Callable[[list[str]], list[list[float]]]:
    """LangChain's embedder; its defaults, if neither is given."""
    half = {} if dtype == torch.float32 else {"model_kwargs": {"dtype": dtype}}
    embedder = HuggingFaceEmbeddings(
        model_name=str(model),
        model_kwargs={"device": device, **half},
        encode_kwargs={"batch_size": batch} if batch else {},
    )
    return embedder.embed_documents


def measure(embed: Callable[[list[str]], Any], chunks: list[str]) -> Measured:
    embed(chunks[:CALL])
    times = []
    for _ in range(2):
        start = time.perf_counter()
        vectors = embed(chunks)
        times.append(time.perf_counter() - start)
    table = np.array(vectors, np.float32)
    if table.ndim == 2:
        table /= np.linalg.norm(table, axis=1, keepdims=True)
    return Measured(min(times), table)


def report(
    name: str, shape: Shape, tokens: np.ndarray, measured: dict[str, Measured], ceiling: float
) -> None:
    """Every way's rate, its share of the card's, and how near it comes to whole precision."""
    print(f"{name}: {shape.layers} layers of {shape.hidden}, random weights; ", end="")
    print(f"{len(tokens)} chunks of {tokens.min()} to {tokens.max()} tokens, ", end="")
    print(f"{tokens.mean():.0f} on average.\n")
    whole = [*measured.values()][-1].vectors
    print("| | chunks | seconds | chunks/s | card's share | cosine to float32, mean and least |")
    print("|---|---|---|---|---|---|")
    for way, result in measured.items():
        count = len(result.vectors)
        share, near = "", ""
        if result.vectors.ndim == 2:
            rate = shape.operations(tokens[:count]) / result.seconds
            share = f"{100 * rate / ceiling:.0f} %"
            cosines = (result.vectors[: len(whole)] * whole).sum(axis=1)
            near = f"{cosines.mean():.5f}, {cosines.min():.5f}"
        print(f"| {way} | {count} | {result.seconds:.2f} | {count / result.seconds:.0f} ", end="")
        print(f"| {share} | {near} |")
    most = len(tokens) * ceiling / shape.operations(tokens)
    print(f"| the products alone | | | {most:.0f} | 100 % | |")
    others = (whole[1:] * whole[:-1]).sum(axis=1)
    print(f"\nTwo different chunks have a cosine of {others.mean():.5f}.")


if __name__ == "__main__":
    main()

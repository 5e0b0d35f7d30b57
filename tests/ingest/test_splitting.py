"""Splitting: what holds of the chunks of every document."""

import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Block, BlockKind, Parsed
from ingest.splitting import CAP, TARGET, split
from kb_qa.errors import ParseError
from kb_qa.sentences import sentence_spans
from kb_qa.store.records import Chunk, indexed_text

MAX_TOKENS = 512


def count_tokens(texts: Sequence[str]) -> list[int]:
    """A token is four bytes, much as it is for multilingual-e5; prompt and marks are five."""
    return [5 + len(text.encode()) // 4 for text in texts]


def chunks(*blocks: Block, title: str = "Title") -> list[Chunk]:
    return split(Parsed(title, blocks), count_tokens=count_tokens, max_tokens=MAX_TOKENS)


def heading(text: str, level: int = 1) -> Block:
    return Block(BlockKind.HEADING, text, level)


def paragraph(text: str, page: int | None = None) -> Block:
    return Block(BlockKind.PARAGRAPH, text, page=page)


SENTENCE = "每位员工每年可以休五天带薪年假。"
KINDS = st.sampled_from([kind for kind in BlockKind if kind is not BlockKind.HEADING])
PHRASES = st.sampled_from(
    [
        "年假有五天。",
        "Leave is granted. ",
        "See Fig. 3 ",
        "| a | b |\n",
        "- item\n",
        "\n",
        "  x = 1\n",
    ]
)
TEXTS = st.one_of(
    st.builds("".join, st.lists(PHRASES, max_size=120)),
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.builds(
        lambda unit, count: unit * count, st.text(min_size=1, max_size=3), st.integers(1, 900)
    ),
).filter(lambda text: bool(text.strip()) and text == text.encode("utf-8", "ignore").decode())
PAGES = st.none() | st.integers(1, 4)
BODIES = st.builds(Block, KINDS, TEXTS, page=PAGES, scanned=st.booleans())
HEADINGS = st.builds(
    Block,
    st.just(BlockKind.HEADING),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(str.strip),
    level=st.integers(1, 4),
    page=PAGES,
)
DOCUMENTS = st.lists(st.one_of(BODIES, HEADINGS), min_size=1, max_size=12).map(tuple)


@given(DOCUMENTS)
def test_what_holds_of_every_document(blocks: tuple[Block, ...]) -> None:
    """The invariants that the module promises."""
    parsed = Parsed("Title", blocks)
    made = split(parsed, count_tokens=count_tokens, max_tokens=MAX_TOKENS)
    end_before = 0
    for chunk in made:
        assert end_before <= chunk.start < chunk.end
        assert chunk.text == parsed.text[chunk.start : chunk.end]
        assert chunk.text == chunk.text.rstrip()
        assert len("".join(chunk.text.split()).encode()) <= CAP
        end_before = chunk.end
    indexed = [indexed_text("Title", each.heading, each.context, each.text) for each in made]
    assert max(count_tokens(indexed)) <= MAX_TOKENS
    trails = {title for chunk in made for title in chunk.heading}
    start = 0
    for block in blocks:
        begin = start + len(block.text) - len(block.text.lstrip())
        is_read = any(each.start <= begin < each.end for each in made)
        if block.kind is not BlockKind.HEADING:
            assert all(
                any(each.start <= at < each.end for each in made)
                for at in range(start, start + len(block.text))
                if not parsed.text[at].isspace()
            )
        else:
            assert is_read or " ".join(block.text.split()) in trails
        start += len(block.text) + len(Parsed.SEPARATOR)


@given(DOCUMENTS)
def test_pages_are_where_chunks_begin(blocks: tuple[Block, ...]) -> None:
    """A chunk's page is that of the block it begins in, its breaks the pages that follow."""
    parsed = Parsed("Title", blocks)
    starts, at = [], 0
    for block in blocks:
        starts.append(at)
        at += len(block.text) + len(Parsed.SEPARATOR)
    for chunk in split(parsed, count_tokens=count_tokens, max_tokens=MAX_TOKENS):
        inside = [index for index, start in enumerate(starts) if start < chunk.end]
        first = max(index for index in inside if starts[index] <= chunk.start)
        assert chunk.page == blocks[first].page
        for offset, page in chunk.breaks:
            assert chunk.start < offset < chunk.end
            assert blocks[starts.index(offset)].page == page


@given(DOCUMENTS)
def test_a_chunk_is_marked_if_ocr_read_any_of_it(blocks: tuple[Block, ...]) -> None:
    """The mark is that of the blocks whose text stands in the chunk."""
    parsed = Parsed("Title", blocks)
    spans, at = [], 0
    for block in blocks:
        spans.append((at, at + len(block.text), block.scanned))
        at += len(block.text) + len(Parsed.SEPARATOR)
    for chunk in split(parsed, count_tokens=count_tokens, max_tokens=MAX_TOKENS):
        marks = [
            scanned for start, end, scanned in spans if start < chunk.end and end > chunk.start
        ]
        assert chunk.scanned == any(marks)


@given(st.lists(st.sampled_from([SENTENCE, "Leave is granted to all. ", "真的吗？"]), max_size=200))
def test_sentences_are_whole(sentences: list[str]) -> None:
    """No chunk begins or ends inside a sentence that fits into one."""
    text = "".join(sentences).strip()
    if not text:
        return
    ends = {end for _, end in sentence_spans(text)}
    assert {chunk.end for chunk in chunks(paragraph(text))} <= ends


def test_chunks_are_even() -> None:
    """A long paragraph makes chunks of nearly one size, near the target."""
    sizes = [len(chunk.text.encode()) for chunk in chunks(paragraph(SENTENCE * 113))]
    assert max(sizes) - min(sizes) <= 2 * len(SENTENCE.encode())
    assert all(abs(size - TARGET) < 0.2 * TARGET for size in sizes)


def test_headings_are_carried_not_repeated() -> None:
    """A chunk knows the headings above it, outermost first, and its text is the text below."""
    made = chunks(
        heading("手册"),
        heading("假期", 2),
        paragraph("甲。"),
        heading("病假", 2),
        paragraph("乙。"),
    )
    assert [(chunk.heading, chunk.text) for chunk in made] == [
        (("手册", "假期"), "甲。"),
        (("手册", "病假"), "乙。"),
    ]


def test_headings_without_text_are_kept() -> None:
    """A heading that no text follows is in the text of the next chunk, or of the last."""
    made = chunks(heading("A"), heading("B"), paragraph("b."), heading("C"), heading("D", 2))
    assert [(chunk.heading, chunk.text) for chunk in made] == [(("B",), "A\n\nB\n\nb.\n\nC\n\nD")]


def test_a_document_of_headings_is_not_lost() -> None:
    """Where there is nothing else, the headings are the text."""
    assert [chunk.text for chunk in chunks(heading("A"), heading("B", 2))] == ["A\n\nB"]


def test_tables_are_cut_between_rows_and_keep_their_header() -> None:
    """Later rows of a table are indexed with its header row."""
    header = "| 型号 | 名称 | 说明 |"
    rows = [f"| QL-{number:04} | 零件 {number} | 用于第 {number} 号设备 |" for number in range(120)]
    table = Block(BlockKind.TABLE, "\n".join([header, "| --- | --- | --- |", *rows]))
    made = chunks(table)
    assert len(made) > 3
    assert [chunk.context for chunk in made] == ["", *[header] * (len(made) - 1)]
    assert [line for chunk in made for line in chunk.text.split("\n")][2:] == rows


def test_listings_and_lists_are_cut_between_lines() -> None:
    """Code keeps its lines and their indentation, a list its items."""
    lines = [f"    call_number_{number}(argument)" for number in range(100)]
    for kind in (BlockKind.CODE, BlockKind.LIST):
        made = chunks(Block(kind, "\n".join(["def f():", *lines])))
        assert len(made) > 1
        assert [line for chunk in made for line in chunk.text.split("\n")][1:] == lines


def test_what_fits_is_not_cut() -> None:
    """A listing that fits into a chunk stays whole, with the line that announces it."""
    code = Block(BlockKind.CODE, "\n".join(f"step {number}" for number in range(120)))
    made = chunks(paragraph("前文。" * 100), paragraph("如下："), code)
    assert [chunk.text for chunk in made] == ["前文。" * 100, f"如下：\n\n{code.text}"]


def test_a_sentence_across_pages_is_whole() -> None:
    """A page's end in mid-sentence parts no sentence, and the pages stay true."""
    first, second = "开头。" * 160 + "这句话从第一页", "说到第二页。" + "结尾。" * 160
    made = chunks(paragraph(first, page=1), paragraph(second, page=2))
    assert any("这句话从第一页\n\n说到第二页。" in chunk.text for chunk in made)
    assert (made[0].page, made[-1].page) == (1, 2)
    assert [page for chunk in made for _, page in chunk.breaks] == [2]


def test_dense_text_is_cut_by_tokens() -> None:
    """Text that takes a token a byte is cut until each part fits, and nothing is dropped."""

    def dense(texts: Sequence[str]) -> list[int]:
        return [5 + len(text.encode()) for text in texts]

    parsed = Parsed("Title", (paragraph("0123456789" * 500),))
    made = split(parsed, count_tokens=dense, max_tokens=MAX_TOKENS)
    assert "".join(chunk.text for chunk in made) == parsed.text
    assert max(dense([indexed_text("Title", (), "", chunk.text) for chunk in made])) <= MAX_TOKENS


def test_small_embedders_are_served() -> None:
    """An embedder that reads 128 tokens gets chunks of its size."""
    blocks = tuple(heading(f"Heading {level}", level) for level in range(1, 7))
    parsed = Parsed("A long title " * 30, (*blocks, paragraph(SENTENCE * 60)))
    made = split(parsed, count_tokens=count_tokens, max_tokens=128)
    indexed = [indexed_text(parsed.title, each.heading, each.context, each.text) for each in made]
    assert max(count_tokens(indexed)) <= 128
    assert "".join(chunk.text for chunk in made) == SENTENCE * 60


def test_titles_that_leave_no_room_are_an_error() -> None:
    """An embedder that reads next to nothing is told of, instead of a text being dropped."""
    with pytest.raises(ParseError, match="shorten"):
        split(
            Parsed("A title that is long enough to fill it", (paragraph(SENTENCE * 9),)),
            count_tokens=count_tokens,
            max_tokens=40,
        )


def test_tokens_are_counted_in_few_calls() -> None:
    """All texts are counted in one batch; only those too long are counted again."""
    calls: list[int] = []

    def counted(texts: Sequence[str]) -> list[int]:
        calls.append(len(texts))
        return count_tokens(texts)

    parsed = Parsed("Title", tuple(paragraph(SENTENCE * 40) for _ in range(50)))
    split(parsed, count_tokens=counted, max_tokens=MAX_TOKENS)
    assert len(calls) == 1


def test_time_is_linear() -> None:
    """Ten times the text takes about ten times as long."""

    def seconds(count: int) -> float:
        parsed = Parsed(
            "Title", (paragraph(SENTENCE * count), Block(BlockKind.CODE, "x\n" * count))
        )
        began = time.process_time()
        split(parsed, count_tokens=count_tokens, max_tokens=MAX_TOKENS)
        return time.process_time() - began

    seconds(100)
    assert seconds(10_000) < 30 * seconds(1000) + 0.1


def test_long_trails_are_shortened_where_they_are_indexed() -> None:
    """The title and the nearest headings stay; the line is no longer than two titles."""
    trail = tuple(f"{number} {'heading' * 20}" for number in range(6))
    line = indexed_text("标题" * 60, trail, "", "text").split("\n")[0]
    assert line.startswith("标题")
    assert "5 heading" in line
    assert "0 heading" not in line
    assert len(line) < 250

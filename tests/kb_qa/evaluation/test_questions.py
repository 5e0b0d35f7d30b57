"""Golden questions: read as people write them, or one line says where they are wrong."""

from pathlib import Path

import pytest

from kb_qa.errors import GoldenQuestionError
from kb_qa.evaluation.questions import Golden, read_questions

DATA = Path(__file__).parents[3] / "data"


def test_objects(tmp_path: Path) -> None:
    """Any of the keys, one answer or several, with a byte order mark and empty lines."""
    file = tmp_path / "q.jsonl"
    file.write_text(
        '\ufeff{"question": " a? ", "answer": "1", "answers": ["2", "1"], "page": 3}\n\n'
        '{"question": "b?", "unanswerable": true, "history": [["x", "y"]], "draft": true}\n',
        "utf-8",
    )
    assert read_questions(file) == [
        Golden("a?", ("1", "2"), page=3),
        Golden("b?", unanswerable=True, history=(("x", "y"),)),
    ]


def test_plain_text(tmp_path: Path) -> None:
    """A question a line; an answer after a tab; lines that begin with # are remarks."""
    file = tmp_path / "q.txt"
    file.write_bytes("# mine\r\n年假几天？\t十五天\r\n\r\nLunch?\n".encode())
    assert read_questions(file) == [Golden("年假几天？", ("十五天",)), Golden("Lunch?")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "not JSON"),
        ("[1]", "write {"),
        ('{"answer": "x"}', "question is None"),
        ('{"question": "  "}', "question is '  '"),
        ('{"question": "q", "answers": [""]}', "an answer is ''"),
        ('{"question": "q", "answer": 5}', "an answer is 5"),
        ('{"question": "q", "page": 0}', "page is 0"),
        ('{"question": "q", "page": true}', "page is True"),
        ('{"question": "q", "unanswerable": "no"}', "unanswerable is 'no'"),
        ('{"question": "q", "history": ["x"]}', "history is ['x']"),
        ('{"question": "q", "sorce": "a.md"}', "nobody knows 'sorce'"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    """File, line, value and remedy, before anything is asked."""
    file = tmp_path / "q.jsonl"
    file.write_text(f'{{"question": "fine"}}\n{line}\n')
    with pytest.raises(GoldenQuestionError) as error:
        read_questions(file)
    assert str(error.value).startswith(f"{file}:2: ")
    assert said in str(error.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """Missing, empty, or not text: one line each."""
    (tmp_path / "empty.txt").write_text("\n# only a remark\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.txt", "empty.txt", "binary.txt"):
        with pytest.raises(GoldenQuestionError, match=name):
            read_questions(tmp_path / name)


def test_the_sample_questions_can_be_read() -> None:
    """They name files of the sample documents, in both languages, some with no answer."""
    questions = read_questions(DATA / "questions.jsonl")
    assert len(questions) >= 20
    for golden in questions:
        assert golden.unanswerable or (DATA / "docs" / golden.source).is_file()
    assert sum(golden.unanswerable for golden in questions) >= 4

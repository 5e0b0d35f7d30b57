"""A conversation as a file."""

import json

from kb_qa import Answer, Citation, Source
from ui.conversation import Turn
from ui.export import as_json, as_markdown

SOURCE = Source(1, "/docs/a.pdf", "手册", "年假是\n十五天。", 0, 8, page=3)
ANSWER = Answer(
    "年假几天？",
    "十五天 [1]",
    refused=False,
    generator="quote",
    citations=(Citation(1, SOURCE, 0, 8, 0.5),),
)
TURNS = [Turn("年假\n几天？", answer=ANSWER), Turn("then?", problem="no model")]


def test_as_data() -> None:
    """Each turn with its answer as the command prints it; nothing is lost."""
    first, second = json.loads(as_json(TURNS))
    assert first["answer"] == ANSWER.to_json()
    assert (second["question"], second["problem"], second["answer"]) == ("then?", "no model", None)


def test_as_text() -> None:
    """Questions are headings, citations stand quoted below their answer."""
    assert as_markdown(TURNS, title="office") == (
        "# office\n\n## 年假 几天？\n\n十五天 [1]\n\n[1] /docs/a.pdf, p. 3\n\n"
        "> 年假是\n> 十五天。\n\n## then?\n\nno model\n"
    )

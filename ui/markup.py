"""Answers and passages as HTML that documents cannot forge.

Everything that comes from a document, a file name, a model or a user goes
through `escaped`, which is the only way into a tag here. No Markdown is
involved, so none of its images, links, icons or formulas can be smuggled in.
The browser does the opening of passages: a number in the answer is a link to
text inside a `<details>`, which a browser unfolds when it is followed.
"""

from collections.abc import Sequence
from pathlib import Path

from kb_qa import Answer, Citation, Source
from kb_qa.answer import Claim
from kb_qa.citations import replace_citations
from kb_qa.evidence import header
from kb_qa.paths import shown
from kb_qa.store.records import Passage
from ui.conversation import Turn
from ui.escaping import escaped
from ui.messages import Texts
from ui.text_markup import is_row, one_line, tables_drawn, text_markup

_EXCERPT = 120  # characters of a passage, while an answer is being written
_GLANCE, _BEFORE = 320, 60  # characters of a passage beside its number, and of what is not cited


def turn_markup(
    turn: Turn, *, index: int, texts: Texts, status: str = "", found: Sequence[Source] = ()
) -> str:
    """A question with its answer, its citations and how it was made.

    Args:
        turn: what is drawn.
        index: its place in the conversation; keeps the ids on the page apart.
        texts: the page's language.
        status: what is being done about it, while it waits.
        found: the passages that were found for it, while it waits.
    """
    parts = [_question(turn.question, texts)]
    if turn.answer:
        parts += _answered(turn.answer, index=index, texts=texts)
    elif turn.written:
        parts.append(_paragraph("kq-answer", escaped(turn.written)))
    if found and not turn.answer:
        parts.append(_found(found, texts))
    if turn.problem:
        parts.append(problem_markup(turn.problem))
    if turn.stopped:
        parts.append(_paragraph("kq-note", escaped(texts.stopped)))
    if status:
        parts.append(f'<p class="kq-status" role="status">{escaped(status)}</p>')
        # Whoever stops an answer ends the script before it can draw: style.css shows this then.
        parts.append(f'<div class="kq-note kq-if-stopped">{escaped(texts.stopped)}</div>')
    return f'<article class="kq-turn">{"".join(parts)}</article>'


def problem_markup(message: str) -> str:
    """An error in one line."""
    return f'<p class="kq-problem" role="alert" dir="auto">{escaped(message)}</p>'


def greeting_markup(title: str, note: str, *, documents: Sequence[str] = ()) -> str:
    """What stands on the page before the first question, with the titles of some documents."""
    items = "".join(f'<li dir="auto">{escaped(each)}</li>' for each in documents)
    titles = f'<ul class="kq-titles">{items}</ul>' if documents else ""
    return f'<div class="kq-greeting"><h1>{escaped(title)}</h1><p>{escaped(note)}</p>{titles}</div>'


def name_markup(name: str, tagline: str) -> str:
    """What this page is."""
    return f'<div class="kq-name">{escaped(name)}</div><p>{escaped(tagline)}</p>'


def title_markup(title: str, *, level: int) -> str:
    """What a part of the page is about."""
    return f'<h{level} class="kq-heading" dir="auto">{escaped(title)}</h{level}>'


def heading_markup(text: str) -> str:
    """What stands above a few small things."""
    return f'<h2 class="kq-small">{escaped(text)}</h2>'


def facts_markup(facts: dict[str, str]) -> str:
    """Labelled values, in two columns."""
    rows = (f"<dt>{escaped(k)}</dt><dd dir='auto'>{escaped(v)}</dd>" for k, v in facts.items())
    return f'<dl class="kq-facts">{"".join(rows)}</dl>'


def numbers_markup(numbers: dict[str, str]) -> str:
    """Labelled numbers, side by side."""
    parts = (
        f"<div><dt>{escaped(label)}</dt><dd>{escaped(number)}</dd></div>"
        for label, number in numbers.items()
    )
    return f'<dl class="kq-numbers">{"".join(parts)}</dl>'


def note_markup(text: str) -> str:
    """A calm remark."""
    return _paragraph("kq-note", escaped(text))


def list_markup(entries: list[tuple[str, str, str]]) -> str:
    """Files, each with a title, a remark and its path."""
    return f'<ul class="kq-files">{"".join(_entry(*entry) for entry in entries)}</ul>'


def passages_markup(text: str, passages: Sequence[Passage], *, label: str) -> str:
    """A document's text with its passages told apart, each named on its margin.

    Args:
        text: the whole document.
        passages: the part of them that is drawn, in reading order; what stands between two is
            drawn as well.
        label: names a passage; `{n}` is filled in.
    """
    parts: list[str] = []
    at = passages[0].chunk.start if passages else 0
    for passage in passages:
        begin, end = max(passage.chunk.start, at), passage.chunk.end
        name = escaped(label.format(n=passage.ordinal + 1))
        shade = "kq-even" if passage.ordinal % 2 == 0 else "kq-odd"
        trail = escaped(" > ".join(passage.chunk.heading))
        drawn = text_markup(text[begin:end], header=passage.chunk.context)
        parts.append(escaped(text[at:begin]))
        parts.append(
            f'<section class="kq-chunk {shade}" aria-label="{name}">'
            f'<div class="kq-place" dir="auto">{name}{" · " if trail else ""}{trail}</div>'
            f'<div class="kq-answer" dir="auto">{drawn}</div></section>'
        )
        at = max(at, end)
    return f'<div class="kq-text">{"".join(parts)}</div>'


def _question(question: str, texts: Texts) -> str:
    label = escaped(texts.question)
    return (
        f'<div class="kq-question" role="group" aria-label="{label}" dir="auto">'
        f"{escaped(question)}</div>"
    )


def _answered(answer: Answer, *, index: int, texts: Texts) -> list[str]:
    linked = _linked(answer, index=index, texts=texts)
    parts = []
    if answer.asked_as:
        asked_as = texts.asked_as.format(question=answer.asked_as)
        parts.append(_paragraph("kq-note", escaped(asked_as)))
    parts.append(_paragraph("kq-answer", linked))
    if answer.citations:
        heading = texts.nearest if answer.refused else texts.sources
        cards = (_card(each, index=index, texts=texts) for each in answer.citations)
        parts.append(
            f'<section class="kq-sources" aria-label="{escaped(heading)}">'
            f"<h2>{escaped(heading)}</h2>{''.join(cards)}</section>"
        )
    parts += [_paragraph("kq-note", escaped(each)) for each in _reservations(answer, texts)]
    parts.append(_paragraph("kq-note", escaped(_made(answer, texts))))
    if answer.tokens:
        parts.append(_speed(answer, texts))
    return parts


def _found(sources: Sequence[Source], texts: Texts) -> str:
    """The passages that an answer will rest on, while it is being written."""
    heading = escaped(texts.found)
    items = "".join(
        f'<li><span class="kq-title" dir="auto">{escaped(each.title)}</span>'
        f'<span class="kq-place" dir="auto">{escaped(one_line(each.text)[:_EXCERPT])}'
        "</span></li>"
        for each in sources
    )
    return (
        f'<section class="kq-found" aria-label="{heading}"><h2>{heading}</h2>'
        f'<ul class="kq-files">{items}</ul></section>'
    )


def _linked(answer: Answer, *, index: int, texts: Texts) -> str:
    """The answer's text; its citation numbers open their passages."""
    cited = {} if answer.refused else {each.n: each for each in answer.citations}

    def link(written: str, number: int) -> str:
        citation = cited.get(number)
        if citation is None:
            return written
        label = texts.citation.format(n=citation.n, title=citation.source.title)
        return (
            f'<a class="kq-number" href="#{_anchor(index, citation)}" '
            f'aria-label="{escaped(label)}" data-glance="{escaped(_glance(citation, texts))}">'
            f"{written}</a>"
        )

    def linked(begin: int, end: int) -> str:
        return replace_citations(escaped(answer.text[begin:end]), link)

    def part(begin: int, end: int) -> str:
        parts: list[str] = []
        for claim in answer.claims:
            first, last = max(claim.start, begin), min(claim.end, end)
            if claim.supported or first >= last:
                continue
            doubt = escaped(_doubt(claim, texts))
            parts.append(linked(begin, first))
            parts.append(f'<span class="kq-doubt" title="{doubt}">{linked(first, last)}</span>')
            if not answer.text[last : claim.end].strip(" |\n"):  # told once, where it ends
                parts.append(f'<span class="kq-why" role="note">{doubt}</span>')
            begin = last
        return "".join((*parts, linked(begin, end)))

    headers = {header(each.source, each.start) for each in answer.citations}
    return tables_drawn(answer.text, part, headers=headers - {""})


def _glance(citation: Citation, texts: Texts) -> str:
    """The passage as it is seen without opening it: where it stands, and what is cited of it."""
    source = citation.source
    cited = citation.start - source.start
    begin = max(0, cited - _BEFORE)
    passage = one_line(source.text[begin : begin + _GLANCE])
    opening = "…" if begin else ""
    closing = "…" if begin + _GLANCE < len(source.text) else ""
    place = " · ".join(filter(None, (source.title, _place(citation, texts))))
    return f"{place}\n{opening}{passage}{closing}"


def _doubt(claim: Claim, texts: Texts) -> str:
    """What of a claim stands in no passage, in the page's language."""
    form = texts.doubts.get(claim.doubt or "", texts.doubts["meaning"])
    return form.format(what=claim.what)


def _card(citation: Citation, *, index: int, texts: Texts) -> str:
    source = citation.source
    first_line = source.text.lstrip().partition("\n")[0]
    context = "" if is_row(source.context) and is_row(first_line) else source.context
    return (
        '<details class="kq-card"><summary>'
        f'<span class="kq-number">[{citation.n}]</span>'
        f'<span class="kq-title" dir="auto">{escaped(source.title)}</span>'
        f'<span class="kq-place" dir="auto">{escaped(_place(citation, texts))}'
        f"{_mark(citation, texts)}</span></summary>"
        '<div class="kq-passage">'
        f'<p class="kq-file" dir="auto">{escaped(shown(source.source))}</p>'
        f"{_paragraph('kq-context', escaped(context)) if context else ''}"
        f'<blockquote lang="{escaped(source.language)}" dir="auto">'
        f"{_highlighted(citation, index=index)}</blockquote></div></details>"
    )


def _highlighted(citation: Citation, *, index: int) -> str:
    """The whole passage, with the cited words marked."""
    source = citation.source
    begin, end = citation.start - source.start, citation.end - source.start
    indent = min(len(source.text) - len(source.text.lstrip()), begin)
    text = source.text[indent:end] + source.text[end:].rstrip()
    anchor = _anchor(index, citation)
    return text_markup(text, begin - indent, end - indent, header=source.context, anchor=anchor)


def _place(citation: Citation, texts: Texts) -> str:
    """Its knowledge base, if several were asked, the headings above it and its page."""
    source = citation.source
    kb = [Path(source.kb).name] * bool(source.kb)
    headings = [each for each in source.heading if each != source.title]
    page = [] if citation.page is None else [texts.page.format(page=citation.page)]
    return " · ".join(kb + [" › ".join(headings)] * bool(headings) + page)


def _mark(citation: Citation, texts: Texts) -> str:
    """That OCR read the passage."""
    if not citation.source.scanned:
        return ""
    note, mark = escaped(texts.scanned_note), escaped(texts.scanned)
    return f' <abbr class="kq-scanned" title="{note}">{mark}</abbr>'


def _made(answer: Answer, texts: Texts) -> str:
    """Who made the answer, and in what time."""
    quoted = answer.generator == "quote"
    took = answer.seconds.get("total", 0.0)
    seconds = texts.seconds.format(seconds=f"{took:.{1 if took >= 1 else 2}f}")
    parts = (texts.quote if quoted else answer.generator, seconds)
    note = texts.quote_note if quoted else texts.model_note
    return f"{' · '.join(parts)} · {note}"


def _reservations(answer: Answer, texts: Texts) -> list[str]:
    """What the model did not see, and did not say."""
    titles = dict.fromkeys(source.title for source in answer.left_out)
    left_out = [texts.left_out.format(titles=" · ".join(titles))] if titles else []
    return [*([texts.cut_off] if answer.cut_off else []), *left_out]


def _speed(answer: Answer, texts: Texts) -> str:
    """How fast the model was, for who asks."""
    rate = answer.tokens_per_second
    facts = [
        *([texts.speed_rate.format(rate=f"{rate:.1f}")] if rate else []),
        texts.speed_first.format(seconds=f"{answer.seconds.get('prompt', 0.0):.2f}"),
        texts.speed_tokens.format(**answer.tokens),
    ]
    return (
        f'<details class="kq-speed"><summary>{escaped(texts.speed)}</summary>'
        f"{_paragraph('kq-note', escaped(' · '.join(facts)))}</details>"
    )


def _entry(title: str, remark: str, path: str) -> str:
    return (
        f'<li><span class="kq-title" dir="auto">{escaped(title)}</span>'
        f'<span class="kq-place" dir="auto">{escaped(remark)}</span>'
        f'<span class="kq-file" dir="auto">{escaped(path)}</span></li>'
    )


def _paragraph(name: str, inner: str) -> str:
    return f'<div class="{name}" dir="auto">{inner}</div>'


def _anchor(index: int, citation: Citation) -> str:
    return f"source-{index}-{citation.n}"

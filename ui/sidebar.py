"""The column beside the conversation: which documents, which language, who answers."""

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from kb_qa.generators import DOWNLOAD, Choice, Kind
from kb_qa.paths import shown
from kb_qa.store.records import Location, Refusal, Summary
from ui import library
from ui.conversation import Conversation
from ui.export import as_json, as_markdown
from ui.frame import Frame
from ui.labels import plain
from ui.markup import facts_markup, list_markup, name_markup, note_markup, problem_markup
from ui.messages import TEXTS, Language, Texts, language_for
from ui.messages.frame import FrameTexts
from ui.visitor import Visitor

_LISTED = 30  # conversations
_SHARE_NAMED = 0.05  # of the passages; names of products alone are often taken for Latin or Dutch

_SIGNS_IN = "authlib"
"""What Streamlit speaks to a provider with: an extra."""

_LANGUAGE, _CHOSEN, _NEXT, _BESIDE = "language", "kb", "kb to choose", "beside"  # keys


def show_name(texts: Texts) -> None:
    """What this page is."""
    st.html(name_markup("kb-qa", texts.tagline))


def choose_language() -> Language:
    """The page's language: the browser's own until the reader switches.

    The choice is kept in the address (`?lang=zh`), so that it survives a reload.
    """
    return st.segmented_control(
        "语言 / Language",
        options=list(TEXTS),
        default=language_for(st.query_params.get("lang") or st.context.locale),
        format_func=lambda language: TEXTS[language].language_name,
        required=True,
        key=_LANGUAGE,
        on_change=_keep_language,
        label_visibility="collapsed",
        width="stretch",
    )


def _keep_language() -> None:
    st.query_params["lang"] = st.session_state[_LANGUAGE]


def offer_sign_in(texts: FrameTexts) -> None:
    """The way in, by the provider that is set up."""
    st.html(note_markup(texts.sign_in_note))
    if not _has_provider():
        st.html(problem_markup(texts.sign_in_missing))
    elif find_spec(_SIGNS_IN) is None:
        st.html(problem_markup(texts.sign_in_extra))
    else:
        st.button(texts.sign_in, on_click=st.login, type="primary")


def _has_provider() -> bool:
    with suppress(StreamlitSecretNotFoundError):  # there is no file of secrets at all
        return "auth" in st.secrets
    return False


def show_visitor(visitor: Visitor, texts: FrameTexts) -> None:
    """Who is signed in, and the way out; nothing where nobody must."""
    if visitor.name:
        st.html(note_markup(visitor.name))
        st.button(texts.sign_out, on_click=st.logout, type="tertiary")
    if not visitor.may_edit:
        st.html(note_markup(texts.read_only))


def choose_knowledge_base(configured: Path, texts: Texts) -> Path:
    """The knowledge base to ask; a chooser where there are several.

    The choice is kept in the address (`?kb=NAME`), so that it survives a reload.
    """
    options = library.choices(configured)
    named = [each for each in options if each.name == st.query_params.get(_CHOSEN)]
    if (wanted := st.session_state.pop(_NEXT, None)) in options:
        st.session_state[_CHOSEN] = wanted
    elif named and _CHOSEN not in st.session_state:
        st.session_state[_CHOSEN] = named[0]
    if len(options) == 1:
        name = configured.name if configured.is_absolute() else str(configured)
        st.html(facts_markup({texts.knowledge_base: shown(name)}))
        return configured
    chosen = st.selectbox(
        texts.knowledge_base,
        options,
        format_func=lambda kb: kb.name,
        key=_CHOSEN,
    )
    if chosen == configured:
        st.query_params.pop(_CHOSEN, None)
    else:
        st.query_params[_CHOSEN] = chosen.name
    return chosen


def choose_beside(frame: Frame, texts: Texts) -> tuple[Path, ...]:
    """Further knowledge bases to ask with the one chosen; nothing to choose where it is alone."""
    others = [
        each
        for each in library.choices(frame.engine.settings.kb)
        if each != frame.kb and library.is_made(each)
    ]
    if not others:
        return ()
    chosen = st.multiselect(
        texts.beside,
        others,
        format_func=lambda kb: kb.name,
        key=f"{_BESIDE} {frame.kb}",
        placeholder="",
    )
    return tuple(chosen)


def choose_next(kb: Path) -> None:
    """Have another knowledge base chosen when the page is drawn again."""
    st.session_state[_NEXT] = kb


def show_contents(kb: Path, numbers: Summary, texts: Texts) -> None:
    """How much is indexed, and a way to the list."""
    facts = {
        texts.documents: f"{numbers.documents:,}",
        texts.passages: f"{numbers.chunks:,}",
        texts.languages: _languages(numbers, texts),
    }
    if numbers.refusals:
        facts[texts.unreadable] = f"{numbers.refusals:,}"
    st.html(facts_markup(facts))
    if st.button(texts.indexed, width="stretch"):
        st.dialog(texts.indexed, width="medium")(_list_contents)(kb, texts)


def show_generator(choice: Choice, texts: Texts) -> None:
    """Who answers, and how to get XVERSE."""
    quoted = choice.kind is Kind.QUOTE
    st.html(facts_markup({texts.generator: texts.quote if quoted else choice.name}))
    if choice.wants_model:
        st.html(note_markup(texts.xverse_wanted))
        st.code(DOWNLOAD, language=None, wrap_lines=True)
    else:
        st.html(note_markup(texts.quote_note if quoted else texts.model_note))


def show_conversations(conversation: Conversation, frame: Frame, texts: Texts) -> None:
    """A new conversation, the earlier ones, and ways to take this one along."""
    if conversation.turns:
        st.button(texts.new_conversation, on_click=conversation.leave, width="stretch")
        with st.popover(texts.export, width="stretch", type="tertiary"):
            _offer_export(conversation, frame, texts)
    with st.expander(texts.conversations):
        matching = st.text_input(texts.find_conversation, key="find conversation")
        for entry in frame.history.entries(
            frame.visitor.id, kb=frame.kb.name, matching=matching, limit=_LISTED
        ):
            # Markdown in a label would be drawn: a question is put as it was written.
            st.button(
                plain(entry.title),
                key=f"open {entry.id}",
                on_click=_open,
                args=(conversation, entry.id),
                type="primary" if entry.id == conversation.id else "tertiary",
                width="stretch",
                help=entry.changed[:16].replace("T", " "),
            )
        if conversation.id:
            with st.popover(texts.forget, width="stretch", type="tertiary"):
                st.button(texts.forget_sure, on_click=_forget, args=(conversation, frame))


def _offer_export(conversation: Conversation, frame: Frame, texts: Texts) -> None:
    name = f"{frame.kb.name}-{conversation.id[:6]}"
    st.download_button(
        texts.export_markdown,
        as_markdown(conversation.turns, title=frame.kb.name),
        f"{name}.md",
        "text/markdown",
        on_click="ignore",
    )
    st.download_button(
        texts.export_json,
        as_json(conversation.turns),
        f"{name}.json",
        "application/json",
        on_click="ignore",
    )


def _open(conversation: Conversation, kept: str) -> None:
    conversation.open(kept)


def _forget(conversation: Conversation, frame: Frame) -> None:
    frame.history.forget(frame.visitor.id, conversation.id)
    conversation.leave()


def _list_contents(kb: Path, texts: Texts) -> None:
    matching = st.text_input(texts.indexed_filter)
    found = library.contents(kb, matching=matching)
    entries = [_refused(each) for each in found.refused]
    entries += [_read(each, texts) for each in found.read]
    if run := found.last_run:
        when, seconds = run.began[:16].replace("T", " "), f"{run.seconds['total']:.1f}"
        st.html(note_markup(texts.indexed_run.format(when=when, seconds=seconds)))
    st.html(list_markup(entries) if entries else note_markup(texts.indexed_none))
    if found.left_out:
        st.html(note_markup(texts.indexed_more.format(count=f"{found.left_out:,}")))


def _read(location: Location, texts: Texts) -> tuple[str, str, str]:
    form = texts.indexed_place if location.pages else texts.indexed_place_unpaged
    place = form.format(pages=location.pages, passages=location.chunks)
    return location.title, " · ".join((place, *location.warnings)), shown(location.path)


def _refused(refusal: Refusal) -> tuple[str, str, str]:
    return Path(shown(refusal.path)).name, refusal.reason, shown(refusal.path)


def _languages(numbers: Summary, texts: Texts) -> str:
    """The languages that are no accident of detection, most frequent first."""
    least = _SHARE_NAMED * numbers.chunks
    counts = sorted(numbers.languages.items(), key=lambda each: -each[1])
    return " · ".join(texts.language_names.get(code, code) for code, n in counts if n >= least)

"""The page: its views, and what stands around each of them.

`streamlit run ui/app.py` runs this file anew for every interaction; what lasts
is the process's engine, and what is kept on the disk.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from kb_qa import KbQaError
from ui import sidebar
from ui.actions import is_open
from ui.engine import Engine, shared_engine
from ui.frame import HISTORY_FOLDER, JOBS_FOLDER, UPLOADS_FOLDER, Frame
from ui.history import History
from ui.jobs import Jobs
from ui.markup import problem_markup
from ui.messages import TEXTS, Language
from ui.messages.frame import FRAME
from ui.views import ask, library, quality, system
from ui.visitor import Visitor, visitor

_HERE = Path(__file__).parent

_VIEWS: dict[str, Callable[[Frame], None]] = {
    "ask": ask.draw,
    "library": library.draw,
    "quality": quality.draw,
    "system": system.draw,
}
"""By the last part of their address; the first is the page's own."""


def main() -> None:
    """Draw the page of this process."""
    st.set_page_config(
        page_title="kb-qa",
        page_icon=str(_HERE / "icon.svg"),
        layout="wide" if is_open(st.session_state) else "centered",
    )
    st.html(_HERE / "style.css")
    page(shared_engine)


def page(load_engine: Callable[[], Engine]) -> None:
    """Draw the page, or in one line why it cannot be drawn."""
    try:
        _draw(load_engine())
    except KbQaError as error:
        st.html(problem_markup(str(error)))


def _draw(engine: Engine) -> None:
    """Who is here, what is asked about, then the view."""
    column = st.sidebar.container()
    with st.sidebar:
        language = sidebar.choose_language()
    here = visitor(engine.settings)
    if here is None:
        sidebar.offer_sign_in(FRAME[language])
        return
    with column:
        sidebar.show_name(TEXTS[language])
        kb = sidebar.choose_knowledge_base(engine.settings.kb, TEXTS[language])
        sidebar.show_visitor(here, FRAME[language])
    _view(_frame(engine, here, language, kb))


def _frame(engine: Engine, here: Visitor, language: Language, kb: Path) -> Frame:
    folder = engine.settings.page
    return Frame(
        engine=engine,
        visitor=here,
        language=language,
        kb=kb,
        history=History(folder / HISTORY_FOLDER),
        jobs=Jobs(folder / JOBS_FOLDER),
        uploads=folder / UPLOADS_FOLDER,
    )


def _view(frame: Frame) -> None:
    """The view that the address names, and the way to the others."""
    titles = FRAME[frame.language]
    views = [
        st.Page(
            partial(draw, frame),
            title=getattr(titles, name),
            url_path=name,
            default=name == next(iter(_VIEWS)),
        )
        for name, draw in _VIEWS.items()
    ]
    st.navigation(views, position="top").run()


if __name__ == "__main__":
    main()

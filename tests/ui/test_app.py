"""The page, run by Streamlit's own test runner on a real knowledge base."""

import re
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from ingest.pipeline import ingest
from kb_qa import KbQaError, KnowledgeBaseQA, Source, load_settings
from kb_qa.generators import Choice, Kind
from kb_qa.settings import Settings
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase
from kb_qa.store.records import Chunk, Document
from tests.fakes import WordEmbeddings
from tests.kb_qa.xverse.official import Shape, make_official
from tests.served import Script, chat_server
from ui.answering import Drawing, _loaded
from ui.conversation import Conversation, Turn
from ui.engine import Engine
from ui.frame import Frame
from ui.history import History
from ui.jobs import Jobs
from ui.messages import TEXTS
from ui.visitor import Visitor

HANDBOOK = "The office opens at nine. Annual leave is fifteen days a year. Lunch is at noon."
HOSTILE = "The <b>secret</b> recipe is ![x](http://evil.example/x.png) and :material/delete: $x$."
EN, ZH = TEXTS["en"], TEXTS["zh"]


def _script(engine: "Engine") -> None:  # Streamlit runs its source, apart from this module
    from ui.app import page

    page(lambda: engine)


def settings_in(folder: Path) -> Settings:
    return load_settings(llm="quote", kb=folder / "kb", page=folder / "page", floor=0.3)


@pytest.fixture
def engine(tmp_path: Path, embeddings: WordEmbeddings) -> Engine:
    return Engine(settings_in(tmp_path), embeddings=embeddings)


@pytest.fixture
def page(engine: Engine) -> AppTest:
    return AppTest.from_function(_script, args=(engine,), default_timeout=30)


@pytest.fixture
def handbook(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    put(knowledge_base, "Handbook", HANDBOOK)
    return knowledge_base


def put(kb: KnowledgeBase, title: str, text: str) -> None:
    """Store a document of one passage."""
    with kb.write() as writer, writer.transaction():
        key = writer.put(
            Document(title, title, text),
            chunks=[Chunk(text, 0, len(text), heading=("Rules",), page=2)],
            vectors=kb.embeddings.embed_passages([text]),
        )
        writer.place(f"/docs/{title}.md", document=key, stamp="")


def shown(page: AppTest) -> str:
    """All HTML on the page."""
    assert not page.exception
    return "\n".join(element.body for element in page.html)


def marked(page: AppTest) -> list[str]:
    """What is highlighted on the page."""
    return re.findall("<mark[^>]*>(.*?)</mark>", shown(page))


def ask(page: AppTest, question: str) -> str:
    """Ask, and give back what the page shows then."""
    page.chat_input(key="question").set_value(question).run()
    return shown(page)


@pytest.mark.usefixtures("handbook")
def test_the_first_question_is_answered(page: AppTest) -> None:
    """A question right after the start waits for the models, and is answered with its source."""
    page.run()
    assert EN.greeting in shown(page)
    found = ask(page, "How long is annual leave?")
    assert EN.greeting not in found
    assert marked(page) == ["Annual leave is fifteen days a year."]
    assert f"Rules · {EN.page.format(page=2)}" in found
    assert EN.quote_note in found


@pytest.mark.usefixtures("handbook")
def test_the_conversation_stays(page: AppTest) -> None:
    """Earlier questions and answers stay on the page until they are cleared."""
    page.run()
    ask(page, "How long is annual leave?")
    found = ask(page, "When is lunch?")
    assert "fifteen days" in found
    assert "Lunch is at noon." in marked(page)
    next(button for button in page.button if button.label == EN.new_conversation).click().run()
    assert "fifteen days" not in shown(page)
    assert EN.greeting in shown(page)


@pytest.mark.usefixtures("handbook")
def test_a_question_nothing_answers_is_refused(page: AppTest) -> None:
    """The page says so, and offers the nearest passages."""
    page.run()
    found = ask(page, "木星有多少颗卫星")
    assert ZH.nearest not in found
    assert EN.nearest in found
    assert 'href="#' not in found


@pytest.mark.usefixtures("handbook")
def test_a_switch_of_language_keeps_the_conversation(page: AppTest) -> None:
    """The page's own words change; what was asked and answered stays."""
    page.run()
    ask(page, "How long is annual leave?")
    page.segmented_control(key="language").set_value("zh").run()
    assert page.query_params["lang"] == "zh"
    found = shown(page)
    assert ZH.quote_note in found
    assert EN.quote_note not in found
    assert "fifteen days" in found


@pytest.mark.usefixtures("handbook")
def test_the_address_may_name_the_language(page: AppTest) -> None:
    """`?lang=zh` opens the page in Chinese, whatever the browser speaks."""
    page.query_params["lang"] = "zh"
    page.run()
    assert ZH.greeting in shown(page)


def test_no_knowledge_base_yet(page: AppTest, knowledge_base: KnowledgeBase) -> None:
    """The page says the one command to run, and opens once it was run."""
    page.run()
    assert EN.missing in shown(page)
    assert f"-m ingest data/docs --kb {knowledge_base.folder}" in page.code[0].value
    assert not page.chat_input
    put(knowledge_base, "Handbook", HANDBOOK)
    page.run()
    assert EN.greeting in shown(page)


def test_each_knowledge_base_has_its_conversation(
    page: AppTest, handbook: KnowledgeBase, tmp_path: Path
) -> None:
    """The chooser changes the documents and the conversation about them."""
    put(KnowledgeBase(tmp_path / "recipes", embeddings=handbook.embeddings), "Soup", "Soup is hot.")
    page.run()
    ask(page, "How long is annual leave?")
    page.selectbox(key="kb").select_index(1).run()
    assert "fifteen days" not in shown(page)
    ask(page, "Is soup hot?")
    assert marked(page) == ["Soup is hot."]
    page.selectbox(key="kb").select_index(0).run()
    assert "fifteen days" in shown(page)


@pytest.mark.usefixtures("handbook")
def test_what_is_indexed_can_be_listed(page: AppTest) -> None:
    """The list names each document, its file and its passages."""
    page.run()
    next(button for button in page.button if button.label == EN.indexed).click().run()
    assert "/docs/Handbook.md" in shown(page)
    assert EN.indexed_place_unpaged.format(passages=1) in shown(page)


def test_what_became_of_files_can_be_read_again(
    page: AppTest, knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    """The list says what was lost of a file, why another failed, and when they were read."""
    (tmp_path / "old.txt").write_bytes("本手册适用于所有员工，请妥善保管。".encode("gb18030"))
    (tmp_path / "bad.pdf").write_bytes(b"no PDF")
    ingest([tmp_path / "old.txt", tmp_path / "bad.pdf"], knowledge_base=knowledge_base)
    page.run()
    next(button for button in page.button if button.label == EN.indexed).click().run()
    assert "read as GB18030" in shown(page)
    assert "damaged, or not PDF" in shown(page)
    assert "Last read on 2" in shown(page)


def test_hostile_documents_are_shown_as_text(page: AppTest, knowledge_base: KnowledgeBase) -> None:
    """Nothing of a document, and nothing of a question, reaches the page unescaped."""
    put(knowledge_base, "<img src=x>", HOSTILE)
    page.run()
    found = ask(page, "What is the secret recipe <i>?")
    assert "&lt;b&gt;secret&lt;/b&gt;" in found
    assert "&lt;img src=x&gt;" in found
    assert "&lt;i&gt;" in found
    for tag in ("<b>", "<img", "<i>"):
        assert tag not in found
    assert not page.markdown


def test_a_damaged_knowledge_base_is_one_line(page: AppTest, tmp_path: Path) -> None:
    """What a user can cure is told in a line that names the file."""
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / CATALOG).write_bytes(b"no database, but as long as a header of one " * 30)
    page.run()
    assert 'role="alert"' in shown(page)
    assert CATALOG in shown(page)


class _FailingEngine(Engine):
    """An engine whose models cannot be loaded."""

    error: Exception = KbQaError("KB_QA_DEVICE='<b>': no such device, set it to cpu")

    def chain(
        self, kb: Path, choice: Choice | None = None, *, beside: tuple[Path, ...] = ()
    ) -> Future[KnowledgeBaseQA]:
        failed: Future[KnowledgeBaseQA] = Future()
        failed.set_exception(self.error)
        return failed


@pytest.mark.usefixtures("handbook")
def test_models_that_cannot_be_loaded_are_one_line(engine: Engine) -> None:
    """The error's own line is shown, escaped, and the page goes on."""
    failing = _FailingEngine(engine.settings)
    page = AppTest.from_function(_script, args=(failing,)).run()
    assert "KB_QA_DEVICE=&#x27;&lt;b&gt;&#x27;: no such device" in ask(page, "Anyone there?")
    assert page.chat_input


@pytest.mark.usefixtures("handbook")
def test_an_unforeseen_error_shows_no_traceback(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """The page says that something went wrong; the log says what."""
    failing = _FailingEngine(engine.settings)
    failing.error = ZeroDivisionError("in the depths")
    page = AppTest.from_function(_script, args=(failing,)).run()
    found = ask(page, "Anyone there?")
    assert EN.unexpected in found
    assert "depths" not in found
    assert "ZeroDivisionError: in the depths" in caplog.text


class _LoadingEngine(Engine):
    """An engine that takes its time."""

    def loads_xverse(self, choice: Choice) -> bool:
        return True

    def chain(
        self, kb: Path, choice: Choice | None = None, *, beside: tuple[Path, ...] = ()
    ) -> Future[KnowledgeBaseQA]:
        loading: Future[KnowledgeBaseQA] = Future()
        threading.Timer(0.5, loading.set_exception, [KbQaError("loaded: too late")]).start()
        return loading


@pytest.mark.usefixtures("handbook")
def test_a_question_waits_for_xverse_and_says_so(engine: Engine) -> None:
    """Loading it takes a minute or two: the reader is told which model is awaited."""
    loading = _LoadingEngine(engine.settings)
    loading.choice = Choice(Kind.XVERSE, "xverse/XVERSE-7B-Chat")
    page = AppTest.from_function(_script, args=(loading,), default_timeout=30).run()
    assert "XVERSE-7B-Chat" in shown(page)
    drawn: list[str] = []
    drawing = RecordingDrawing(drawn)
    history = History(engine.settings.page)
    conversation = Conversation({}, kb=engine.settings.kb, memory=history, owner="anna")
    conversation.ask("How long?")
    with pytest.raises(KbQaError, match="too late"):
        _loaded(conversation, frame_of(loading, history), drawing, choice=loading.choice)
    assert set(drawn) == {EN.loading_model.format(model="XVERSE-7B-Chat")}
    assert len(drawn) > 2  # at every drawing a reader may stop


def frame_of(engine: Engine, history: History) -> Frame:
    folder = engine.settings.page
    return Frame(
        engine=engine,
        visitor=Visitor("anna", "", may_edit=True),
        language="en",
        kb=engine.settings.kb,
        history=history,
        jobs=Jobs(folder / "jobs"),
        uploads=folder / "uploads",
    )


class RecordingDrawing(Drawing):
    """A drawing that keeps what it was to say."""

    def __init__(self, drawn: list[str]) -> None:
        super().__init__(area=DeltaGenerator(), index=0, texts=EN)
        object.__setattr__(self, "drawn", drawn)

    def show(self, turn: Turn, *, status: str = "", found: Sequence[Source] = ()) -> None:
        self.drawn.append(status)


def test_several_are_asked_as_one(page: AppTest, handbook: KnowledgeBase) -> None:
    """What is chosen beside the knowledge base is asked too; its passages say where they are."""
    other = KnowledgeBase(handbook.folder.parent / "canteen", embeddings=handbook.embeddings)
    put(other, "Menu", "On Fridays there is fish. On Mondays there is soup.")
    page.run()
    found = ask(page, "What is there on Fridays?")
    assert "On Fridays there is fish." not in found
    [beside] = page.sidebar.multiselect
    assert beside.label == EN.beside
    beside.select(other.folder).run()
    found = ask(page, "What is there on Fridays then?")
    assert "On Fridays there is fish." in marked(page)
    assert f"canteen · Rules · {EN.page.format(page=2)}" in found


@pytest.mark.usefixtures("handbook")
def test_alone_there_is_nothing_to_choose_beside(page: AppTest) -> None:
    """A chooser without a choice is not drawn."""
    assert not page.run().sidebar.multiselect


@pytest.mark.usefixtures("handbook")
def test_an_answer_can_be_copied(page: AppTest) -> None:
    """Its text and where its citations stand, in a block that Streamlit lets one copy."""
    page.run()
    ask(page, "How long is annual leave?")
    copied = page.main.code[0].value
    assert copied == "Annual leave is fifteen days a year. [1]\n\n[1] /docs/Handbook.md, p. 2"


@pytest.mark.usefixtures("handbook")
def test_how_to_get_xverse(engine: Engine) -> None:
    """Where there is a card and only the model is missing, the page names the one command."""
    engine.choice = Choice(Kind.QUOTE, wants_model=True)
    page = AppTest.from_function(_script, args=(engine,), default_timeout=30).run()
    assert EN.xverse_wanted in shown(page)
    assert page.sidebar.code[0].value == "python -m kb_qa download"
    page.segmented_control(key="language").set_value("zh").run()
    assert ZH.xverse_wanted in shown(page)


@pytest.mark.usefixtures("handbook")
def test_a_model_s_answer_is_drawn(engine: Engine, embeddings: WordEmbeddings) -> None:
    """Text, citations, who wrote it and how fast; what fails on the way is one line."""
    with chat_server() as server:
        settings = engine.settings.model_copy(update={"llm": server.setting})
        written = Engine(settings, embeddings=embeddings)
        page = AppTest.from_function(_script, args=(written,), default_timeout=30).run()
        found = ask(page, "How long is annual leave?")
        assert "Fifteen days" in found
        assert EN.speed in found
        assert marked(page) == ["Annual leave is fifteen days a year."]
        server.script = Script(status=401)
        assert "the key was refused: set KB_QA_LLM_KEY" in ask(page, "How long is annual leave?")


@pytest.mark.usefixtures("handbook")
def test_xverse_itself_answers(engine: Engine, embeddings: WordEmbeddings, tmp_path: Path) -> None:
    """A tiny one with random weights, from the files as published to the words on the page."""
    folder = make_official(tmp_path / "tiny", shape=Shape(positions=2048))
    settings = engine.settings.model_copy(update={"llm": str(folder), "device": "cpu"})
    xverse = Engine(settings, embeddings=embeddings)
    page = AppTest.from_function(_script, args=(xverse,), default_timeout=60).run()
    assert "tiny" in shown(page)
    found = ask(page, "How long is annual leave?")
    assert EN.speed in found
    assert 'role="alert"' not in found
    assert not xverse.loads_xverse(xverse.choice)

"""The folders of knowledge bases: made, renamed and deleted, never by half."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa import KnowledgeBase, knowledge_bases
from kb_qa.errors import KnowledgeBaseBusy, KnowledgeBaseMissing, NameUnusable
from kb_qa.store.folders import create, delete, rename, size
from tests.fakes import WordEmbeddings


def test_made_renamed_deleted(tmp_path: Path, embeddings: WordEmbeddings) -> None:
    """A new one is empty and found beside the others; what it holds goes with its name."""
    folder = create(tmp_path, " 员工 手册 (2026) ", embeddings=embeddings)
    assert knowledge_bases(tmp_path) == [folder] == [tmp_path / "员工 手册 (2026)"]
    with KnowledgeBase(folder, embeddings=embeddings).read() as snapshot:
        assert snapshot.summary.documents == 0
    assert size(folder) > 0
    renamed = rename(folder, "b")
    assert knowledge_bases(tmp_path) == [renamed] == [tmp_path / "b"]
    with KnowledgeBase(renamed, embeddings=embeddings).read() as snapshot:
        assert snapshot.embedder == embeddings.identity
    delete(renamed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["", " ", "../up", "a/b", "a\\b", ".hidden", "-rf", "a\0b", "a\nb", "a.", "字" * 30]
)
def test_names_that_are_none(tmp_path: Path, embeddings: WordEmbeddings, name: str) -> None:
    """A name that would leave the folder, hide, or look like an option is refused."""
    with pytest.raises(NameUnusable, match="cannot be the name"):
        create(tmp_path, name, embeddings=embeddings)
    assert list(tmp_path.iterdir()) == []


@given(name=st.text(max_size=100))
def test_a_new_one_is_always_a_child(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Whatever the name, what is made stands right below the folder that was named."""
    parent = tmp_path_factory.mktemp("names")
    try:
        folder = create(parent, name, embeddings=WordEmbeddings())
    except NameUnusable:
        assert list(parent.iterdir()) == []
    else:
        assert [folder] == list(parent.iterdir())


def test_a_name_is_taken_once(tmp_path: Path, embeddings: WordEmbeddings) -> None:
    """What is there already, knowledge base or not, is not written over."""
    (tmp_path / "docs").mkdir()
    with pytest.raises(NameUnusable, match="is taken"):
        create(tmp_path, "docs", embeddings=embeddings)
    folder = create(tmp_path, "a", embeddings=embeddings)
    with pytest.raises(NameUnusable, match="is taken"):
        rename(folder, "docs")


def test_nothing_is_taken_from_a_writer(tmp_path: Path, embeddings: WordEmbeddings) -> None:
    """While somebody writes it, it keeps its name and its documents."""
    folder = create(tmp_path, "a", embeddings=embeddings)
    with KnowledgeBase(folder, embeddings=embeddings).write():
        for change in (lambda: rename(folder, "b"), lambda: delete(folder)):
            with pytest.raises(KnowledgeBaseBusy):
                change()
    assert knowledge_bases(tmp_path) == [folder]


def test_what_is_no_knowledge_base_stays(tmp_path: Path) -> None:
    """A folder of something else is neither renamed nor deleted."""
    (tmp_path / "docs").mkdir()
    for change in (lambda: rename(tmp_path / "docs", "b"), lambda: delete(tmp_path / "docs")):
        with pytest.raises(KnowledgeBaseMissing):
            change()
    assert (tmp_path / "docs").is_dir()

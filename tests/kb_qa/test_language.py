"""Languages of passages and questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa.language import UNKNOWN, detect_language, detect_question_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("员工每年享有带薪假期，需提前申请。", "zh"),
        ("員工每年享有帶薪假期，需提前申請。", "zh"),
        ("用 python -m ingest ./docs 建立知识库", "zh"),
        ("社員は毎年有給休暇を取ることができます。", "ja"),
        ("직원은 매년 유급 휴가를 받을 수 있습니다.", "ko"),
        ("Employees are entitled to paid leave every year.", "en"),
        ("Die Beschäftigten haben jedes Jahr Anspruch auf bezahlten Urlaub.", "de"),
        ("Los empleados tienen derecho a vacaciones pagadas cada año.", "es"),
        ("Сотрудники имеют право на ежегодный оплачиваемый отпуск.", "ru"),
        ("12 + 34 = 46", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_text_is_told_by_its_script_then_by_its_words(text: str, language: str) -> None:
    """Han, kana and Hangul speak for themselves; other scripts are identified by words."""
    assert detect_language(text) == language


@given(st.text())
def test_any_text_has_a_language(text: str) -> None:
    """No text is too strange."""
    assert detect_language(text)


def test_a_few_words_are_of_no_language() -> None:
    """Two or three words of Latin letters are not told apart; a Chinese character is."""
    assert detect_question_language("refund policy") == UNKNOWN
    assert detect_question_language("住宿") == "zh"
    assert detect_question_language("How many days of annual leave are there?") == "en"

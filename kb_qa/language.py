"""Which language a passage or a question is written in."""

import re

import py3langid

UNKNOWN = "und"

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_LETTER = re.compile(r"[^\W\d_]")
_OF_OWN_LETTERS = frozenset(("zh", "ja", "ko"))
_WORDS = 4  # from which on a question's language is known well enough
_SAMPLE = 600  # characters: enough to be sure, little enough to cost 0.3 ms


def prepare() -> None:
    """Load what tells the languages apart: half a second that the first text would wait."""
    py3langid.classify("")


def detect_question_language(text: str) -> str:
    """As of any text; "und" for a few words of letters that most languages share.

    A question is short, and "refund policy" is taken for German.
    """
    language = detect_language(text)
    is_told_by_its_letters = language in _OF_OWN_LETTERS
    return language if is_told_by_its_letters or len(text.split()) >= _WORDS else UNKNOWN


def detect_language(text: str) -> str:
    """The ISO 639-1 code of a text's language; "und" where it holds no letters.

    A Han character says as much as several Latin letters, so a Chinese text
    full of product names is still Chinese.
    """
    sample = text[:_SAMPLE]
    letters = len(_LETTER.findall(sample))
    han, kana, hangul = (len(p.findall(sample)) for p in (_HAN, _KANA, _HANGUL))
    if letters == 0:
        return UNKNOWN
    if 4 * (han + kana + hangul) < letters:
        return str(py3langid.classify(sample)[0])
    if hangul > han + kana:
        return "ko"
    return "ja" if 5 * kana > han else "zh"

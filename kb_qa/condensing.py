"""A question that leans on the conversation, made to stand by itself.

Without a language model the last question's words are carried over. With one, its rewriting
is searched for, as far as it can be trusted: documents were quoted in the conversation, so
what comes back may say anything.
"""

import re
import unicodedata
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum

from kb_qa.prompts import Turn
from kb_qa.terms import question_terms, terms

_LONGEST = 300  # characters of a rewriting
_WORD = "word"
_TURNS = 6  # looked back over at most
_FEW_WORDS = 2  # terms of a question that names nothing, as "When was that founded?"
_FEW_PAIRS = 7  # the same in a script without spaces: its terms are pairs of characters
_NEW_CHARACTERS = 3  # in a row, that nobody said: a name


class Need(StrEnum):
    """How much a question needs the conversation before it."""

    STANDS = "stands"
    UNSURE = "unsure"
    LEANS = "leans"


_CHINESE_POINTING = re.compile(
    "它|牠|祂|她|(?<![其吉])他(?!人|国|國|乡|鄉)|该(?=[^不怎如]{1,6})(?<!应该)|該(?<!應該)"
    "|(?<![尤与與极極])其(?![他它实實])|[这這](?!么|麼)|那(?!么|麼)|前者|后者|後者|上述|(?<![因如从從])此(?!外)"
)
_CHINESE_OPENING = re.compile(
    "^(那|还有|還有|以及|另外|然后|然後|后来|後來|接着|而且|为什么[?？]?$)"
)
_CHINESE_CLOSING = re.compile("呢[?？。]*$")
_POINTING = frozenset(
    # "es", "sie" as an address, "that" and "one" as conjunction and number are left out where
    # they may point at nothing
    "it its they them their theirs he him his she her hers these those "
    "él ella ello ellos ellas su sus este esta estos estas ese esa eso esos esas esto allí ahí "
    "il elle ils elles leur leurs cela celui celle ceux celles".split()
)
_POINTING_GERMAN = frozenset(  # apart: its nouns are in capitals too, and tell no names
    "er ihn ihm ihr ihre ihrer ihrem ihren seine seiner seinem seinen dessen deren dieser diese "
    "dieses diesem diesen dort davon dafür daran darin dazu damit".split()
)
_OPENING = re.compile(
    r"^\W*(and|also|what about|how about|or|but|then|und|oder|aber|auch|wie steht es mit"
    r"|was ist mit|y|e|o|pero|también|qué hay de|qué pasa con|et|ou|mais)\b",
    re.IGNORECASE,
)
_POINTING_ENGLISH = re.compile(
    r"\b(that|this)\b(?=\W*$)|\b(is|was|does|did|about|of|in|for) (that|this)\b"
    r"|\b(that|this) one\b",
    re.IGNORECASE,
)
_FILLING = frozenset(
    "and also what about how or but then in und oder aber auch wie steht es mit was ist im "
    "y e o pero también qué hay de pasa con en et ou mais 那 呢 年 年呢 那么 的".split()
)
_YEAR = re.compile(r"(?<!\d)(1[0-9]|20|21)\d\d(?!\d)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_UPPER_CASE = re.compile(r"[^\W\d_]*[A-ZÄÖÜÁÉÍÓÚÑ][^\W\d_]*")
_HAN_RUN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_CHINESE_ASKING = re.compile(
    "[请請][问問]|[为為][什甚][么麼]|[什甚][么麼]|怎[么麼][样樣]?|怎[样樣]|如何|多少|多[久长長大高远遠]"
    "|何[时時]|[时時]候|哪[一个個些里裡位年]*|[几幾][个個]?|[谁誰]|是否|有[没沒]有|[吗嗎呢]"
)
_MARKS = re.compile(r"[?？。.!！\s]+$")


def need(question: str) -> Need:
    """Whether a question leans on what was said before it, as far as its words tell.

    It leans if it points back ("it", 它, "dort"), opens or closes as one that goes on does
    ("And in ...?", 那……呢？), and may lean if it holds too few words to name its subject.
    """
    text = unicodedata.normalize("NFKC", question).strip()
    if any(
        pattern.search(text)
        for pattern in (
            _CHINESE_POINTING,
            _CHINESE_OPENING,
            _CHINESE_CLOSING,
            _OPENING,
            _POINTING_ENGLISH,
        )
    ) or _POINTING_GERMAN.intersection(terms(text)):
        return Need.LEANS
    if pointing := _POINTING.intersection(terms(text)):
        return Need.UNSURE if _named_before(text, pointing) else Need.LEANS
    if question_terms(f"{_WORD} {text}") == [_WORD]:
        return Need.LEANS  # "How many?": beside any word, nothing of it would be searched for
    own = question_terms(text)
    pairs = sum(bool(_HAN_RUN.match(term)) for term in own)
    few = len(own) - pairs <= _FEW_WORDS and pairs <= _FEW_PAIRS
    return Need.UNSURE if few else Need.STANDS


def carried(question: str, history: Sequence[Turn]) -> str:
    """The question with the words of the questions that it follows.

    The chain of follow-ups is walked from its beginning, so that a third one still knows the
    subject of the first. What the newer question says anew replaces the old: a year gives way
    to the new year.
    """
    asked = ""
    for each in (*(turn[0] for turn in history[-_TURNS:]), question):
        asked = _joined(asked, each) if asked and need(each) is not Need.STANDS else each
    return asked


def searches(question: str, history: Sequence[Turn]) -> tuple[str, ...]:
    """What to search for, in turn, until there is evidence: without a language model."""
    if not history:
        return (question,)
    together = carried(question, history)
    return tuple(
        dict.fromkeys(
            {
                Need.STANDS: (question,),
                Need.UNSURE: (question, together),
                Need.LEANS: (together, question),
            }[need(question)]
        )
    )


def trusted(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether a model's rewriting only says what the conversation said.

    Not if it is long, of several lines or no question any more, has lost a number of the
    question, or brings a number or a name that nobody mentioned.
    """
    if not rewritten or len(rewritten) > _LONGEST or re.search(r"[\n<>]", rewritten):
        return False
    if _asks(question) and not _asks(rewritten):
        return False
    said = _plain(" ".join([question, *(part for turn in history for part in turn)]))
    numbers = set(_NUMBER.findall(_plain(rewritten)))
    if not set(_NUMBER.findall(_plain(question))) <= numbers <= set(_NUMBER.findall(said)):
        return False
    return not (_names(rewritten) - set(terms(said))) and not _new_run(rewritten, said)


def _named_before(text: str, pointing: AbstractSet[str]) -> bool:
    """Whether a name precedes what points back, and so may be what it points at."""
    _, *words = re.findall(r"\w+", text)
    first = next((n for n, word in enumerate(words) if word.lower() in pointing), 0)
    return any(word[:1].isupper() for word in words[:first])


def _joined(before: str, question: str) -> str:
    """A question together with the one before it."""
    year = _YEAR.search(question)
    if year and _YEAR.search(before):
        if _only_a_year(question):
            return _YEAR.sub(year.group(), before)
        before = _YEAR.sub("", before)
    subject = _MARKS.sub("", _CHINESE_ASKING.sub("", before)) or before
    return f"{subject} {question}"


def _only_a_year(question: str) -> bool:
    rest = _YEAR.sub(" ", unicodedata.normalize("NFKC", question)).lower()
    return all(word in _FILLING for word in re.findall(r"\w+", rest))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _asks(text: str) -> bool:
    return text.rstrip().endswith(("?", "？", ";", "؟"))


def _names(text: str) -> set[str]:
    """Words in capital letters, but for the one that opens the text."""
    _, _, rest = unicodedata.normalize("NFKC", text).partition(" ")
    return {word.lower() for word in _UPPER_CASE.findall(rest)}


def _new_run(text: str, said: str) -> bool:
    """Whether several Han characters in a row were said by nobody."""
    run = 0
    for character in _CHINESE_ASKING.sub(" ", _plain(text)):
        run = run + 1 if _HAN_RUN.match(character) and character not in said else 0
        if run >= _NEW_CHARACTERS:
            return True
    return False

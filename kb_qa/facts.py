"""What a text states that is either there or not: numbers with their units, dates, and names.

The same fact has many spellings: 1,234 and 1234, 三千 and 3000, 17.5 % and 17.5 percent,
2023年5月1日 and May 1, 2023. Read leniently, a text is taken to state everything that it may;
read strictly, only what it surely does. A source is read leniently and a claim strictly, so
that what is marked is sure.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from kb_qa.simplified import simplified

_PRECISION = 9
_GROUP = 3  # digits between two marks
_MONTHS_OF_A_YEAR, _DAYS_OF_A_MONTH = 12, 31
_SHORT = 3  # letters: what of fewer may be an acronym is too short to look up by its letters
_PERSON = 4  # characters of a Chinese person's name at most


@dataclass(frozen=True)
class Number:
    """A number in a text.

    Attributes:
        said: as it stands there.
        values: what it may mean: "1.234" is one thing in German and another in English.
        unit: canonical name of the unit after it; empty if none is known.
    """

    said: str
    values: frozenset[float]
    unit: str = ""


@dataclass(frozen=True)
class Date:
    """A day, a month, or a day of a month in any year; what is not said is 0.

    Attributes:
        said: as it stands there.
        readings: (year, month, day) that it may mean.
    """

    said: str
    readings: frozenset[tuple[int, int, int]]


def plain(text: str) -> str:
    """The text as facts are read from it: one form of each character, one spelling of each."""
    return simplified(unicodedata.normalize("NFKC", text))


# --- numbers -------------------------------------------------------------------------------

_HAN_DIGITS = dict(
    zip("零〇一二三四五六七八九两", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2), strict=True)
)
_HAN_STEPS = {"十": 10, "百": 100, "千": 1000}
_HAN_GROUPS = {"万": 10**4, "亿": 10**8}
_HAN_NUMERAL = "零〇一二三四五六七八九两十百千万亿"
_HAN_NUMBER = re.compile(rf"(?<![{_HAN_NUMERAL}\d])[{_HAN_NUMERAL}]{{1,16}}(?![{_HAN_NUMERAL}\d])")
_COUNTED = frozenset("年月日号个位名人次座家种岁天条场项只艘台部集期届代章卷公米元倍分秒")
_NO_NUMBERS = frozenset(
    "十分 千万 万一 一一 万千 百千 两两 一万 百万 千百 万万 三两 两三 一二 三四 七八".split()
)

_MAGNITUDES = {
    word: value
    for value, words in {
        10**2: "hundred hundert cien cientos 百",
        10**3: "thousand k tausend mil 千",
        10**4: "万",
        10**6: "million millions mn mio million millionen millón millones",
        10**8: "亿",
        10**9: "billion billions bn mrd milliarde milliarden",
        10**12: "trillion trillions billón billones billionen",
    }.items()
    for word in words.split()
}
_WORDS = {
    word: value
    for value, words in {
        1: "one eins uno una",
        2: "two zwei dos both",
        3: "three drei tres",
        4: "four vier cuatro",
        5: "five fünf cinco",
        6: "six sechs seis",
        7: "seven sieben siete",
        8: "eight acht ocho",
        9: "nine neun nueve",
        10: "ten zehn diez",
        11: "eleven elf once",
        12: "twelve zwölf doce",
        13: "thirteen dreizehn trece",
        14: "fourteen vierzehn catorce",
        15: "fifteen fünfzehn quince",
        16: "sixteen sechzehn dieciséis",
        17: "seventeen siebzehn diecisiete",
        18: "eighteen achtzehn dieciocho",
        19: "nineteen neunzehn diecinueve",
        20: "twenty zwanzig veinte",
        30: "thirty dreißig treinta",
        40: "forty vierzig cuarenta",
        50: "fifty fünfzig cincuenta",
        60: "sixty sechzig sesenta",
        70: "seventy siebzig setenta",
        80: "eighty achtzig ochenta",
        90: "ninety neunzig noventa",
    }.items()
    for word in words.split()
}
_LOOSE_WORDS = frozenset("one eins uno una both once acht elf vier".split())
"""Words that count in some sentences and do something else in others."""

_UNITS = {
    word: unit
    for unit, words in {
        "%": "% percent prozent percentage",
        "km": "km kilometer kilometers kilometre kilometres kilómetro kilómetros 公里 千米",
        "m": "m meter meters metre metres metern metro metros 米 公尺",
        "cm": "cm centimeter centimeters centimetre centimetres zentimeter centímetros 厘米 公分",
        "mm": "mm millimeter millimeters millimetre millimetres milímetros 毫米",
        "mile": "mile miles meile meilen milla millas 英里",
        "kg": "kg kilogram kilograms kilogramm kilo kilos kilogramos 公斤 千克",
        "g": "g gram grams gramm gramos 克",
        "mg": "mg milligram milligrams milligramm 毫克",
        "hour": "hour hours h stunde stunden hora horas 小时",
        "minute": "minute minutes min minuten minuto minutos 分钟",
        "second": "second seconds sekunden segundos 秒",
        "day": "day days tag tage tagen día días 天",
        "week": "week weeks woche wochen semana semanas 周 星期",
        "month": "month months monat monate monaten mes meses 个月",
        "year": "years jahre jahren años",
        "°C": "°c 摄氏度",
        "°F": "°f 华氏度",
        "gb": "gb gib",
        "mb": "mb mib",
        "euro": "€ euro euros 欧元",
        "dollar": "$ dollar dollars dólares 美元",
        "yuan": "yuan 元 人民币",
        "pound": "£ pfund pounds 英镑",
    }.items()
    for word in words.split()
}
_LETTERS = r"[^\W\d_]"
_DIGITS = re.compile(
    r"(?<![\d.,])(?P<before>[$€£]\s?)?"
    r"(?P<digits>\d{1,40}(?:[.,’']\d{1,40}|[\u00a0\u202f ]\d{3}(?!\d)){0,12})"
)
_AFTER = re.compile(rf"[\s-]{{0,2}}(?P<word>[%€$£]|°\s?[CF]|[{_HAN_NUMERAL}]|{_LETTERS}{{1,14}})")
_HAN_UNITS = tuple(sorted((word for word in _UNITS if not word.isascii()), key=len, reverse=True))
_WORD = re.compile(rf"{_LETTERS}{{2,12}}(?:-{_LETTERS}{{3,6}})?")
_HAN_PERCENT = re.compile(rf"百分之([{_HAN_NUMERAL}\d.]{{1,12}})")


def numbers(text: str, *, strictly: bool = False) -> list[Number]:
    """The numbers of a text.

    Args:
        text: made plain.
        strictly: only what surely is one: 一 and "one" mostly are not.
    """
    return [
        *_in_digits(text),
        *_in_han(text, strictly=strictly),
        *_in_words(text, strictly=strictly),
    ]


def _in_digits(text: str) -> Iterator[Number]:
    for match in _DIGITS.finditer(text):
        unit = _UNITS.get((match["before"] or "").strip(), "")
        values, said = _values(match["digits"]), match[0]
        scale, end = _magnitude(text, match.end())
        if scale != 1:
            said = text[match.start() : end]
        found, end = _unit(text, end)
        if found == "%":
            said = text[match.start() : end]
        yield Number(
            said.strip(),
            frozenset(round(value * scale, _PRECISION) for value in values),
            found or unit,
        )


def _values(digits: str) -> set[float]:
    """What the digits may mean: with the marks between groups, or before a fraction."""
    pieces = re.split(r"[^\d]", digits)
    joined = float("".join(pieces))
    if len(pieces) == 1:
        return {joined}
    marks = re.findall(r"[^\d]", digits)
    readings = set[float]()
    if all(len(piece) == _GROUP for piece in pieces[1:]) and len(set(marks)) == 1:
        readings.add(joined)
    if marks[-1] in ".," and (len(marks) == 1 or marks[-1] not in marks[:-1]):
        readings.add(float("".join(pieces[:-1]) + "." + pieces[-1]))
    return readings or {joined}


def _magnitude(text: str, end: int) -> tuple[int, int]:
    scale = 1
    while match := _AFTER.match(text, end):
        word = match["word"].lower()
        if word not in _MAGNITUDES or (word == "k" and match[0] != match["word"]):
            break
        if word in "百千" and text.startswith(("千米", "千克", "百分"), match.start("word")):
            break
        scale, end = min(scale * _MAGNITUDES[word], 10**18), match.end()
    return scale, end


def _unit(text: str, end: int) -> tuple[str, int]:
    match = _AFTER.match(text, end)
    if not match:
        return "", end
    begin = match.start("word")
    for word in _HAN_UNITS:
        if text.startswith(word, begin):
            return _UNITS[word], begin + len(word)
    if text.startswith("por ciento", begin):
        return "%", begin + len("por ciento")
    word = match["word"].replace(" ", "").lower()
    return (_UNITS[word], match.end()) if word in _UNITS else ("", end)


def _in_han(text: str, *, strictly: bool) -> Iterator[Number]:
    for match in _HAN_PERCENT.finditer(text):
        said = match[1]
        value = _han_value(said) if said[0] in _HAN_NUMERAL else _as_float(said)
        if value is not None:
            yield Number(match[0], frozenset({value}), "%")
    for match in _HAN_NUMBER.finditer(text):
        said = match[0]
        following = text[match.end() : match.end() + 1]
        if strictly and not _surely_counts(said, following):
            continue
        value = _han_value(said)
        if value is not None and text[match.start() - 3 : match.start()] != "百分之":
            yield Number(said, frozenset({value}), _unit(text, match.end())[0])


def _surely_counts(said: str, following: str) -> bool:
    if said in _NO_NUMBERS or text_of_one(said):
        return False
    return len(said) > 1 or following in _COUNTED


def text_of_one(said: str) -> bool:
    """Whether a numeral says no more than "a": 一 is an article as often as a number."""
    return said in "一零〇千万百亿十"


def _han_value(said: str) -> float | None:
    if all(each in _HAN_DIGITS for each in said):
        return float("".join(str(_HAN_DIGITS[each]) for each in said))
    total = section = digit = 0
    for each in said:
        if each in _HAN_DIGITS:
            digit = _HAN_DIGITS[each]
        elif each in _HAN_STEPS:
            section, digit = section + (digit or 1) * _HAN_STEPS[each], 0
        elif each in _HAN_GROUPS:
            total, section, digit = (total + max(section + digit, 1)) * _HAN_GROUPS[each], 0, 0
    return float(total + section + digit)


def _as_float(said: str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None


def _in_words(text: str, *, strictly: bool) -> Iterator[Number]:
    for match in _WORD.finditer(text):
        word = match[0].lower()
        value = _WORDS.get(word)
        if value is None and "-" in word:
            tens, _, ones = word.partition("-")
            if tens in _WORDS and ones in _WORDS:
                value = _WORDS[tens] + _WORDS[ones]
        if value is None or (strictly and word in _LOOSE_WORDS):
            continue
        scale, end = _magnitude(text, match.end())
        yield Number(
            text[match.start() : end], frozenset({float(value * scale)}), _unit(text, end)[0]
        )


# --- dates ---------------------------------------------------------------------------------

_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "january jan januar enero jänner",
            "february feb februar febrero",
            "march mar märz marzo",
            "april apr abril",
            "may mai mayo",
            "june jun juni junio",
            "july jul juli julio",
            "august aug agosto",
            "september sep sept septiembre setiembre",
            "october oct oktober okt octubre",
            "november nov noviembre",
            "december dec dezember dez diciembre",
        ),
        1,
    )
    for word in words.split()
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b\.?"
_YEAR = r"(?P<year>\d{4})"
_DAY = r"(?P<day>\d{1,2})"
_EDGE = r"(?<![\d.])"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_EDGE}{_YEAR}[-/.](?P<month>\d{{1,2}})[-/.]{_DAY}(?!\d)",
        rf"{_EDGE}{_YEAR}\s?年\s?(?P<month>\d{{1,2}})\s?月(?:\s?{_DAY}\s?[日号])?",
        rf"{_EDGE}(?P<month>\d{{1,2}})\s?月\s?{_DAY}\s?[日号]",
        rf"\b{_MONTH}\s{{1,2}}{_DAY}(?:st|nd|rd|th)?(?!\d)(?:,?\s{{1,2}}{_YEAR}(?!\d))?",
        rf"{_EDGE}{_DAY}(?:st|nd|rd|th|\.)?\s{{1,2}}(?:of\s|de\s)?{_MONTH}(?:,?\s{{1,2}}(?:de\s|del\s)?{_YEAR}(?!\d))?",
        rf"\b{_MONTH},?\s{{1,2}}(?:of\s|de\s|del\s)?{_YEAR}(?!\d)",
        rf"{_EDGE}(?P<day>\d{{1,2}})[./](?P<month>\d{{1,2}})[./]{_YEAR}(?!\d)",
    )
)
_HAN_DATE = re.compile(
    r"(?:(?<![零〇一二三四五六七八九十百千万])[零〇一二三四五六七八九]{4}(?=\s?年)"
    r"|[零〇一二三四五六七八九十]{1,3}(?=\s?[月日号]))"
)


def dates(text: str) -> list[tuple[int, int, Date]]:
    """The dates of a text, with where each stands: from, to.

    Args:
        text: made plain, and `with_dates_in_digits`.
    """
    found: list[tuple[int, int, Date]] = []
    taken = bytearray(len(text))
    for pattern in _DATES:
        for match in pattern.finditer(text):
            start, end = match.span()
            readings = _readings(match.groupdict())
            if readings and not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append((start, end, Date(match[0].rstrip("."), readings)))
    return sorted(found, key=lambda each: each[0])


def with_dates_in_digits(text: str) -> str:
    """二〇二三年五月一日 as 2023年5月1日."""

    def digits(match: re.Match[str]) -> str:
        value = _han_value(match[0])
        return match[0] if value is None else str(int(value))

    return _HAN_DATE.sub(digits, text)


def _readings(said: dict[str, str | None]) -> frozenset[tuple[int, int, int]]:
    month = said.get("month") or ""
    year, day = int(said.get("year") or 0), int(said.get("day") or 0)
    number = _MONTHS.get(month.lower()) or int(month)
    readings = {(year, number, day)}
    if month.isdigit() and day and year and said["day"] is not None:
        readings.add((year, day, number))
    return frozenset(
        each
        for each in readings
        if 1 <= each[1] <= _MONTHS_OF_A_YEAR and each[2] <= _DAYS_OF_A_MONTH
    )


# --- names ---------------------------------------------------------------------------------

_SPACED = r"[^\W_\u3040-\u30ff\u3400-\u9fff]"
_NAME_WORD = re.compile(rf"{_SPACED}+(?:[-'’._]{_SPACED}+)*")
_DETERMINERS = frozenset(
    "der die das den dem des ein eine einen einem einer eines kein keine keinen keiner dieser "
    "diese dieses diesen diesem jeder jede jedes alle viele einige seine seiner seinen ihre ihrer "
    "ihren sein ihr zum zur im am beim vom ins ans mehr als für durch ohne gegen".split()
)
_GERMAN_NOUNS = (
    "ung", "ungen", "heit", "heiten", "keit", "keiten", "schaft", "schaften", "tion", "tionen",
    "tät", "täten", "ismus", "nis", "nisse", "ling", "chen", "ment", "mente", "ur", "age", "enz",
    "anz", "zeit", "werk", "stelle", "zahl", "jahr", "jahre", "jahren", "er", "ern", "innen",
)  # fmt: skip
_OPENERS = frozenset(
    "the a an this that these those it its in on at he she they we you i there here but and or so "
    "however when while if as for after before since although because what who how why our his her "
    "their my your then to by from with most many some all one both each no not also additionally "
    "moreover furthermore finally first second third thus therefore hence overall according based "
    "during under over between among although though until unlike like such several other another "
    "der die das ein eine er sie es wir ich im am auf für und aber dies diese dieser dabei nach "
    "bei el la los las un una en por para con y pero él ella su sus según además entre durante "
    "desde yes si sí ja nein".split()
)
_CAPITALS = "A-ZÀ-ÖØ-ÞĀŁŚŠŽÇ"
_CAPITALIZED = re.compile(rf"[{_CAPITALS}]")
_CODE = re.compile(r"(?=.*\d)(?=.*[^\W\d_])|[^\W_]+_|.*[a-z][A-Z]|.*\.[^\W\d_]")
_TRAILING = re.compile(r"['’]s?$")


def words(text: str) -> set[str]:
    """The words that a name may be, each with its parts."""
    found: set[str] = set()
    for match in _NAME_WORD.finditer(text):
        whole = _folded(match[0])
        found.add(whole)
        found.update(re.split(r"[-'’._]", whole))
    return found


def initials(text: str) -> str:
    """The first letters of the words of a text, in order: what acronyms are made of."""
    return "".join(match[0][0] for match in _NAME_WORD.finditer(text)).lower()


def names(text: str, *, language: str) -> list[str]:
    """Words of a text that name something: capitalised, acronyms, identifiers.

    Args:
        text: a sentence, made plain.
        language: its own; German capitalises every noun.
    """
    found: list[str] = []
    matches = list(_NAME_WORD.finditer(text))
    for place, match in enumerate(matches):
        word = _TRAILING.sub("", match[0])
        if _CODE.match(word) and not word[0].isdigit():
            found.append(word)
        elif _CAPITALIZED.match(word) and len(word) > 1:
            before = matches[place - 1][0] if place else ""
            after = matches[place + 1][0] if place + 1 < len(matches) else ""
            if _names(word, before=before, after=after, language=language):
                found.append(word)
    return found


def _names(word: str, *, before: str, after: str, language: str) -> bool:
    if word.isupper():
        return True
    if word.lower() in _OPENERS:
        return False
    if not before:
        return bool(_CAPITALIZED.match(after)) and language != "de"
    if language != "de":
        return True
    lower = before.lower()
    follows_adjective = before[0].islower() and lower.endswith(("e", "en", "er", "es", "em"))
    return not (lower in _DETERMINERS or follows_adjective or word.endswith(_GERMAN_NOUNS))


def is_named(name: str, *, among: set[str], acronyms: str) -> bool:
    """Whether a name stands among the words of a text, in another case or with an ending.

    Args:
        name: the name.
        among: the text's `words`.
        acronyms: the text's `initials`.
    """
    whole = _folded(name)
    if whole in among or (name.isupper() and len(name) >= _SHORT and whole in acronyms):
        return True
    parts = [part for part in re.split(r"[-'’._]", whole) if part]
    return bool(parts) and all(part in among or _inflected(part, among) for part in parts)


def _inflected(word: str, among: set[str]) -> bool:
    """Berlins beside Berlin, Libraries beside Library: an ending of at most three letters."""
    if len(word) <= _SHORT or not word.isalpha():
        return False
    stem = word[: max(_SHORT + 1, len(word) - _SHORT)]
    return any(word[:end] in among for end in range(len(stem), len(word))) or any(
        word + ending in among for ending in ("s", "es", "n", "en", "e", "er", "an", "ian", "ns")
    )


def _folded(word: str) -> str:
    word = _TRAILING.sub("", word)
    bare = unicodedata.normalize("NFD", word.casefold())
    return "".join(each for each in bare if not unicodedata.combining(each))


_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_HAN_RUN = re.compile(rf"[{_HAN}]+")
_SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱林何郭马罗梁宋郑谢韩唐冯董萧曹袁邓许傅沈曾彭吕苏卢蒋蔡贾魏薛阎潘戴"
    "钟汪姜范姚谭廖邹熊陆郝孔崔邱秦顾侯邵孟雷钱汤尹黎易武贺龚康毛丁江"
)
_FOREIGN = frozenset(
    "阿埃艾奥巴贝比彼博布查达戴丹德迪蒂顿多恩尔法菲费芬弗福盖戈格古哈海汉赫胡霍基吉加杰卡凯科克"
    "肯库拉莱兰朗劳雷里利丽莉林琳隆卢鲁路伦罗洛马玛迈麦曼梅蒙米密莫姆穆纳娜南内尼涅努诺欧帕佩皮"
    "普奇乔切萨塞森沙舍圣施史斯丝泰坦汤特提图托瓦万维韦威文沃乌西希夏辛休雅亚扬耶伊因尤约泽詹兹佐"
)
_KINDS = frozenset(
    "省市县区州国岛山河湖江海港站路街寺校院社党军队族语镇村乡宫殿塔桥城堡堂馆郡府庙剧报赛杯奖团"
)
_NAMED_HAN = (2, 10)


def pairs(text: str) -> set[str]:
    """The pairs of Han characters that stand side by side."""
    return {a + b for run in _HAN_RUN.findall(text) for a, b in pairwise(run)}


def foreign_runs(text: str, *, known: set[str]) -> Iterator[tuple[int, int]]:
    """Where at least two Han characters stand of which no pair is known: from, to."""
    for run in _HAN_RUN.finditer(text):
        here = run[0]
        covered = [False] * len(here)
        for place in range(len(here) - 1):
            if here[place : place + 2] in known:
                covered[place] = covered[place + 1] = True
        begin = None
        for place, each in enumerate([*covered, True]):
            if not each and begin is None:
                begin = place
            elif each and begin is not None:
                if place - begin > 1:
                    yield run.start() + begin, run.start() + place
                begin = None


def names_something(text: str, start: int, end: int) -> bool:
    """Whether Han characters read as a name: of a person, a place, a work, or from abroad."""
    run = text[start:end]
    least, most = _NAMED_HAN
    if not least <= len(run) <= most:
        return False
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    if any(mark in around for mark in "·《》「」『』"):
        return True
    if run[0] in _SURNAMES and len(run) <= _PERSON:
        return True
    if sum(each in _FOREIGN for each in run) * 3 >= 2 * len(run):
        return True
    return run[-1] in _KINDS or text[end : end + 1] in _KINDS

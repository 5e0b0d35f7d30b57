"""Facts: the same number, date or name in every spelling, and no other one."""

import pytest

from kb_qa.facts import dates, is_named, names, numbers, plain, with_dates_in_digits, words


def values(text: str) -> set[float]:
    return {value for number in numbers(plain(text)) for value in number.values}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,234", "1234"),
        ("1.234", "1,234"),
        ("1 234 567", "1234567"),
        ("三千", "3000"),
        ("三万五千", "35000"),
        ("3.5万", "35000"),
        ("1.2 million", "1200000"),
        ("3,5 Mio.", "3.5 million"),
        ("1.2億", "1亿2000万"[:2] + " 120000000"),
        ("二十三", "23"),
        ("１２％", "12 %"),
        ("百分之十七", "17 percent"),
        ("twenty-five", "25"),
        ("zwölf", "12"),
        ("二〇一八", "2018"),
    ],
)
def test_the_spellings_of_a_number_are_one_number(one: str, other: str) -> None:
    """Marks between groups, Chinese numerals, magnitudes, wide digits, words."""
    assert values(one) & values(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,234", "1,235"),
        ("三千", "三百"),
        ("1.5 million", "1.5 billion"),
        ("12", "2012"),
        ("17.5", "175"),
    ],
)
def test_different_numbers_stay_different(one: str, other: str) -> None:
    """However alike they look."""
    assert not values(one) & values(other)


@pytest.mark.parametrize("text", ["一个人", "万一", "十分重要", "one of them", "both"])
def test_what_only_looks_like_a_number_is_not_checked(text: str) -> None:
    """A claim is not marked for the article 一, nor for 十分."""
    assert numbers(plain(text), strictly=True) == []


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("5 km", "km"),
        ("5公里", "km"),
        ("5 Kilometer", "km"),
        ("17,5 Prozent", "%"),
        ("$5", "dollar"),
        ("5美元", "dollar"),
    ],
)
def test_units_have_one_name(text: str, unit: str) -> None:
    """In four languages and by their signs."""
    assert [number.unit for number in numbers(plain(text), strictly=True)] == [unit]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2023-05-01",
            "2023/5/1",
            "2023年5月1日",
            "二〇二三年五月一日",
            "May 1, 2023",
            "1 May 2023",
        ),
        *(
            "1. Mai 2023",
            "1 de mayo de 2023",
            "1st of May 2023",
            "01.05.2023",
            "２０２３年５月１日",
        ),
    ],
)
def test_the_spellings_of_a_date_are_one_date(text: str) -> None:
    """Numerals, names of months, and either order."""
    [(_, _, date)] = dates(with_dates_in_digits(plain(text)))
    assert (2023, 5, 1) in date.readings


def test_may_alone_is_no_month() -> None:
    """A month is one beside a day or a year."""
    assert dates("It may rain in May.") == []


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("The bridge was built by Karl Meyer.", "en", ["Karl", "Meyer"]),
        ("Set max_model_len in XVERSE.", "en", ["max_model_len", "XVERSE"]),
        ("Die große Brücke steht in Köln.", "de", ["Köln"]),
        ("这个模型叫XVERSE，用于Python。", "zh", ["XVERSE", "Python"]),
        ("Moreover, it is long.", "en", []),
    ],
)
def test_names_are_what_is_capitalised_or_code(text: str, language: str, found: list[str]) -> None:
    """Not the first word of a sentence, and not every noun of German."""
    assert names(text, language=language) == found


@pytest.mark.parametrize(
    ("name", "text", "is_there"),
    [
        ("Meyers", "Karl Meyer came.", True),
        ("Meyer's", "Karl Meyer came.", True),
        ("köln", "KÖLN", True),
        ("PCD", "programmed cell death", False),
        ("Austria", "Australia", False),
        ("Iran", "Iraq", False),
    ],
)
def test_a_name_stands_there_with_an_ending_or_not(name: str, text: str, *, is_there: bool) -> None:
    """Endings and cases are no difference; letters are."""
    assert is_named(name, among=words(text), acronyms="") is is_there


def test_an_acronym_stands_where_its_words_do() -> None:
    """PCD is programmed cell death."""
    assert is_named("PCD", among=words("programmed cell death"), acronyms="pcd")

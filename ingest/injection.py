"""Text that talks to the language model which may read it: found and told, never taken out.

A document is data, and keeps its words. But one that says "ignore all previous instructions",
spells control tokens, opens a turn of a conversation or hides characters from a reader was
not written for people alone, and its owner is told so. The rules are narrow on purpose: in a
manual "the system prompt" is a shell's, and "you are now in the directory" is meant for people.
"""

import re
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

from ingest.document import Block, Parsed
from kb_qa.lookalikes import folded, seen


@dataclass(frozen=True)
class _Rule:
    """What is said to a model.

    Attributes:
        anchors: in lower case; it is searched for only near one of these.
        pattern: of it, in lower case.
    """

    anchors: tuple[str, ...]
    pattern: re.Pattern[str]


def _rule(anchors: str, pattern: str) -> _Rule:
    return _Rule(tuple(anchors.split(",")), re.compile(pattern, re.VERBOSE | re.MULTILINE))


_REACH = 240
"""Characters around an anchor that are searched; the longest match has about half as many."""

_MODEL = (
    r"(?:ai\ (?:assistant|model|agent|system)|ai|llm|gpt|chatgpt|(?:large\s+)?language\s+model"
    r"|chat\s?bot)"
)
_MODEL_ZH = (
    r"(?:大?语言模型|大模型|人工智能(?:助手|模型|助理)?|ai\s*(?:助手|模型|助理|系统)?|智能助手"
    r"|聊天机器人|大?語言模型|人工智慧(?:助手|模型|助理)?|llm|chatgpt)"
)
_BEFORE_ZH = r"(?:以上|之前|上面|上述|前面|此前|先前|早前|前述|以前)"
_WHOSE_ZH = (
    r"(?:[的你您、和与及内\s]|所有|全部|任何|一切|收到|得到|给出|给你|給你|系统|系統|内容){0,6}"
)
_ORDERS_ZH = r"(?:指令|指示|提示词|提示詞|系统提示|系統提示|prompt)"
_IGNORE_ZH = (
    r"(?:忽略|忽视|忽視|无视|無視|忘记|忘記|忘掉|忘却|抛弃|拋棄|丢弃|不要?理会|不要?理會|不要遵守"
    r"|不要遵循|绕过|繞過)(?:掉|了)?"
)

_RULES = (
    _rule(
        "instruction,prompt,directive",
        r"""\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|override|bypass
            |(?:do\s+not|don't|stop)\s+follow(?:ing)?)
        \s+(?:(?:all|any|every|each|of|the|your|these|those|my|our|its|and|everything|other)\s+){0,4}
        (?:previous|prior|above|earlier|preceding|foregoing|former|existing|original|initial|system
            |past)
        \s+(?:(?:and|or|system|user|developer|given|safety|previous|earlier|prior)\s+){0,3}
        (?:instructions?|prompts?|directives?)\b""",
    ),
    _rule(
        "instruction,prompt",
        r"""\b(?:ignore|disregard|forget|override)
        \s+(?:(?:all|any|every|of)\s+){0,2}(?:the|your|these)
        \s+(?:(?:rules|system|safety|own|training)\s+){0,2}(?:instructions|prompts?)
        \s+(?:above|before\s+this|you\s+(?:were|have\s+been|are)\s+given
            |and\s+(?:instead|reply|say|print|output|respond))\b""",
    ),
    _rule(
        "ignore,disregard,forget",
        r"""\b(?:ignore|disregard|forget)\s+(?:all|everything|anything)\s+
        (?:you\s+(?:were|have\s+been|are)\s+(?:told|instructed)
            |(?:instructions|rules)\s+(?:above|before|given\s+to\s+you))\b""",
    ),
    _rule(
        "are now,from now",
        rf"""\b(?:you\s+are\s+now
            |from\s+now\s+on,?\s+you\s+(?:are|will\s+(?:be|act\s+as)|must\s+act\s+as|act\s+as))
        \s+(?:an?\s+|the\s+|my\s+|in\s+)?(?:[\w-]+\s+){{0,4}}?
        (?:{_MODEL}|assistant|dan|jail-?broken|developer\s+mode|unrestricted|uncensored
            |role-?play(?:ing)?)\b""",
    ),
    _rule(
        "from now",
        r"""\bfrom\s+now\s+on,?\s+(?:you\s+(?:must|will|shall|should|are\s+to)\s+)?
        (?:only\s+|always\s+)?(?:answer|respond|reply|pretend|roleplay)\b""",
    ),
    _rule(
        "prompt,instruction,message",
        r"""\b(?:reveal|repeat|leak|disclose|print|output|show|recite|tell|give|write)
        \s+(?:(?:me|us|out|all|of|verbatim|back)\s+){0,3}your\s+
        (?:(?:full|entire|complete|exact|whole|own|original)\s+)?
        (?:system|hidden|initial|secret|developer)\s+(?:prompts?|instructions|messages?)\b""",
    ),
    _rule(
        "prompt,instruction",
        r"""^[\W_]{0,8}(?:(?:new|updated|begin|start\s+of|end\s+of|revised|important)\s+)
        (?:system|hidden)\s+(?:prompt|instructions?)\b
        |[.!?]\s+new\s+system\s+prompt\s*:""",
    ),
    _rule(
        "language model,llm,chatbot,chat bot,gpt, ai",
        rf"""\bif\s+you\s+are\s+(?:an?|the|some)\s+(?:[\w-]+\s+)?{_MODEL}\b
        |\bas\s+an?\s+{_MODEL}(?:\s+(?:assistant|model))?,?\s+you
            \s+(?:must|should|will|have\s+to|are\s+required|need)\b
        |\b(?:attention|note\s+to|message\s+(?:to|for)|instructions?\s+(?:to|for)|dear|hey|hello)
            [,:]?\s+(?:(?:any|all|the)\s+)?{_MODEL}s?
            (?:\s+(?:assistant|model|agent|reviewer|reading|summari[sz]ing|processing)s?)*
            \s*[:,!.—–-]""",
    ),
    _rule(
        "the user,the human,the reader",
        r"""\b(?:do\s+not|don't|never)
        \s+(?:tell|inform|mention\s+(?:this\s+)?to|reveal\s+(?:this\s+)?to|alert|warn)
        \s+the\s+(?:user|human|reader)\s+(?:about|of|that)\s+
        (?:these|this|the\s+(?:hidden|above|previous))\s+(?:\w+\s+)?(?:instructions?|prompts?)\b""",
    ),
    _rule(
        "指令,指示,提示,prompt",
        rf"""{_IGNORE_ZH}{_WHOSE_ZH}{_BEFORE_ZH}{_WHOSE_ZH}{_ORDERS_ZH}
        |{_IGNORE_ZH}(?:(?:所有|一切|任何|全部)的?)?(?:你|您)
            (?:的|所|被|之前|收到|得到|原有|全部|所有|一切){{1,4}}{_ORDERS_ZH}
        |{_IGNORE_ZH}(?:所有|一切|任何|全部)的?(?:系统|系統|原有|原始|初始)的?{_ORDERS_ZH}""",
    ),
    _rule(
        "忽略,忽视,忽視,无视,無視,忘记,忘記,忘掉",
        rf"""{_IGNORE_ZH}(?:{_BEFORE_ZH}的?(?:所有|一切|全部)|(?:所有|一切|全部)的?{_BEFORE_ZH})
        的?(?:内容|內容|规则|規則|命令|要求|设定|設定|对话|對話)""",
    ),
    _rule(
        "你现在,你現在,您现在,您現在,从现在,從現在",
        rf"""(?:[你您](?:现在|現在)(?:起|开始|開始)?
            |[从從](?:现在|現在)(?:起|开始|開始)?[，,\s]{{0,2}}[你您])
        就?(?:是|将是|將是|扮演|变成|變成|不再是|将扮演|將扮演|要扮演|必须扮演)[^。！？\n]{{0,12}}?
        (?:{_MODEL_ZH}|dan\b|助手|助理|机器人|機器人|猫娘|貓娘|[没沒]有(?:任何)?限制|不受限制)
        |[从從](?:现在|現在)(?:起|开始|開始)?[，,\s]{{0,2}}[你您]?
        (?:只能|必须|必須|只需|都要|一律)[用以]?[^。！？\n]{{0,8}}(?:回答|回复|回覆|输出|輸出)""",
    ),
    _rule(
        "你的,您的",
        r"""(?:输出|輸出|泄露|洩露|透露|打印|重复|重複|复述|複述|公开|公開|告诉我|告訴我|说出|說出|给出
            |展示|显示|顯示)(?:出|一下|一遍)?[你您]的(?:全部|完整|所有|原始|隐藏|隱藏|的){0,3}
        (?:系统提示词?|系統提示詞?|提示词|提示詞|系统指令|系統指令|初始指令|初始设定|初始設定
            |system\s*prompt)""",
    ),
    _rule(
        "系统提示词,系統提示詞",
        r"""^[\W_]{0,8}(?:新的?)?(?:系统提示词|系統提示詞)[\s*】\]]{0,3}[：:]""",
    ),
    _rule(
        "你是,您是,作为,作為,身为,身為,正在阅读,正在閱讀",
        rf"""(?:如果|假如|若)[你您]是(?:一个|一個|一名|一种|一種)?{_MODEL_ZH}
        |(?:作为|作為|身为|身為)(?:一个|一個|一名|一款)?{_MODEL_ZH}[，,]?\s*[你您]
            (?:必须|必須|应该|應該|应当|應當|需要|只能|要|务必|不得|不能)
        |(?:正在阅读|正在閱讀)[本此这這该該]?(?:份|篇|段|个|個)?
            (?:文档|文件|文本|文字|内容|內容|檔案)的{_MODEL_ZH}""",
    ),
    _rule(
        "<|,<｜",
        r"""<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|startoftext|begin_of_text
            |end_of_text|eot_id|eom_id|start_header_id|end_header_id|python_tag|endofprompt|eos|bos
            |eog|fim_\w{3,8}|channel|start_of_role|end_of_role|tool_call|observation
            |beginningofsentence)\|>
        |<｜(?:begin▁of▁sentence|end▁of▁sentence|user|assistant|tool▁\w{3,20})｜>""",
    ),
    _rule(
        "[/inst],sys>>,_of_turn>",
        r"""\[/inst\]|<</?sys>>|<(?:start|end)_of_turn>""",
    ),
    _rule("passage", r"""<\s{0,3}/?\s{0,3}passage\s{0,3}\d{1,3}\s{0,3}>"""),
    _rule(
        "={",
        r"""https?://[^\s)>\]"']{3,100}[?&][\w.-]{0,30}=
        \{(?:question|answer|query|prompt|conversation|history|context|secret|data|问题|對話|对话)\}""",
    ),
)

_TURNS = tuple(
    re.compile(rf"^[ \t>*_\#]{{0,6}}(?:{role})[*_ \t]{{0,3}}[：:]", re.MULTILINE)
    for role in ("human|user|用户|用戶|人类|人類", "assistant|ai|助手|助理")
)
"""Both sides of a conversation; one alone is a form to fill in, or a list of people."""

_ANSWERS = re.compile("(?:assistant|ai|助手|助理)[*_ \t]{0,3}[：:]")

_HIDDEN = re.compile(
    # A flag of a part of a country is spelled in tag characters; so is what nobody sees.
    "(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0001\U000e0020-\U000e007f]+"
    "|[\u202d\u202e]|[\u200b-\u200d\u2060-\u2064\ufeff]{8,}|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{8,}"
)
"""Tag characters, overrides of the direction of writing, messages in characters of no width."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,4000}={0,2}")
_MOST_DECODED = 200
"""Pieces of a document; a file of certificates has more, and none of them is a text."""

_LONGEST_HEADING = 60


def warnings_of(blocks: Sequence[Block]) -> tuple[str, ...]:
    """What the report says of text in a document that is meant for a language model.

    Returns:
        One line that counts the places and names the first of them, or nothing.
    """
    text = Parsed.SEPARATOR.join(block.text for block in blocks)
    hidden = [] if text.isascii() else [match.start() for match in _HIDDEN.finditer(text)]
    spoken = _spoken(text)
    counts = (
        ("talks to a language model", spoken),
        ("hides characters from its reader", hidden),
    )
    said = [f"{each} in {_counted(len(places))}" for each, places in counts if places]
    if not said:
        return ()
    return (f"{' and '.join(said)}, first {_place(blocks, min(spoken + hidden))}",)


def _spoken(text: str) -> list[int]:
    """Offsets of what is said to a model; not quite true where characters are hidden."""
    read = folded(seen(text)).lower()
    spans = sorted({span for rule in _RULES for span in _near_anchors(rule, read)})
    starts: list[int] = []
    end = 0
    for start, stop in spans:
        if start >= end:
            starts.append(start)
        end = max(end, stop)
    return starts + _turns(read) + _encoded(text)


def _encoded(text: str) -> list[int]:
    """Offsets of pieces in base64 that say something to a model once they are decoded."""
    pieces = islice(_BASE64.finditer(text), _MOST_DECODED)
    return [each.start() for each in pieces if _says_something(_decoded(each[0]))]


def _says_something(text: str) -> bool:
    read = text.lower()
    return any(True for rule in _RULES for _ in _near_anchors(rule, read))


def _decoded(piece: str) -> str:
    """The text that a piece of base64 stands for; "" if it is none."""
    whole = piece[: len(piece) // 4 * 4]
    try:
        return b64decode(whole).decode()
    except ValueError:
        return ""


def _near_anchors(rule: _Rule, text: str) -> Iterator[tuple[int, int]]:
    for anchor in rule.anchors:
        at = text.find(anchor)
        while at >= 0:
            for match in rule.pattern.finditer(text, max(0, at - _REACH), at + _REACH):
                yield match.span()
            at = text.find(anchor, at + _REACH // 2)


def _turns(text: str) -> list[int]:
    """Offsets of the turns of a conversation, those of the side that speaks less."""
    if not _ANSWERS.search(text):
        return []
    return min(([each.start() for each in role.finditer(text)] for role in _TURNS), key=len)


def _counted(places: int) -> str:
    return f"{places} place" + "s" * (places > 1)


def _place(blocks: Sequence[Block], offset: int) -> str:
    """Where a reader finds an offset: the page, and the heading above it."""
    ends = accumulate(len(block.text) + len(Parsed.SEPARATOR) for block in blocks)
    index = min(bisect_right(list(ends), offset), len(blocks) - 1)
    page = "" if blocks[index].page is None else f"on page {blocks[index].page}"
    headings = (each.text for each in reversed(blocks[: index + 1]) if each.level)
    title = " ".join(next(headings, "").split())
    title = title if len(title) <= _LONGEST_HEADING else title[:_LONGEST_HEADING] + "…"
    under = f"under '{title}'" if title else ""
    return " ".join(filter(None, (page, under))) or f"in paragraph {index + 1}"

r"""From a conversation to the token ids that the model was trained to answer.

    Human: {question}\n\nAssistant: {answer}<|endoftext|>Human: {question}\n\nAssistant:

with one space after the last colon. Each message is encoded by itself, the
last one together with the words that ask for the answer; the end of text
follows every answer; nothing stands between turns, and nothing before the
first. There is no system role: instructions open the user's turn they precede,
and so stand first.

`Human:` and `Assistant:` are plain words to the tokenizer, so a document that
holds them could open a turn of its own. In every text that comes in, their
colon becomes the full-width one, wherever they stand: people and the model
read `Human：` as they would `Human:`, and the tokens are others. Spelling
that the tokenizer folds together is folded first. Other look-alikes are let
be: they are other tokens.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage

from kb_qa.errors import QuestionError
from kb_qa.xverse.tokenizer import Tokenizer

HUMAN, ASSISTANT = "Human: ", "Assistant: "
PARAGRAPH = "\n\n"
_MARKER = re.compile("(Human|Assistant):")
_COLONS = ("\N{FULLWIDTH COLON}", "\N{RATIO}")
"""In place of a marker's own; the second where the tokenizer folds the first into it."""


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True)
class Turn:
    """What one side said."""

    role: Role
    text: str


class ChatFormat:
    """The format in the ids of one tokenizer.

    Args:
        tokenizer: the model's.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        folds = ":" in tokenizer.normalize(_COLONS[0])
        self._colon = _COLONS[folds]

    def encode(self, turns: Sequence[Turn]) -> list[int]:
        """The ids of a conversation whose last turn the model is to answer.

        Raises:
            QuestionError: its last turn is not the user's.
        """
        spoken = _instructed(turns)
        if not spoken or spoken[-1].role is not Role.USER:
            raise QuestionError(
                "the conversation does not end with a message of the user: put the question last"
            )
        *earlier, last = spoken
        ids = [number for turn in earlier for number in self._encode_turn(turn)]
        return ids + self._encode_text(HUMAN, last, PARAGRAPH + ASSISTANT)

    def encode_text(self, text: str) -> list[int]:
        """The ids of a text by itself, as they are inside a turn."""
        return self.tokenizer.encode(self.harmless(text))

    def harmless(self, text: str) -> str:
        """A text that opens no turn."""
        broken = self._broken(text)
        folded = self.tokenizer.normalize(broken)
        return broken if self._broken(folded) == folded else self._broken(folded)

    def _broken(self, text: str) -> str:
        return _MARKER.sub(rf"\1{self._colon}", text)

    def _encode_turn(self, turn: Turn) -> list[int]:
        if turn.role is Role.ASSISTANT:
            return [*self._encode_text(ASSISTANT, turn, ""), self.tokenizer.end_of_text]
        return self._encode_text(HUMAN, turn, PARAGRAPH)

    def _encode_text(self, before: str, turn: Turn, after: str) -> list[int]:
        return self.tokenizer.encode(before + self.harmless(turn.text) + after)


def turns_of(messages: Iterable[BaseMessage]) -> list[Turn]:
    """LangChain's messages as turns.

    Raises:
        QuestionError: one is no text, or of a role the model does not know.
    """
    return [Turn(_role_of(message), _text_of(message)) for message in messages]


def _instructed(turns: Sequence[Turn]) -> list[Turn]:
    """The same without system turns: each opens the next turn of the user."""
    spoken: list[Turn] = []
    instructions: list[str] = []
    for turn in turns:
        if turn.role is Role.SYSTEM:
            instructions.append(turn.text)
        elif turn.role is Role.USER:
            spoken.append(Turn(Role.USER, PARAGRAPH.join([*instructions, turn.text])))
            instructions = []
        else:
            spoken.append(turn)
    if instructions:
        raise QuestionError("instructions follow the last message of the user: put them before it")
    return spoken


_ROLES: dict[type[BaseMessage], Role] = {
    SystemMessage: Role.SYSTEM,
    HumanMessage: Role.USER,
    AIMessage: Role.ASSISTANT,
}
_NAMES = {"human": Role.USER, "ai": Role.ASSISTANT, **{role.value: role for role in Role}}


def _role_of(message: BaseMessage) -> Role:
    if isinstance(message, ChatMessage) and message.role.lower() in _NAMES:
        return _NAMES[message.role.lower()]
    for kind, role in _ROLES.items():
        if isinstance(message, kind):
            return role
    raise QuestionError(
        f"a message of the kind {message.type!r}: the model knows system, user and assistant"
    )


def _text_of(message: BaseMessage) -> str:
    if isinstance(message, AIMessage) and message.tool_calls:
        name = message.tool_calls[0]["name"]
        raise QuestionError(f"a call of the tool {name!r}: the model knows no tools, give text")
    blocks = [message.content] if isinstance(message.content, str) else message.content
    return "".join(_block_text(block) for block in blocks)


def _block_text(block: object) -> str:
    if isinstance(block, str):
        return block
    kind = block.get("type") if isinstance(block, dict) else type(block).__name__
    text = block.get("text") if isinstance(block, dict) else None
    if kind != "text" or not isinstance(text, str):
        raise QuestionError(f"content of the type {kind!r}: the model reads only text")
    return text

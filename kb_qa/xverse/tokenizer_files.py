"""The tokenizer's files of a checkpoint, made readable for today's libraries.

Metaspace objects of old tokenizer.json files say `"add_prefix_space": false`
and nothing of a prepend_scheme; tokenizers from 0.19 on refuses them, though
it means the same by `"prepend_scheme": "never"`.
"""

from collections.abc import Mapping
from typing import Any

METASPACE = "Metaspace"

# The reference format: no system role, nothing before the first turn, the end of text straight
# after each answer, and one space after the last "Assistant:".
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}"
    "{{- 'Human: ' + message['content'] + '\\n\\n' -}}"
    "{%- elif message['role'] == 'assistant' -%}"
    "{{- 'Assistant: ' + message['content'] + eos_token -}}"
    "{%- else -%}"
    "{{- raise_exception('XVERSE knows the roles user and assistant, not ' + message['role']) -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- 'Assistant: ' -}}{%- endif -%}"
)
REMOTE = ("auto_map", "tokenizer_file", "name_or_path")


def patched_tokenizer(tokenizer: Mapping[str, Any]) -> dict[str, Any]:
    """The same tokenizer.json, every Metaspace with the scheme it always meant."""
    return {name: _patched(part) for name, part in tokenizer.items()}


def _patched(part: Any) -> Any:
    if isinstance(part, list):
        return [_patched(each) for each in part]
    if not isinstance(part, dict):
        return part
    whole = {name: _patched(each) for name, each in part.items()}
    if whole.get("type") == METASPACE and whole.get("add_prefix_space") is False:
        whole.setdefault("prepend_scheme", "never")
    return whole


def patched_tokenizer_config(
    config: Mapping[str, Any], *, special_tokens: Mapping[str, Any], is_xverse: bool
) -> dict[str, Any]:
    """The same tokenizer_config.json, naming no code; an XVERSE's with its chat template."""
    named = {name: _text(token) for name, token in special_tokens.items()}
    kept = named | {name: value for name, value in config.items() if name not in REMOTE}
    if is_xverse:
        kept |= {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHAT_TEMPLATE}
        kept |= {"add_bos_token": False, "add_eos_token": False}
    return kept | {"clean_up_tokenization_spaces": False}


def _text(token: Any) -> Any:
    return token["content"] if isinstance(token, dict) and "content" in token else token

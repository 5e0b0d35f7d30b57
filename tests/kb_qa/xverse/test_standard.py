"""LangChain's own tests of a chat model, on a tiny one of random weights."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from kb_qa.xverse.chat_model import ChatXverse


class _OnTheProcessor:
    """What both suites are told of the model."""

    @pytest.fixture(autouse=True)
    def _folder(self, prepared: Path) -> None:
        self.folder = prepared

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatXverse

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": str(self.folder), "device": "cpu", "dtype": "float32"}

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        """Nothing goes over a network: a timeout and retries would have no meaning."""
        return {"temperature": 0, "max_tokens": 40, "stop": []}

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_structured_output(self) -> bool:
        """It would take tools."""
        return False

    @property
    def supports_model_override(self) -> bool:
        """A loaded model is one model; another is another object."""
        return False

    @property
    def supported_usage_metadata_details(self) -> dict[str, list[str]]:
        return {"invoke": [], "stream": []}


class TestUnit(_OnTheProcessor, ChatModelUnitTests):
    """Without asking it anything."""


class TestIntegration(_OnTheProcessor, ChatModelIntegrationTests):
    """Asking it; random weights answer with random words, which none of these mind."""

"""Every text of the page, in each language it speaks: a module for each view."""

from ui.messages.ask import TEXTS, Texts
from ui.messages.language import Language, language_for

__all__ = ["TEXTS", "Language", "Texts", "language_for"]

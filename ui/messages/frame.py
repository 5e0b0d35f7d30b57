"""The texts that every view has around it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ui.messages.language import Language


@dataclass(frozen=True)
class FrameTexts:
    """What stands around the views, in one language.

    Attributes:
        ask: title of the view in which one asks.
        library: title of the view of the knowledge bases.
        quality: title of the view of evaluations and feedback.
        system: title of the view of models, settings and findings.
        sign_in: opens the provider's page.
        sign_in_note: why one must sign in.
        sign_in_missing: the provider is not set up; says how.
        sign_in_extra: a library is missing; says which extra brings it.
        sign_out: ends the visit.
        read_only: what a visitor may not do.
    """

    ask: str
    library: str
    quality: str
    system: str
    sign_in: str
    sign_in_note: str
    sign_in_missing: str
    sign_in_extra: str
    sign_out: str
    read_only: str


FRAME: Mapping[Language, FrameTexts] = {
    "zh": FrameTexts(
        ask="提问",
        library="知识库",
        quality="质量",
        system="系统",
        sign_in="登录",
        sign_in_note="这个页面要求先登录。",
        sign_in_missing=(
            "KB_QA_SIGN_IN 已打开，但没有设置登录服务："
            "请在 .streamlit/secrets.toml 的 [auth] 里填写。"
        ),
        sign_in_extra="KB_QA_SIGN_IN 已打开，但缺少登录要用的库：请 pip install 'kb-qa[sign-in]'。",
        sign_out="退出登录",
        read_only="你可以提问，但不能增删文档：要增删，请管理员把你的邮箱加进 KB_QA_EDITORS。",
    ),
    "en": FrameTexts(
        ask="Ask",
        library="Library",
        quality="Quality",
        system="System",
        sign_in="Sign in",
        sign_in_note="This page asks you to sign in first.",
        sign_in_missing=(
            "KB_QA_SIGN_IN is on, but no provider is set up: "
            "describe it under [auth] in .streamlit/secrets.toml."
        ),
        sign_in_extra=(
            "KB_QA_SIGN_IN is on, but what it takes is not installed: pip install 'kb-qa[sign-in]'."
        ),
        sign_out="Sign out",
        read_only=(
            "You may ask, but not add or delete documents: to do so, have your mail address put "
            "into KB_QA_EDITORS."
        ),
    ),
}

"""Every knob, once: frozen values from KB_QA_* variables or a .env file."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kb_qa.errors import SettingsError


class Settings(BaseSettings):
    """The values in force; a knob's variable is KB_QA_ and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="KB_QA_", env_file=".env", extra="ignore", frozen=True
    )

    kb: Path = Field(Path("data/kb"), description="folder of the knowledge base")
    store: str = Field(
        "folder",
        description="where it is kept: `folder`, or `milvus:URI`: a file of Milvus Lite that ends "
        "in `.db`, or `http://USER:PASSWORD@HOST:PORT`, with `#NAME` for one of several",
    )
    embeddings: str = Field(
        "bundled",
        description="`bundled`, or a sentence-transformers model: a folder, or a hub id",
    )
    query_prompt: str | None = Field(
        None, description="put before each question instead of the model's own prompt"
    )
    passage_prompt: str | None = Field(
        None, description="put before each passage instead of the model's own prompt"
    )
    device: str | None = Field(
        None, description="where models run: `cpu`, `cuda`, `cuda:1`; by itself if not set"
    )
    llm: str = Field(
        "auto",
        description="who answers: `quote` (the documents' own sentences), `xverse`, the folder or "
        "id of an XVERSE model, `openai:BASE_URL#MODEL` (a server); `auto`: XVERSE where there is "
        "a CUDA card and the model on this disk, else `quote`",
    )
    llm_key: SecretStr | None = Field(
        None, description="the server's key, where it wants one; else `OPENAI_API_KEY`"
    )
    models: Path | None = Field(
        None,
        description="folder for XVERSE models; if not set, `data/models` for one that is "
        "downloaded, and beside it for one in a folder",
    )
    quantize: Literal["none", "int8", "int4"] = Field(
        "none", description="how XVERSE's weights are held: `none`, `int8` or `int4`"
    )
    max_model_len: int | None = Field(
        None,
        ge=1024,
        description="tokens of prompt and answer together; if not set, as many as fit for XVERSE, "
        "8192 for others",
    )
    port: int = Field(8501, ge=1, le=65535, description="of the page; the next free one if taken")
    page: Path = Field(
        Path("data/page"), description="folder of the page's conversations, uploads and jobs"
    )
    upload_megabytes: int = Field(
        200, ge=1, description="size of a file up to which the page takes it"
    )
    sign_in: bool = Field(
        default=False,
        description="whether the page asks who one is, by the OpenID Connect provider that "
        "`.streamlit/secrets.toml` names; takes `pip install 'kb-qa[sign-in]'`",
    )
    editors: tuple[str, ...] = Field(
        (),
        description="with sign-in, the mail addresses of those who may add and delete, as "
        '`["a@example.org"]`; without, everybody may',
    )
    passages: int = Field(5, ge=1, le=50, description="passages an answer may rest on")
    candidates: int = Field(50, ge=1, le=1000, description="passages each side of retrieval offers")
    mass_weight: float = Field(
        0.12, ge=0, description="weight of the matched words beside the vectors' cosine"
    )
    reranker: str | None = Field(
        None,
        description="puts the best passages in order: a sentence-transformers CrossEncoder, a "
        "folder, or a hub id; none if not set",
    )
    reranked: int = Field(
        30, ge=1, le=1000, description="passages it reads for a question; its time grows with them"
    )
    floor: float | None = Field(
        None,
        description="evidence under which nothing is answered; if not set, what "
        "`python -m kb_qa calibrate` has found for the knowledge base, else 0.37",
    )


def load_settings(**values: Any) -> Settings:
    """The settings from the environment, with these values over them.

    Raises:
        SettingsError: a value cannot be used; the message names it.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"KB_QA_{'_'.join(str(part) for part in first['loc'])}".upper()
        raise SettingsError(f"{name}={first['input']!r}: {first['msg']}") from error

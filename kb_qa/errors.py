"""Everything that can go wrong and be told in one line.

KbQaError
├── SettingsError            a setting has a value that cannot be used
├── KnowledgeBaseError
│   ├── KnowledgeBaseMissing     no knowledge base in this folder
│   ├── KnowledgeBaseBusy        another process is writing to it
│   ├── KnowledgeBaseDamaged     the catalog cannot be read
│   ├── SchemaTooNew             made by a newer version of this program
│   ├── SchemaTooOld             made by an older version of this program
│   ├── EmbedderMismatch         its vectors were made by another embedder
│   ├── NameUnusable             no knowledge base can have this name
│   ├── BackupError              a backup, export or import cannot be made there
│   └── StoreUnreachable         the server that keeps it does not answer
├── EmbeddingsError          the embedding model cannot be loaded or run
├── RerankerError            the reranker cannot be loaded
├── PathMissing              there is no such file or folder
├── ParseError               a document cannot be turned into text
├── QuestionError            a question cannot be asked
├── GoldenQuestionError      a question of an evaluation cannot be read
├── ReportError              a report of an evaluation cannot be read or written
├── HistoryError             conversations cannot be kept
├── UploadError              a file that was brought cannot be kept
├── JobError                 the page cannot start work in the background
└── GeneratorError           the language model cannot be loaded or failed
    ├── CheckpointError          the model's files are missing, incomplete or of no use here
    ├── DeviceError              no card, or too little memory on it
    └── PromptTooLong            a prompt does not fit the model's context

Every message names the value, the place and the remedy; the edges (command
line, page) print it as it is and show no traceback.
"""


class KbQaError(Exception):
    """The base of every error a user can cause or cure."""


class SettingsError(KbQaError):
    """A setting has a value that cannot be used."""


class KnowledgeBaseError(KbQaError):
    """Something about a knowledge base folder."""


class KnowledgeBaseMissing(KnowledgeBaseError):
    """There is no knowledge base in the folder."""


class KnowledgeBaseBusy(KnowledgeBaseError):
    """Another process holds the writer's lock."""


class KnowledgeBaseDamaged(KnowledgeBaseError):
    """The catalog cannot be read."""


class SchemaTooNew(KnowledgeBaseError):
    """The catalog was written by a newer version of this program."""


class SchemaTooOld(KnowledgeBaseError):
    """The catalog was written by an older version of this program."""


class EmbedderMismatch(KnowledgeBaseError):
    """The catalog's vectors were made by another embedder."""


class NameUnusable(KnowledgeBaseError):
    """A knowledge base cannot have this name: it is none of a folder, or taken."""


class BackupError(KnowledgeBaseError):
    """A backup, export or import cannot be made in that place."""


class StoreUnreachable(KnowledgeBaseError):
    """The server that keeps the knowledge base does not answer, or lets nobody in."""


class EmbeddingsError(KbQaError):
    """The embedding model cannot be loaded or run."""


class RerankerError(KbQaError):
    """The model that puts passages in order cannot be loaded."""


class PathMissing(KbQaError):
    """There is no such file or folder, and the knowledge base knew none."""


class ParseError(KbQaError):
    """A document cannot be turned into text; the message is its verdict's reason."""


class QuestionError(KbQaError):
    """A question cannot be asked as it is."""


class GoldenQuestionError(KbQaError):
    """A file of golden questions, or a line of it, cannot be read."""


class ReportError(KbQaError):
    """A report of an evaluation cannot be read or written."""


class HistoryError(KbQaError):
    """The page's conversations cannot be read or kept."""


class UploadError(KbQaError):
    """A file that was brought to the page cannot be kept."""


class JobError(KbQaError):
    """The page cannot start work in the background."""


class GeneratorError(KbQaError):
    """The language model cannot be loaded, or failed while answering."""


class CheckpointError(GeneratorError):
    """A model's files are missing, incomplete or cannot be used."""


class DeviceError(GeneratorError):
    """There is no such device, or too little memory on it."""


class PromptTooLong(GeneratorError):
    """A prompt and its answer do not fit the model's context."""

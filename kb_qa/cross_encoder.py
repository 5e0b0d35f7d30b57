"""Any CrossEncoder of sentence-transformers, without code of its own."""

from sentence_transformers import CrossEncoder
from torch import nn
from transformers.utils.logging import disable_progress_bar

from kb_qa.embeddings.devices import choose_device, choose_plan
from kb_qa.errors import RerankerError
from kb_qa.model_folder import first_line, model_folder

SETTING = "KB_QA_RERANKER"


def load_cross_encoder(name: str, *, device: str | None) -> CrossEncoder:
    """The model in a folder, or the one that a hub has under an id.

    Its scores are logits: a sigmoid's run into each other where the model is sure.

    Raises:
        RerankerError: there is no such model, or it cannot be loaded safely, or gives no score.
        EmbeddingsError: this machine has no such device.
    """
    on = choose_device(device)
    folder = model_folder(name, setting=SETTING, error=RerankerError)
    # A processor's fastest arithmetic is chosen for the embedder, whose vectors are kept.
    dtype = {"dtype": choose_plan(on).passages.dtype} if on.type == "cuda" else {}
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: CrossEncoder = CrossEncoder(
            str(folder),
            device=str(on),
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, **dtype},
            activation_fn=nn.Identity(),
        )
    # A model's files can make the library raise almost anything.
    except Exception as error:
        raise RerankerError(
            f"The reranker in {folder} cannot be loaded: {first_line(error)} "
            "It must be a CrossEncoder of sentence-transformers, without code of its own"
        ) from error
    if model.num_labels != 1:
        raise RerankerError(
            f"The model in {folder} puts pairs into {model.num_labels} classes and gives no score: "
            f"set {SETTING} to a CrossEncoder of one label"
        )
    return model

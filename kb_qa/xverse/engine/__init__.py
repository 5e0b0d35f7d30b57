"""Token ids in, token ids out: the fast way to run a dense Llama on one device.

The engine knows nothing of text. A request's way through it:

    submit -> Sequence -> Scheduler (which tokens next) -> Runner (batch, model, sampler)
           -> Sequence (takes them in) -> Mailbox -> Generation
"""

from kb_qa.xverse.engine.engine import Engine
from kb_qa.xverse.engine.loading import Options, load_engine
from kb_qa.xverse.engine.request import FinishReason, Generation, Sampling, Usage

__all__ = ["Engine", "FinishReason", "Generation", "Options", "Sampling", "Usage", "load_engine"]

"""A small transformer with random weights, and a pipeline on it, without a download."""

import numpy
import spacy
import torch
from thinc.api import Config, fix_random_seed
from toy import SENTENCES, WORDS, make_examples

LAYERS, WIDTH, INNER = 4, 16, 24

TRANSFORMER_PIPELINE = """
[nlp]
lang = "en"
pipeline = ["transformer","ner"]

[components]

[components.transformer]
factory = "layer_select_transformer"

[components.transformer.model]
@architectures = "spacy-ldnet.LayerSelectTransformer.v1"
name = "set by the test"

[components.transformer.model.get_spans]
@span_getters = "spacy-transformers.strided_spans.v1"
window = 4
stride = 3

[components.ner]
factory = "ner"

[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = 16
maxout_pieces = 2
use_upper = false

[components.ner.model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"
grad_factor = 1.0

[components.ner.model.tok2vec.pooling]
@layers = "reduce_mean.v1"
"""


def write_transformer(path, kind="bert", *, layers=LAYERS):
    """A directory as of Hugging Face: config, random weights, word pieces."""
    import transformers

    path.mkdir(parents=True, exist_ok=True)
    letters = sorted({letter for word in WORDS for letter in word})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS[:12]]
    pieces += [*letters, *(f"##{letter}" for letter in letters)]
    vocabulary = path / "vocab.txt"
    vocabulary.write_text("\n".join(dict.fromkeys(pieces)) + "\n", encoding="utf8")
    tokenizer = transformers.BertTokenizerFast(str(vocabulary), do_lower_case=False)
    tokenizer.save_pretrained(path)
    torch.manual_seed(0)
    make_network(kind, len(tokenizer), layers).save_pretrained(path)
    return path


def make_network(kind, rows, layers=LAYERS):
    """A Hugging Face encoder with random weights, larger than usual ones so that its
    layers' outputs differ."""
    from transformers import AutoConfig, AutoModel

    sizes = {
        "bert": {
            "hidden_size": WIDTH,
            "intermediate_size": INNER,
            "hidden_dropout_prob": 0.0,
        },
        "albert": {
            "hidden_size": WIDTH,
            "intermediate_size": INNER,
            "embedding_size": 8,
        },
        "distilbert": {"dim": WIDTH, "hidden_dim": INNER},
        "gpt2": {"n_embd": WIDTH},
        "longformer": {"hidden_size": WIDTH, "attention_window": [8] * layers},
    }[kind]
    config = AutoConfig.for_model(kind, vocab_size=rows, initializer_range=0.5, **sizes)
    config.num_hidden_layers = layers
    config.num_attention_heads = 2
    return AutoModel.from_config(config)


def make_transformer_nlp(path, *, initialize=True, **overrides):
    """A pipeline of a shared transformer and spaCy's own entity recogniser."""
    fix_random_seed(0)
    overrides = {"components.transformer.model.name": str(path), **overrides}
    config = Config().from_str(TRANSFORMER_PIPELINE, overrides=overrides)
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    if initialize:
        nlp.initialize(lambda: make_examples(nlp))
    return nlp


def gated_module(nlp):
    return nlp.get_pipe("transformer").model.layers[0].shims[0].module


def set_gates(nlp, values):
    with torch.no_grad():
        gated_module(nlp).gates.copy_(torch.tensor(values))


def states(nlp):
    """What listeners read of all sentences, one after the other."""
    docs = list(nlp.pipe(" ".join(words) for words, _ in SENTENCES))
    found = [doc._.trf_data.model_output.last_hidden_state for doc in docs]
    return numpy.concatenate([numpy.asarray(f).reshape(-1, WIDTH) for f in found])

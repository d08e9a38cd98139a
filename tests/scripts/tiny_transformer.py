"""A transformer with random weights, on disk, without a download."""

from toy import WORDS

HIDDEN, LAYERS, INNER = 16, 2, 24


def write_transformer(path):
    """A directory as of Hugging Face; `Lovelace` is two word pieces."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    path.mkdir(parents=True)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += sorted({word.lower() for word in WORDS} - {"lovelace"})
    pieces += ["love", "##lace"]
    (path / "words.txt").write_text("\n".join(pieces))
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=INNER,
        max_position_embeddings=256,
    )
    BertModel(config).save_pretrained(path)
    BertTokenizerFast(str(path / "words.txt")).save_pretrained(path)
    return path

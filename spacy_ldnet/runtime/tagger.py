"""The tagger below its CRF: characters, context and vectors through a BiLSTM."""

from typing import Any, List, Optional

import numpy

from ..inputs import CharIds, TaggerWords, Windows
from ..packing import Array, batches, window_batches
from .rnn import RecurrentLayers, take_words
from .weights import Linear, Weights


class CharEncoder:
    """A character LSTM in each direction over every word on its own.

    The products of all characters' embeddings with the weights are computed once.

    :param weights: of torch's network of this name.
    :param name: its name in them.
    """

    def __init__(self, weights: Weights, name: str):
        sizes = weights.structure
        embed, hidden = sizes["char_embed"], sizes["char_hidden"]
        width = sizes["char_width"]
        names = (f"{name}.forward_rnn", f"{name}.backward_rnn")
        layers = [weights.layer(n, "lstm", embed, hidden) for n in names]
        self.layers = RecurrentLayers("lstm", layers)
        table = weights.take(f"{name}.embedding.weight", sizes["char_rows"], embed)
        self.products = self.layers.products(table[None]) + self.layers.bias
        self.hidden: int = hidden
        self.project = weights.linear(f"{name}.project", 2 * hidden, width)

    def __call__(self, words: CharIds[Array]) -> Array:
        """Encode words.

        :returns: *Shape:* (words, width)
        """
        states = numpy.zeros((len(words.starts), 2 * self.hidden), "float32")
        for group, packing in batches(words.starts, words.lengths):
            ahead = words.ids[packing.rows]
            ids = numpy.stack([ahead, ahead[packing.mirror]])

            def read(part: slice, ids: Array = ids) -> Array:
                return take_words(self.products, ids[:, part])

            outputs, _ = self.layers.run(read, packing.batch_sizes)
            # The mirror of a sequence's first place is its last one.
            last = outputs[:, packing.mirror[: len(group)]]
            states[group] = numpy.concatenate(list(last), axis=-1)
        return self.project(states)


class TokenStack:
    """``[chars, context, vectors]`` through bidirectional layers.

    :param weights: of torch's network of this name.
    """

    def __init__(self, weights: Weights):
        sizes = weights.structure
        self.width: int = sizes["width"]
        self.chars = CharEncoder(weights, "chars") if sizes["char_embed"] else None
        self.table: Optional[Array] = None
        if sizes["vector_rows"]:
            shape = (sizes["vector_rows"], sizes["vectors"])
            self.table = weights.table("table.weight", *shape)
        inputs = sizes["context"] + sizes["vectors"]
        inputs += sizes["char_width"] if self.chars else 0
        self.layers: List[RecurrentLayers] = []
        for i in range(sizes["depth"]):
            names = (f"layers.{i}.forward_rnn", f"layers.{i}.backward_rnn")
            unit, hidden = sizes["unit"], self.width // 2
            both = [weights.layer(n, unit, inputs, hidden) for n in names]
            self.layers.append(RecurrentLayers(unit, both))
            inputs = self.width
        weights.finish()

    def __call__(
        self,
        context: Optional[Array],
        words: TaggerWords[Array],
        windows: Windows[Array],
        head: Optional[Linear] = None,
    ) -> Array:
        """Encode tokens.

        :param context: *Shape:* (tokens, context), or None
        :param words: the tokens' types.
        :param windows: the stretches the layers read; every token is kept by one.
        :param head: layer to apply to each batch's encodings at once, so that those of
            all tokens are never in memory together.
        :returns: *Shape:* (tokens, width), or (tokens, outputs of the head)
        """
        of_types = self._of_types(words)
        width = self.width if head is None else head.width
        out = numpy.zeros((len(words.inverse), width), "float32")
        for packing, kept in window_batches(windows):
            mirror = packing.mirror
            parts = [] if context is None else [context[packing.rows]]
            if of_types is not None:
                parts.append(of_types[words.inverse[packing.rows]])
            x = numpy.concatenate(parts, axis=-1)
            for layers in self.layers:

                def read(
                    part: slice,
                    layers: Any = layers,
                    x: Array = x,
                    mirror: Array = mirror,
                ) -> Array:
                    both = numpy.stack([x[part], x[mirror[part]]])
                    products = layers.products(both)
                    products += layers.bias
                    return products

                (ahead, behind), _ = layers.run(read, packing.batch_sizes)
                x = numpy.concatenate([ahead, behind[mirror]], axis=-1)
            x = x[kept]
            out[packing.rows[kept]] = x if head is None else head(x)
        return out

    def _of_types(self, words: TaggerWords[Array]) -> Optional[Array]:
        """Characters and vectors. *Shape:* (types, chars + vectors)"""
        parts: List[Array] = []
        if words.char_vectors is not None:
            parts.append(words.char_vectors)
        elif self.chars is not None:
            assert words.chars is not None
            parts.append(self.chars(words.chars))
        if words.vectors is not None:
            table, vectors = self.table, words.vectors
            parts.append(vectors if table is None else table[vectors])
        if not parts:
            return None
        return numpy.concatenate(parts, axis=-1).astype("float32", copy=False)

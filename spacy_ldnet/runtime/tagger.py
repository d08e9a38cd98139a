"""The tagger below its CRF: characters, context and vectors through a BiLSTM."""

from dataclasses import dataclass
from typing import Any, Callable, List, Optional

import numpy

from .packing import Array, Windows, batches
from .rnn import RecurrentLayers, take_words
from .weights import Weights


@dataclass(frozen=True)
class CharIds:
    """Words whose characters lie in one flat array.

    :param ids: rows of all words' characters. *Shape:* (characters,)
    :param starts: where each word starts. *Shape:* (words,)
    :param lengths: number of its characters, at least 1. *Shape:* (words,)
    """

    ids: Array
    starts: Array
    lengths: Array


@dataclass(frozen=True)
class TaggerWords:
    """A batch's words: each type once, and which type each token is.

    :param inverse: *Shape:* (tokens,)
    :param chars: the types' characters. None if there are none to be read.
    :param char_vectors: their representations, if they are known. *Shape:* (types, char_width)
    :param vectors: a vector for each type, *Shape:* (types, vectors); or, if the table
        is part of the weights, its row there, *Shape:* (types,). None without vectors.
    """

    inverse: Array
    chars: Optional[CharIds] = None
    char_vectors: Optional[Array] = None
    vectors: Optional[Array] = None


@dataclass(frozen=True)
class Readout:
    """What reads the encodings, token by token.

    :param width: of its output.
    :param compute: from *Shape:* (tokens, inputs) to *Shape:* (tokens, width)
    """

    width: int
    compute: Callable[[Array], Array]


class CharEncoder:
    """A character LSTM in each direction over every word on its own.

    The products of the characters' embeddings with the weights are kept, for all
    characters.

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
        self.project = weights.take(f"{name}.project.weight", width, 2 * hidden)
        self.bias = weights.take(f"{name}.project.bias", width)

    def __call__(self, words: CharIds) -> Array:
        """Encode words.

        :returns: *Shape:* (words, width)
        """
        states = numpy.zeros((len(words.starts), self.project.shape[1]), "float32")
        for group, packing in batches(words.starts, words.lengths):
            ahead = words.ids[packing.rows]
            ids = numpy.stack([ahead, ahead[packing.mirror]])

            def read(part: slice, ids: Array = ids) -> Array:
                return take_words(self.products, ids[:, part])

            outputs, _ = self.layers.run(read, packing.counts)
            # The mirror of a sequence's first place is its last one.
            last = outputs[:, packing.mirror[: len(group)]]
            states[group] = numpy.concatenate(list(last), axis=-1)
        return states @ self.project.T + self.bias


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
        words: TaggerWords,
        windows: Windows,
        then: Optional[Readout] = None,
    ) -> Array:
        """Encode tokens.

        :param context: *Shape:* (tokens, context), or None
        :param words: the tokens' types.
        :param windows: the stretches the layers read; every token is kept by one.
        :param then: reads each batch's encodings at once, so that those of all tokens
            are never in memory together.
        :returns: *Shape:* (tokens, width), or (tokens, then.width)
        """
        of_types = self._of_types(words)
        width = self.width if then is None else then.width
        out = numpy.zeros((len(words.inverse), width), "float32")
        for packing, kept in windows.batches():
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

                (ahead, behind), _ = layers.run(read, packing.counts)
                x = numpy.concatenate([ahead, behind[mirror]], axis=-1)
            x = x[kept]
            out[packing.rows[kept]] = x if then is None else then.compute(x)
        return out

    def _of_types(self, words: TaggerWords) -> Optional[Array]:
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

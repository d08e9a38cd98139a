"""The LD-Net encoder: the layers of both language models, and their projection."""

from typing import List, NamedTuple, Optional, Tuple

import numpy

from ..inputs import EncoderWords, Windows
from ..lm_directory import DIRECTIONS, UNK_ROW
from ..packing import Array, window_batches
from .rnn import LayerWeights, RecurrentLayers, State, take_words
from .weights import Weights

#: Rows of the subwords of several words, and where each word's start: *Shape:*
#: (subwords,) and (words,).
Bags = Tuple[Array, Array]
#: Words whose subwords are summed at a time: their rows stay in the processor's caches.
FEW_BAGS = 128


class WordEmbedding:
    """``x_w = E[w] + mean of S[s] over the subwords s of w``.

    The tables keep the precision that they are saved in; rows are widened one by one.

    :param table: E. *Shape:* (rows, embed)
    :param subwords: S; None for words without subwords. *Shape:* (subword rows, embed)
    """

    def __init__(self, table: Array, subwords: Optional[Array]):
        self.table = table
        self.subwords = subwords

    def symbol(self, row: int) -> Array:
        """The embedding of a symbol, which has no subwords. *Shape:* (embed,)"""
        return self.table[row].astype("float32")

    def compose(self, rows: Array, bags: Optional[Bags]) -> Array:
        """Embeddings of words.

        :param rows: rows of the words; with subwords, those beyond the last one are
            read as the unknown word. *Shape:* (words,)
        :param bags: the words' subwords; None where there are none.
        :returns: *Shape:* (words, embed)
        """
        if self.subwords is None:
            return self.table[rows].astype("float32", copy=False)
        assert bags is not None
        rows = numpy.where(rows < len(self.table), rows, UNK_ROW)
        embeddings = self.table.take(rows, axis=0).astype("float32", copy=False)
        ids, starts = bags
        counts = numpy.diff(starts, append=len(ids))
        every = numpy.flatnonzero(counts)
        for begin in range(0, len(every), FEW_BAGS):
            some = every[begin : begin + FEW_BAGS]
            first, sizes = starts[some], counts[some]
            own = ids[first[0] : first[-1] + sizes[-1]]
            parts = self.subwords.take(own, axis=0).astype("float32", copy=False)
            sums = numpy.add.reduceat(parts, first - first[0])
            embeddings[some] += sums / sizes[:, None].astype("float32")
        return embeddings


class Direction(NamedTuple):
    """The language model of one direction without its closed layers.

    :param embedding: of its words.
    :param layers: weights of the open layers, multiplied by the gates of those they read.
    :param columns: weights of the projection, multiplied by the gates.
        *Shape:* (embed + layers * hidden, width)
    """

    embedding: WordEmbedding
    layers: List[LayerWeights]
    columns: Array


class Depth(NamedTuple):
    """The layers at one depth, which are run together.

    :param layers: the layers.
    :param directions: number of the direction of each, one or both.
    """

    layers: RecurrentLayers
    directions: List[int]


class LDNetEncoder:
    """``c = ReLU(W_c [r_forward, r_backward] + b_c)`` for every word.

    What does not depend on the text is computed once. Gates are multiplied into the weights
    that read their layers, and closed layers are deleted. Every window starts with the
    boundary symbol, so the state after it is a constant. The products of embeddings with
    weights are computed once for each type in a call.

    :param weights: of torch's network of this name.
    """

    def __init__(self, weights: Weights):
        sizes = weights.structure
        self.embed: int = sizes["embed"]
        self.width: int = sizes["width"]
        self.boundary: int = sizes["boundary"]
        self.directions = _read_directions(weights)
        self.bias = weights.take("project.bias", self.width)
        weights.finish()
        self.depths: List[Depth] = []
        counts = [len(direction.layers) for direction in self.directions]
        for i in range(max(counts)):
            deep = [k for k, count in enumerate(counts) if i < count]
            layers = [self.directions[k].layers[i] for k in deep]
            self.depths.append(Depth(RecurrentLayers(sizes["unit"], layers), deep))
        self._symbol = numpy.concatenate(
            [direction.embedding.symbol(self.boundary) for direction in self.directions]
        )
        self._start: List[Optional[State]] = [None] * len(self.depths)
        # Older files lack this field and have this value.
        if sizes.get("starts", True):
            products = self._layer_products(self._symbol[None])
            first = numpy.zeros(1, "int64")
            self._start = self._run_layers(products, [first, first], [1])[1]

    def compose(self, rows: Array, bags: Optional[Bags]) -> Array:
        """Embeddings of words in both directions.

        :param rows: rows of the words. *Shape:* (words,)
        :param bags: their subwords; None where there are none.
        :returns: *Shape:* (words, 2 * embed)
        """
        parts = [each.embedding.compose(rows, bags) for each in self.directions]
        return numpy.concatenate(parts, axis=-1)

    def __call__(self, words: EncoderWords[Array], windows: Windows[Array]) -> Array:
        """Encode words that lie in windows.

        :param words: the words.
        :param windows: every word is kept by exactly one of them.
        :returns: *Shape:* (words, width)
        """
        embeddings = words.embeddings
        if embeddings is None:
            embeddings = self.compose(words.ids, words.bags)
        embeddings = numpy.concatenate([embeddings, self._symbol[None]])
        products = self._layer_products(embeddings)
        first = [each.columns[: self.embed] for each in self.directions]
        projected = embeddings @ numpy.concatenate(first) + self.bias
        out = numpy.zeros((len(words.inverse), self.width), "float32")
        for packing, kept in window_batches(windows):
            ahead = words.inverse[packing.rows]
            behind = ahead[packing.mirror]
            outputs, _ = self._run_layers(
                products, [ahead, behind], packing.batch_sizes
            )
            c = projected[ahead[kept]]
            places = (kept, packing.mirror[kept])
            for direction, h, rows in zip(self.directions, outputs, places):
                if h is not None:
                    c += h[rows] @ direction.columns[self.embed :]
            out[packing.rows[kept]] = numpy.maximum(c, 0.0, out=c)
        return out

    def _layer_products(self, embeddings: Array) -> List[Array]:
        """Products of embeddings with the weights of each depth, biases included.

        :param embeddings: *Shape:* (types, 2 * embed)
        :returns: *Shape:* (gates, directions, types, hidden) each
        """
        parts = numpy.split(embeddings, len(self.directions), axis=1)
        found = []
        for layers, directions in self.depths:
            x = numpy.stack([parts[k] for k in directions])
            found.append(layers.products(x, slice(self.embed)) + layers.bias)
        return found

    def _run_layers(
        self, products: List[Array], types: List[Array], batch_sizes: List[int]
    ) -> Tuple[List[Optional[Array]], List[Optional[State]]]:
        """Run all layers over packed words.

        :param products: of the types' embeddings with the weights of each depth.
        :param types: type of each packed word, in each direction. *Shape:* (packed,)
        :param batch_sizes: number of sequences that reach each time step.
        :returns: the output of each direction's layers, None without any, *Shape:*
            (packed, layers * hidden); and the state of each depth.
        """
        outputs: List[List[Array]] = [[] for _ in self.directions]
        states: List[Optional[State]] = []
        for (layers, directions), known, start in zip(
            self.depths, products, self._start
        ):
            index = numpy.stack([types[k] for k in directions])
            below = [_joined(outputs[k]) for k in directions if outputs[k]]

            def read(part, layers=layers, known=known, index=index, below=below):
                x = take_words(known, index[:, part])
                if below:
                    rest = numpy.stack([h[part] for h in below])
                    x += layers.products(rest, slice(self.embed, None))
                return x

            out, cells = layers.run(read, batch_sizes, start)
            states.append((out, cells))
            for k, h in zip(directions, out):
                outputs[k].append(h)
        return [_joined(each) if each else None for each in outputs], states


def _joined(outputs: List[Array]) -> Array:
    return outputs[0] if len(outputs) == 1 else numpy.concatenate(outputs, axis=-1)


def _read_directions(weights: Weights) -> List[Direction]:
    """Take the weights of both directions, and multiply their gates in."""
    sizes = weights.structure
    embed, hidden, width = sizes["embed"], sizes["hidden"], sizes["width"]
    depths = [len(sizes[name]) for name in DIRECTIONS]
    ends = numpy.cumsum([embed + depth * hidden for depth in depths])
    project = weights.take("project.weight", width, int(ends[-1]))
    gates = weights.take("gates", sum(depths))
    directions = []
    for name, depth, end in zip(DIRECTIONS, depths, ends):
        own, gates = gates[:depth], gates[depth:]
        open_layers = numpy.flatnonzero(own).tolist()
        # Columns of [x, h_1, …, h_L] that are kept, and what they are multiplied by.
        places = numpy.arange(embed + depth * hidden)
        kept = numpy.concatenate(
            [
                places[:embed],
                *(places[embed + i * hidden :][:hidden] for i in open_layers),
            ]
        )
        scale = numpy.ones(len(kept), "float32")
        scale[embed:] = numpy.repeat(own[open_layers], hidden)
        layers: List[LayerWeights] = []
        for i in range(depth):
            layer = weights.layer(
                f"{name}_lm.rnn.rnns.{i}", sizes["unit"], embed + i * hidden, hidden
            )
            if i in open_layers:
                below = embed + len(layers) * hidden
                read = layer.weight_ih[:, kept[:below]] * scale[:below]
                layers.append(layer._replace(weight_ih=read))
        columns = project[:, end - len(places) : end][:, kept] * scale
        subwords = sizes.get("subword_rows", 0)
        table = f"{name}_lm.embedding"
        embedding = WordEmbedding(
            weights.table(f"{table}.weight", sizes["rows"], embed),
            weights.table(f"{table}.subwords", subwords, embed) if subwords else None,
        )
        directions.append(Direction(embedding, layers, columns.T.copy()))
    return directions

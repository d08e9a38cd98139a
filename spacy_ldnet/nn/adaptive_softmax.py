"""torch's adaptive softmax, with weights of its own or those of the embeddings."""

from typing import Any, List, Tuple

import torch
from torch import Tensor, nn
from torch.func import functional_call


class TiedSoftmax(nn.AdaptiveLogSoftmaxWithLoss):
    """The adaptive softmax, whose output weights are rows of the embeddings.

    Only the rows that stand for clusters, and the projection of each cluster, are its
    own (Press and Wolf 2017, https://arxiv.org/abs/1608.05859, for the tying). All
    clusters are as wide as the embeddings.

    :param width: width of the input and of the embeddings.
    :param rows: size of the vocabulary.
    :param cutoffs: where the clusters end, in rows.
    """

    def __init__(self, width: int, rows: int, cutoffs: Tuple[int, ...]):
        super().__init__(width, rows, list(cutoffs), div_value=1.0)
        del self.head.weight
        for _, output in map(_layers, self.tail):
            del output.weight
        self.clusters = nn.Parameter(torch.empty(len(self.tail), width))
        nn.init.uniform_(self.clusters, -0.1, 0.1)

    def score(self, read: Tensor, targets: Tensor, embeddings: Tensor) -> Tensor:
        """Log-probability of each target.

        :param read: *Shape:* (words, width)
        :param targets: *Shape:* (words,)
        :param embeddings: *Shape:* (rows, width)
        :returns: natural logarithms. *Shape:* (words,)
        """
        head = torch.cat([embeddings[: self.shortlist_size], self.clusters])
        weights = {"head.weight": head}
        for i, (start, end) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            weights[f"tail.{i}.1.weight"] = embeddings[start:end]
        return functional_call(self, weights, (read, targets)).output


def _layers(cluster: Any) -> List[nn.Module]:
    """The projection of a cluster, and its output layer."""
    return list(cluster)


def build_softmax(
    width: int, rows: int, cutoffs: Tuple[int, ...], tied: bool, div_value: float = 4.0
) -> nn.AdaptiveLogSoftmaxWithLoss:
    """The output layer of a language model (Grave et al. 2017).

    :param width: width of what it reads.
    :param rows: size of the vocabulary.
    :param cutoffs: where the clusters end, in rows.
    :param tied: whether its output weights are the embeddings'.
    :param div_value: by how much each cluster is narrower than the one before.
    """
    if tied:
        return TiedSoftmax(width, rows, cutoffs)
    return nn.AdaptiveLogSoftmaxWithLoss(
        width, rows, list(cutoffs), div_value=div_value
    )


def clip_cutoffs(cutoffs: Tuple[int, ...], rows: int) -> Tuple[int, ...]:
    """Cut-offs inside a vocabulary of this size; always at least one."""
    return tuple(c for c in cutoffs if c < rows) or (rows - 1,)

"""The projection of both language models' outputs, which can be had in parts."""

from typing import List, Sequence

import torch
from torch import Tensor, nn


class SidesProjection(nn.Linear):
    """``W_c [r_forward, r_backward] + b_c`` (Liu et al. 2018, section 3.2).

    Each side begins with the word's embedding, and what that contributes is the same
    wherever the word stands.

    :param embed: width of the embeddings.
    :param sides: width of each side.
    :param width: width of the output.
    """

    def __init__(self, *, embed: int, sides: Sequence[int], width: int):
        super().__init__(sum(sides), width)
        self.embed = embed
        self.sides = list(sides)

    def of_embeddings(self, embeddings: Sequence[Tensor]) -> Tensor:
        """What words give without the layers.

        :param embeddings: of each side. *Shape:* (words, embed)
        :returns: *Shape:* (words, width)
        """
        columns = torch.cat([of_words for of_words, _ in self._columns()], dim=1)
        return nn.functional.linear(
            torch.cat(list(embeddings), dim=-1), columns, self.bias
        )

    def add_layers(self, c: Tensor, sides: Sequence[Tensor]) -> Tensor:
        """Add what the layers give.

        :param c: from :meth:`of_embeddings`. *Shape:* (time, batch, width)
        :param sides: the rest of each side. *Shape:* (time, batch, layers * hidden)
        :returns: *Shape:* (time, batch, width)
        """
        flat = c.flatten(0, 1)
        for side, (_, of_layers) in zip(sides, self._columns()):
            if of_layers.shape[1]:
                flat = torch.addmm(flat, side.flatten(0, 1), of_layers.t())
        return flat.unflatten(0, c.shape[:2])

    def _columns(self) -> List[List[Tensor]]:
        """Views of each side's weights: those of its embedding, and those of its layers."""
        columns = self.weight.split(self.sides, dim=1)
        return [list(side.tensor_split([self.embed], dim=1)) for side in columns]

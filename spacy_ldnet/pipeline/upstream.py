"""Checks of listeners: the encoder that a component names, and the one that it reads.

In training an encoder gives its vectors to its listeners. In prediction it leaves them
with the document, in one place for all encoders of a kind. So every listener reads those
of the nearest encoder before it, whatever encoder it names.
"""

import warnings
from typing import Any, Dict, List, Optional

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2Vec, Tok2VecListener
from thinc.api import Model

from ..errors import Errors, Warnings, suggest


class UpstreamPipe:
    """A mixin for spaCy's `Tok2Vec` and similar components, which checks their listeners.

    listener_class (Type[Model]): What listens to encoders of this kind.
    encoder_class (Type[Pipe]): All encoders of this kind.
    """

    listener_class: Any
    encoder_class: Any
    name: str
    model: Model
    listener_map: Any
    _linked: Optional[Dict[str, List[Any]]] = None
    _behind: List[Any] = []  # noqa: RUF012  (replaced, never changed)

    def find_listeners(self, component: Any) -> None:
        """Find the listeners to this encoder in a component after it. spaCy calls this
        for each component in order, whenever a pipeline changes or is loaded.

        component (Callable[[Doc], Doc]): The component.
        RAISES (ValueError): E115 for a listener of another width.
        """
        if self._linked is not self.listener_map or component is self:
            # How spaCy and spacy-transformers start again from the first component.
            self._linked, self._behind = self.listener_map, []
        if component is self:
            return
        super().find_listeners(component)  # type: ignore[misc]
        self._warn_of_another(component)
        if isinstance(component, self.encoder_class):
            self._behind = [*self._behind, component]

    def add_listener(self, listener: Any, component_name: str) -> None:
        """listener (Model): The node that reads the vectors.
        component_name (str): Name of the component that it is in.
        RAISES (ValueError): E115 if it expects vectors of another width.
        """
        if self._behind and listener.upstream_name == "*":
            return  # It belongs to the nearest encoder.
        widths = [n.get_dim("nO") for n in (listener, self.model) if n.has_dim("nO")]
        if len(set(widths)) > 1:
            message = Errors.E115.format(
                name=component_name,
                upstream=self.name,
                expected=widths[0],
                found=widths[1],
            )
            raise ValueError(message)
        super().add_listener(listener, component_name)  # type: ignore[misc]

    def _warn_of_another(self, component: Any) -> None:
        """Warn if a component does not read the vectors of the encoder that it names."""
        nearest = self._behind[-1] if self._behind else self
        if nearest is not self and isinstance(nearest, UpstreamPipe):
            return  # It will say the same.
        model = getattr(component, "model", None)
        for node in model.walk() if isinstance(model, Model) else []:
            if not isinstance(node, self.listener_class):
                continue
            wanted = node.upstream_name
            elsewhere = wanted not in ("*", nearest.name)
            if elsewhere and (nearest is self or wanted == self.name):
                message = Warnings.W046.format(
                    name=component.name, upstream=wanted, other=nearest.name
                )
                warnings.warn(message, stacklevel=2)


def check_upstreams(nlp: Language) -> None:
    """Refuse listeners that would never get vectors.

    nlp (Language): The pipeline.
    RAISES (ValueError): E192 for a listener to a component that does not exist, or that
        comes after it.
    """
    pipes = dict(nlp.components)
    encoders = [name for name, pipe in pipes.items() if isinstance(pipe, Tok2Vec)]
    before: List[str] = []
    for name, pipe in pipes.items():
        model = getattr(pipe, "model", None)
        for node in model.walk() if isinstance(model, Model) else []:
            if not isinstance(node, Tok2VecListener):
                continue
            upstream = node.upstream_name
            if upstream in (*before, "*"):
                continue
            reason = f"'{upstream}' comes after it"
            if upstream not in pipes:
                reason = "there is no component of that name"
            message = Errors.E192.format(
                name=name,
                upstream=upstream,
                reason=reason,
                hint=suggest(upstream, encoders) if upstream not in pipes else "",
                encoders=", ".join(encoders) or "none",
            )
            raise ValueError(message)
        before.append(name)

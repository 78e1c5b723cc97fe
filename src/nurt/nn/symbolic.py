"""``torch.fx``: a layer stands in a symbolic graph as one call of a module, as torch's own layers do."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.fx import Proxy

__all__ = ["WholeInGraphs"]


class WholeInGraphs(nn.Module):
    """A module that ``torch.fx.symbolic_trace`` does not look into, whatever the tracer takes for a leaf.

    The call is met before hooks run: they belong to the module, which runs them when the graph does.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module, or stand in a graph where the first argument does."""
        if isinstance(args[0] if args else next(iter(kwargs.values()), None), Proxy):
            return self._in_graph(args, kwargs)
        return super().__call__(*args, **kwargs)

    def _in_graph(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Proxy:
        """Return what stands for the results in a graph."""
        tracer: Any = (args[0] if args else next(iter(kwargs.values()))).tracer
        proxy: Proxy = tracer.create_proxy("call_module", tracer.path_of_module(self), args, kwargs)
        return proxy

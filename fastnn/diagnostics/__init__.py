"""Looking into networks and their training."""

from fastnn.diagnostics.graph import Graph, graph

__all__ = ["Graph", "graph"]

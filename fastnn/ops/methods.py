"""Which functions are methods of Tensor too: an explicit list, so that a search finds each."""

from fastnn._engine.engine import add_methods

# one block per family, as in  add_methods({"tanh": activation.tanh, ...})
add_methods({})

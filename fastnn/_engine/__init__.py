"""The compiled core: storage, tensors, the graph and Calls."""

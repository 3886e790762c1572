"""PyTorch's path to gradient clipping: ``nn.utils.clip_grad_norm_``."""

from fastnn.nn.clip import clip_grad_norm_, clip_grad_value_, get_grad_norm

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_grad_norm"]

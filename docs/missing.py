"""Writes docs/missing.md: what PyTorch has in nn, optim and functional, and fastnn has not, and why.

Run it with PyTorch installed:  python docs/missing.py
A name without a reason is an error, so that the page tells all; tests/test_docs.py keeps it current.
"""

import functools
import importlib
import re
import sys
from pathlib import Path

PAGE = Path(__file__).with_suffix(".md")

ROOMS = {
    "nn": "layers, losses and containers",
    "nn.functional": "functions",
    "nn.init": "initialization",
    "nn.utils": "helpers",
    "optim": "optimizers",
    "optim.lr_scheduler": "schedules",
    "nn.Module": "methods of Module",
    "optim.Optimizer": "methods of Optimizer",
    "Tensor": "methods of Tensor",
}
CLASSES = ("nn.Module", "optim.Optimizer", "Tensor")  # rooms that are one class

NOT_PUBLIC = "internal to PyTorch"
VOLUMES = "volumes (3d convolution and pooling): no course topic and few CPU trainings need them"
LAZY = "lazy layers have no parameters at all before their first call"
GPU = "for GPUs"
DEPRECATED = "deprecated in PyTorch itself"
SPARSE = "sparse tensors do not exist in fastnn"
COMPLEX = "complex numbers do not exist in fastnn"
QUANTIZED = "quantized and half-precision types do not exist in fastnn"
LINALG = "decompositions and inverses: use NumPy or SciPy on `tensor.numpy()`; nothing trains through them"
SPECIAL = "special functions of statistics: use SciPy on `tensor.numpy()`"
SPECTRAL = "Fourier transforms: use NumPy on `tensor.numpy()`"
RANDOM = "draw with `fastnn.rand`, `randn`, `randint` or `bernoulli` and transform"
MEMORY = "memory is managed by fastnn; its layout cannot be changed by hand"
RARE = "rare in training; made of other operations in a line or two"
INPLACE = (
    "the form without the underscore does it; in-place forms save no memory in a recorded step"
)
PARALLEL = "batch norm takes the statistics of each process's part of a batch; the recipe for many machines is in course.md, M6"

# the first pattern that matches the whole of "room.name" gives the reason
REASONS = [
    (r"nn\.(Container|NLLLoss2d)", DEPRECATED),
    (r"nn\.Buffer", "register_buffer says the same"),
    (r"nn\.DataParallel", GPU),
    (r"nn\.Uninitialized.*", LAZY),
    (r"nn\.(.*3d)|nn\.functional\..*3d(_with_indices)?", VOLUMES),
    (r"nn\.SyncBatchNorm|nn\.parallel.*", PARALLEL),
    (r"nn\.(functional\.)?fractional_max_pool2d.*|nn\.FractionalMaxPool2d", RARE + "; its windows are random"),
    (r"nn\.CrossMapLRN2d", DEPRECATED + ": LocalResponseNorm"),
    (r"nn\.(functional\.)?(LinearCrossEntropy.*|linear_cross_entropy)", "Linear and CrossEntropyLoss, which is fused"),
    (r"nn\.(AdaptiveLogSoftmaxWithLoss)", "pays for vocabularies of 100,000 words and more; a Linear and CrossEntropyLoss do the same in one product"),
    (r"nn\.(RNNBase|RNNCellBase)", "RNN, LSTM, GRU and their cells are there; their base classes are private"),
    (r"nn\.functional\.(.*_with_indices)", "the same function with return_indices=True"),
    (r"nn\.functional\.(conv_tbc|upsample.*)", DEPRECATED),
    (r"nn\.functional\.multi_head_attention_forward", "the layer MultiheadAttention"),
    (r"nn\.functional\.(scaled_.*mm|grouped_mm|ScalingType|SwizzleType|DType)", QUANTIZED),
    (r"nn\.functional\.(.*_)", INPLACE + ": use inplace=True"),
    (r"nn\.functional\.(native_channel_shuffle|assert_int_or_pair|boolean_dispatch|has_torch.*|handle_torch.*)", NOT_PUBLIC),
    (r"nn\.functional\.(Callable|Optional|Tensor)", NOT_PUBLIC),
    (r"nn\.init\.(Callable|Literal|ParamSpec|TypeVar)", NOT_PUBLIC),
    (r"nn\.init\..*[a-z]", DEPRECATED + ": the same name with an underscore at its end"),
    (r"nn\.utils\.(clip_grad_norm)", DEPRECATED + ": clip_grad_norm_"),
    (r"nn\.utils\.(clip_grads_with_norm_|get_total_norm)", "clip_grad_norm_ and get_grad_norm"),
    (r"nn\.utils\.(convert_conv.*)", MEMORY),
    (r"nn\.utils\.(weight_norm|remove_weight_norm|spectral_norm|remove_spectral_norm)", DEPRECATED + ": parametrizations"),
    (r"nn\.utils\.(stateless|skip_init|init|memory_format|prune)", "lazy and functional tricks of PyTorch's internals"),
    (r"nn\.utils\.(clip_grad|convert_parameters|fusion|rnn)", "a module; its functions are in fastnn.nn.utils"),
    (r"optim\.(SparseAdam)", SPARSE),
    (r"optim\.Adafactor", "saves optimizer state where it would not fit into memory: models of billions of parameters"),
    (r"optim\.Muon", "for the hidden matrices of large language models; not in the course, not built"),
    (r"optim\.lr_scheduler\.(EPOCH_DEPRECATION_WARNING|Callable|.*Any|Counter|Iterable|Number|Literal|Self|partial|SupportsFloat|TypedDict|cast|override|bisect_right|inf|wraps|ref)", NOT_PUBLIC),
    (r"optim\.lr_scheduler\.(Optimizer|Tensor)", NOT_PUBLIC),
    (r"optim\.lr_scheduler\.(_LRScheduler|LRScheduler)", "the base class is `Schedule`"),
    # --- methods of Module and Optimizer
    (r"nn\.Module\.(bfloat16|half)", QUANTIZED),
    (r"nn\.Module\.(cuda|ipu|mtia|xpu|share_memory)", GPU),
    (r"nn\.Module\.to_empty", LAZY),
    (r"nn\.Module\.compile", "fastnn.compile records the whole training step"),
    (r"nn\.Module\.register_backward_hook", DEPRECATED + ": register_full_backward_hook"),
    (r"nn\.Module\.((get|set)_extra_state|register_(load_)?state_dict_.*)", "a state_dict holds tensors alone, so that a safetensors file holds it; change the dict after or before"),
    (r"nn\.Module\.set_submodule", "assign the attribute, `model.block.layer = other`"),
    (r"optim\.Optimizer\.register_step_.*", "a recorded step runs no Python; call what you need before or after `step()`"),
    (r"optim\.Optimizer\.register_.*state_dict.*", "change the dict that state_dict() returns"),
    (r"optim\.Optimizer\.(OptimizerP.*|profile_hook_step)", NOT_PUBLIC),
    # --- methods of Tensor
    (r"Tensor\.(is_(cuda|ipu|maia|meta|mkldnn|mps|mtia|vulkan|xla|xpu|distributed|nested|quantized|pinned|shared|sparse.*|cpu|neg|conj|complex|inference|coalesced|set_to|signed|same_size|nonzero))", "there is one device and one layout"),
    (r"Tensor\.(cuda|xpu|mtia|ipu|hpu|get_device|pin_memory|record_stream|to_mkldnn|share_memory_)", GPU),
    (r"Tensor\.(.*sparse.*|coalesce|crow_indices|ccol_indices|col_indices|row_indices|indices|values|dense_dim|sspaddmm|smm|to_dense|to_padded_tensor)", SPARSE),
    (r"Tensor\.(angle|conj.*|imag|real|resolve_.*|adjoint|mH|cdouble|cfloat|chalf|isreal|view_as_.*)", COMPLEX),
    (r"Tensor\.(half|bfloat16|byte|char|short|q_.*|qscheme|dequantize|int_repr)", QUANTIZED),
    (r"Tensor\.(cholesky.*|det|logdet|slogdet|eig|symeig|svd|qr|lu.*|lstsq|solve|inverse|pinverse|geqrf|orgqr|ormqr|triangular_solve|matrix_exp)", LINALG),
    (r"Tensor\.(igamma.*|i0_?|mvlgamma_?|polygamma_?|nextafter_?|frexp|gcd_?|lcm_?)", SPECIAL),
    (r"Tensor\.(istft|stft)", SPECTRAL),
    (r"Tensor\.(cauchy_|exponential_|geometric_|log_normal_|random_)", RANDOM),
    (r"Tensor\.(as_strided.*|set_|storage.*|untyped_storage|resize.*|const_data_ptr|data_ptr|dim_order|layout|memory_format|new_empty_strided|volatile|apply_|map_|map2_|as_subclass|slice_inverse|hash_tensor|module_load|name|names|output_nr|reinforce|new|type|grad_dtype|index|retains_grad|nonzero_static|unsafe_.*|narrow_copy|register_post_accumulate_grad_hook)", MEMORY + ", or " + NOT_PUBLIC),
    (r"Tensor\.(.*_scatter|put_?|renorm_?|index_reduce_?|corrcoef|cov|histogram|bitwise_.*_shift_?|dsplit|fill_diagonal_|sum_to_size|ger)", RARE),
    (r"Tensor\.(.*_)", INPLACE),
]  # fmt: skip


def names(module, room):
    """Public names of one of PyTorch's rooms; in nn and optim the classes, elsewhere all callables."""
    import types

    for name in sorted(dir(module) if room in CLASSES else vars(module)):
        value = getattr(module, name, None)
        if name.startswith("_"):
            continue
        if room in ("nn", "optim", "optim.lr_scheduler") and not isinstance(value, type):
            continue
        if isinstance(value, types.ModuleType) and room != "nn.utils":
            continue
        if room != "Tensor" and not callable(value) and not isinstance(value, types.ModuleType):
            continue
        yield name


def reason(path):
    for pattern, words in REASONS:
        if re.fullmatch(pattern, path):
            return words
    return None


def room_of(library, room):
    """The module or class of that name."""
    if room in CLASSES:
        return functools.reduce(getattr, room.split("."), library)
    return importlib.import_module(f"{library.__name__}.{room}")


def missing():
    """room -> [(name, reason)] of everything that fastnn has not; names without a reason: None."""
    import torch

    import fastnn

    found = {}
    for room in ROOMS:
        theirs, mine = (room_of(library, room) for library in (torch, fastnn))
        found[room] = [
            (name, reason(f"{room}.{name}"))
            for name in names(theirs, room)
            if not hasattr(mine, name)
        ]
    return found


# an argument that fastnn's class or function of that name has not -> why
ARGUMENTS = {
    "_freeze": "private: `from_pretrained(weight, freeze=)`",
    "_stacklevel": NOT_PUBLIC,
    "_weight": "private: `from_pretrained`, or assign `layer.weight.data`",
    "always_call": "a hook runs after a forward that ended well; otherwise `try` and `finally`",
    "assign": "values are copied into the parameters, which optimizers hold; `layer.weight.data = t` assigns",
    "capturable": "for GPUs; False is taken, anything else refused",
    "destination": DEPRECATED,
    "differentiable": "a step is one kernel over all parameters; False is taken, anything else refused",
    "eps": "PyTorch ignores it",
    "foreach": "there is one form of a step, over all parameters at once; None and True are taken, False refused",
    "fused": "there is one form of a step, over all parameters at once; None and True are taken, False refused",
    "last_epoch": "its schedules count for themselves; `load_state_dict` goes on where another run stopped",
    "mask_check": "chooses between PyTorch's own kernels",
    "max_value": DEPRECATED + ": `max_val`",
    "min_value": DEPRECATED + ": `min_val`",
    "original": NOT_PUBLIC + ": `register_parametrization` makes it",
    "out": "no function writes into a tensor that it is given; in a recorded step memory is shared anyway",
    "reduce": DEPRECATED + ": `reduction`",
    "self": "it stands before the dot",
    "size_average": DEPRECATED + ": `reduction`",
    "split_size": "its name is split_size_or_sections, as in `torch.split`",
    "unsafe": "shapes and dtypes of a parametrization are always checked",
}  # fmt: skip
DEFAULTS = {
    "activation": "the same function",
    "align_corners": "None means False, with a warning",
    "batch_sizes": "PyTorch fails without it, too",
    "enable_nested_tensor": "nested tensors do not exist in fastnn; True is refused",
}


def arguments():
    """(argument -> names that lack it, argument -> names where its default differs)."""
    import inspect

    import torch

    import fastnn

    lacking, other = {}, {}
    for room in ROOMS:
        theirs, mine = (room_of(library, room) for library in (torch, fastnn))
        for name in names(theirs, room):
            try:
                pair = [inspect.signature(getattr(m, name)).parameters for m in (theirs, mine)]
            except (AttributeError, TypeError, ValueError):  # not there, or compiled in PyTorch
                continue
            for argument, known in pair[0].items():
                if known.kind in (known.VAR_POSITIONAL, known.VAR_KEYWORD):
                    continue
                if argument not in pair[1]:
                    lacking.setdefault(argument, []).append(f"{room}.{name}")
                elif known.default not in (known.empty, pair[1][argument].default):
                    other.setdefault(argument, []).append(f"{room}.{name}")
    return lacking, other


def listed(found, reasons, words):
    unknown = sorted(set(found) - set(reasons))
    if unknown:
        raise SystemExit(f"docs/missing.py: give a reason for the {words} {unknown}: {found}")
    for argument in sorted(found):
        where = found[argument]
        some = ", ".join(f"`{n}`" for n in where[:4]) + (
            f" and {len(where) - 4} more" * (len(where) > 4)
        )
        yield f"- `{argument}` of {some}: {reasons[argument]}."


def page():
    """The text of missing.md."""
    import torch

    version = ".".join(torch.__version__.split("+")[0].split(".")[:2])
    lines = [
        "# What PyTorch has and fastnn has not",
        "",
        f"Compared with PyTorch {version} by `python docs/missing.py`, which writes this page; a test",
        "keeps it current. Options that fastnn refuses say so in their error message.",
        "",
    ]
    for room, rows in missing().items():
        lines += [f"## {room}: {ROOMS[room]}", ""]
        by_reason = {}
        for name, words in rows:
            by_reason.setdefault(words, []).append(name)
        for words, group in by_reason.items():
            if words is None:
                raise SystemExit(f"docs/missing.py: give a reason for {room}: {group}")
            lines.append(f"- {', '.join(f'`{n}`' for n in group)}: {words}.")
        lines.append("" if rows else "Nothing.\n")
    lacking, other = arguments()
    lines += [
        "## Arguments",
        "",
        "They raise a `TypeError` that names them, unless said otherwise.",
        "",
    ]
    lines += [*listed(lacking, ARGUMENTS, "arguments"), "", "## Other defaults", ""]
    lines += listed(other, DEFAULTS, "defaults of")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: {len(page().splitlines())} lines", file=sys.stderr)

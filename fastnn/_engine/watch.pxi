# What a compiled function reads from outside itself: looked at before each replay.

from cpython.dict cimport PyDict_GetItem
import types as _types
from functools import partial as _partial

cdef enum:
    MOST_WATCHED = 200      # values; what is beyond is found when a plan is compared again
    MOST_ITEMS = 32         # of a list or dict

cdef object MISSING = object()
cdef object CellType = _types.CellType
cdef tuple PLAIN = (int, float, bool, str, tuple, type(None))


cdef object value_at(object container, object key):
    cdef PyObject *found
    if type(container) is dict:
        found = PyDict_GetItem(container, key)
        return MISSING if found == NULL else <object>found
    try:
        return container.cell_contents if type(container) is CellType else container[key]
    except (IndexError, ValueError):        # a shorter list, an empty cell
        return MISSING


cdef bint same_value(object a, object b) except -1:
    """Whether it is the same object, or a number or text that nobody can tell from it."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    return a.hex() == b.hex() if type(a) is float else a == b if type(a) is int or type(a) is str else False


@cython.final
cdef class Outside:
    """Closure cells, globals, and attributes and items of what these hold, with the values they had.

    Modules and optimizers say themselves when they change (see `world_changed`).
    """
    cdef list containers, keys, values, labels
    cdef set seen
    cdef int changed_in_row         # calls that found a change since the last replay
    cdef str changed                # what changed last

    def __init__(self, function, list objects):
        self.containers, self.keys, self.values, self.labels = [], [], [], []
        self.seen = set()
        self.walk(function, type(function).__name__, ())
        for x in objects:
            self.walk(x, type(x).__name__, names_of(function)[1])

    cdef bint same(self) except -1:
        """Is everything as it was? Takes the values of now, if not."""
        cdef Py_ssize_t i
        cdef bint unchanged = True
        for i in range(len(self.values)):
            container = self.containers[i]
            now = value_at(container, self.keys[i])
            if now is not self.values[i]:
                if not same_value(now, self.values[i]):
                    unchanged, self.changed = False, self.labels[i]
                self.values[i] = now
        return unchanged

    cdef int forget_changed(self) except -1:
        """Leave out what the function itself has changed: its own notes, which replays do not take."""
        cdef Py_ssize_t i
        kept = [i for i in range(len(self.values)) if self.values[i] is value_at(self.containers[i], self.keys[i])]
        self.containers = [self.containers[i] for i in kept]
        self.keys = [self.keys[i] for i in kept]
        self.labels = [self.labels[i] for i in kept]
        self.values = [self.values[i] for i in kept]
        return 0

    cdef int watch(self, object container, object key, str label, tuple attributes) except -1:
        value = value_at(container, key)
        if len(self.values) < MOST_WATCHED and value is not MISSING:
            self.containers.append(container)
            self.keys.append(key)
            self.values.append(value)
            self.labels.append(label)
            self.walk(value, label, attributes)
        return 0

    cdef int walk(self, object x, str label, tuple attributes) except -1:
        """What can be reached from x: `attributes` are the names that its reader looks up."""
        if isinstance(x, PLAIN) or isinstance(x, (Tensor, np.ndarray)) or id(x) in self.seen:
            return 0
        self.seen.add(id(x))
        if isinstance(x, _types.FunctionType):
            self.walk_function(x)
        elif isinstance(x, _types.MethodType):
            self.walk(x.__func__, label, attributes)
            self.walk(x.__self__, label, names_of(x.__func__)[1])
        elif isinstance(x, _partial):
            self.walk(x.func, label, attributes)
            self.walk(list(x.args), label, attributes)
            self.walk(x.keywords, label, attributes)
        elif isinstance(x, CompiledFunction):
            self.walk((<CompiledFunction>x).function, label, attributes)
        elif type(x) is dict or type(x) is list:
            for key in (list(x) if type(x) is dict else range(len(x)))[:MOST_ITEMS]:
                self.watch(x, key, f"{label}[{key!r}]", attributes)
        elif isinstance(x, _types.ModuleType):
            for name in attributes:
                if isinstance(x.__dict__.get(name), PLAIN):
                    self.watch(x.__dict__, name, f"{label}.{name}", ())
        elif not isinstance(x, type) and hasattr(x, "__dict__"):
            self.walk_object(x, label, attributes)
        return 0

    cdef int walk_function(self, object function) except -1:
        own = is_own(function.__module__)
        names, attributes = names_of(function)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            if own:
                if value_at(cell, None) is not MISSING:
                    self.walk(cell.cell_contents, name, attributes)
            else:
                self.watch(cell, None, name, attributes)
        if not own:
            for name in names:
                self.watch(function.__globals__, name, name, attributes)
        return 0

    cdef int walk_object(self, object x, str label, tuple attributes) except -1:
        if hasattr(x, "_members") and hasattr(x, "modules"):        # a Module: forward of each that users wrote
            for module in x.modules():
                if not is_own(type(module).__module__):
                    self.walk_class(module, ("forward",))
                    for name, value in list(module.__dict__.items()):
                        if type(value) is dict or type(value) is list:
                            self.walk(value, name, ())
        elif is_own(type(x).__module__):
            for name, value in list(x.__dict__.items()):
                if callable(value):
                    self.walk(value, name, ())
        else:
            attributes = self.walk_class(x, (*attributes, "__call__"))
            for name in attributes:
                if name in x.__dict__:
                    self.watch(x.__dict__, name, f"{label}.{name}", attributes)
        return 0

    cdef tuple walk_class(self, object x, tuple names):
        """Methods and values of x's class by these names, and by those that its methods look up; returns all names."""
        todo, done = list(names), {}
        while todo:
            name = todo.pop()
            if name in done:
                continue
            done[name] = None
            for kind in type(x).__mro__:
                if not is_own(kind.__module__) and kind is not object and name in kind.__dict__:
                    if (kind, name) not in self.seen:
                        self.seen.add((kind, name))
                        self.watch(kind.__dict__, name, f"{kind.__name__}.{name}", ())
                    todo += names_of(kind.__dict__[name])[1]
        return tuple(done)


cdef bint is_own(object module):
    return isinstance(module, str) and (module == "fastnn" or module.startswith("fastnn."))


cdef dict code_names = {}


cdef tuple names_of(object function):
    """(global names, attribute names) that a function's code reads, those of functions in it too."""
    import dis
    code = getattr(function, "__code__", None)
    if code is None:
        return (), ()
    found = code_names.get(code)
    if found is None:
        if len(code_names) > 1000:
            code_names.clear()
        names, attributes, todo = {}, {}, [code]
        while todo:
            part = todo.pop()
            todo += [c for c in part.co_consts if isinstance(c, _types.CodeType)]
            for i in dis.get_instructions(part):
                if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                    names[i.argval] = None
                elif i.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                    attributes[i.argval] = None
        found = code_names[code] = tuple(names), tuple(attributes)
    return found

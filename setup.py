"""Builds the C core and the Cython modules; everything static is in pyproject.toml.

Each csrc/kernels/<stem>.c is compiled once per instruction set and element type, csrc/*.c once,
each fastnn/**/*.pyx once; only what is older than its sources, in parallel. All C objects are
linked into fastnn._engine.engine alone, so that their state exists once in the process; the
other modules reach it through the engine's cdef functions.

Environment: CC ("ccache gcc", clang, ...), CFLAGS, LDFLAGS;
FASTNN_OPENMP=0 builds for one thread; FASTNN_WERROR=1 makes warnings in csrc/ errors;
FASTNN_ISAS="avx2 avx512" builds these instruction sets alone (quicker, for developers);
FASTNN_DEBUG=1 keeps symbols, for debuggers and sanitizers; FASTNN_JOBS=n.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ENGINE = "fastnn._engine.engine"
SHARED = "fastnn._engine.cython_shared"  # what Cython would put into each module: its functions
WINDOWS, MACOS = sys.platform == "win32", sys.platform == "darwin"
DEBUG = os.environ.get("FASTNN_DEBUG") == "1"
JOBS = int(os.environ.get("FASTNN_JOBS") or os.cpu_count() or 1)

# name -> flags; csrc/dispatch.c knows the same names and what each asks of the CPU (not prefetchw:
# a CPU without it takes it for nothing)
X86_64 = {
    "baseline": "-mssse3 -msse4.1 -msse4.2 -mpopcnt -mcx16",  # x86-64-v2
    "avx2": "-mavx2 -mfma -mbmi -mbmi2 -mlzcnt -mf16c -mpopcnt -mprfchw",
    "avx512": "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mbmi -mbmi2 -mlzcnt -mf16c "
    "-mpopcnt -mprfchw -mprefer-vector-width=512",
}
ARM64 = {"neon": ""}  # every arm64 CPU has it: this is the baseline there
PORTABLE = {"baseline": ""}

# no -ffast-math: it breaks range reduction, and linking with it changes the process's FP mode
KERNEL = "-O2 -fno-math-errno -fno-trapping-math -ffp-contract=fast"
# -O3 where it pays (SGD takes half as long); elsewhere it would make a build a third longer, and the
# loops that have to be unrolled say so themselves
EXPENSIVE = ("optim", "pool", "recurrent")
CORE = "-O2"
WARN = "-Wall -Wextra"
WERROR = ["-Werror"] if os.environ.get("FASTNN_WERROR") == "1" else []
STANDARD = "-std=c11 -fvisibility=hidden"
CYTHON = "-w -fno-strict-aliasing -fvisibility=hidden"  # its warnings are not ours to mend
# The modules that an ordinary eager step runs through are compiled for speed (-O1 costs it 5 to 8%:
# python -m benchmarks overhead), the others in less than half of the time.
FAST = (
    "engine", "axes", "broadcast", "elementwise", "rectifier", "activation", "linear",
    "affine", "product", "reduce", "shape", "window", "rownorm", "probability", "likelihood",
    "inplace", "arena",
)  # fmt: skip
# unwinding is for C++ and debuggers, and there are neither
UNWIND = "" if DEBUG or WINDOWS else "-fno-asynchronous-unwind-tables -fno-unwind-tables"
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "binding": True,
    "embedsignature": True,
    "embedsignature.format": "python",
    "autotestdict": False,
}


def instruction_sets():
    target = os.environ.get("ARCHFLAGS") or sysconfig.get_platform()  # may not be this machine
    if "universal2" in target:  # a Python for both: we build for what runs it
        target = platform.machine()
    is_x86_64 = re.search(r"x86_64|amd64", target, re.I) and sys.maxsize > 2**32
    is_arm64 = re.search(r"aarch64|arm64", target, re.I)
    known = X86_64 if is_x86_64 else ARM64 if is_arm64 else PORTABLE
    asked = os.environ.get("FASTNN_ISAS", " ".join(known)).split()
    if not set(asked) & set(known):
        raise SystemExit(
            f"FASTNN_ISAS={' '.join(asked)}: the instruction sets here are {list(known)}"
        )
    return {name: flags for name, flags in known.items() if name in asked}


def included(source, seen=None):
    """The file and every file of csrc/ that it includes, directly or not."""
    seen = {} if seen is None else seen
    seen[source] = None
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', source.read_text("utf-8"), re.M):
        header = next(
            (d / name for d in (source.parent, Path("csrc")) if (d / name).exists()), None
        )
        if header and header not in seen:
            included(header, seen)
    return list(seen)


class BuildExt(build_ext):
    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            self.use_clang_cl()
        openmp = self.find_openmp()
        by_name = {ext.name: ext for ext in self.extensions}
        jobs = []  # (object's Extension, source, folder, flags)
        for source in sorted(Path("csrc").glob("*.c")):
            flags = [CORE, STANDARD, WARN]
            if os.environ.get("FASTNN_ISAS") and source.stem == "dispatch":
                length = {"baseline": 16, "neon": 16, "avx2": 32, "avx512": 64}
                flags.append(
                    "-DISAS(X)=" + "".join(f"X({n},{length[n]})" for n in instruction_sets())
                )
            if source.stem == "dispatch":
                flags.append(f'-DFNN_FLAGS="{KERNEL}"')
            if openmp and source.stem in ("run", "threads"):
                flags += [openmp[0], "-DFNN_OPENMP"]
            jobs.append((ENGINE, source, "core", flags))
        for isa, isa_flags in instruction_sets().items():
            for source in sorted(Path("csrc/kernels").glob("*.c")):
                for real in ("32", "64"):
                    names = f"-DFNN_ISA={isa} -DFNN_REAL={real}"
                    flags = [KERNEL, STANDARD, WARN, isa_flags, names]
                    if isa == "baseline" and real == "64":
                        flags.append("-Os")  # for CPUs from before 2013: smaller, a little slower
                    elif isa != "baseline" and source.stem in EXPENSIVE:
                        flags.append("-O3")
                    jobs.append((ENGINE, source, f"{isa}-{real}", flags))
        for name, source in self.cythonize().items():
            level = "-O2" if name.rpartition(".")[2] in FAST or WINDOWS else "-Og"
            jobs.append((name, source, "cython", [CYTHON, level]))
        # the longest first, that none is left alone: a kernel's text is 50 times a module's work
        jobs.sort(key=lambda job: -job[1].stat().st_size * (1 if job[2] == "cython" else 50))
        with ThreadPoolExecutor(self.parallel or JOBS) as pool:
            objects = list(pool.map(lambda job: self.compile(*job[1:]), jobs))
        for ext in self.extensions:
            ext.sources = []
            ext.extra_objects = [
                o for o, job in zip(objects, jobs, strict=True) if job[0] == ext.name
            ]
            ext.extra_link_args = self.link_flags()
        if ENGINE in by_name and openmp:
            by_name[ENGINE].extra_link_args += openmp[1].split()
        for ext in self.extensions:  # link again when an object or the list of them changed
            ext.depends = [*ext.extra_objects, self.manifest(ext)]
        self.parallel = self.parallel or JOBS
        super().build_extensions()

    def cythonize(self):
        """Module name -> generated C file."""
        from Cython.Build import cythonize

        modules = cythonize(
            [Extension(ext.name, list(ext.sources)) for ext in self.extensions],
            build_dir=str(Path(self.build_temp, "cython")),
            compiler_directives=DIRECTIVES,
            nthreads=JOBS if sys.platform == "linux" else 0,
            shared_utility_qualified_name=SHARED,
        )
        return {ext.name: Path(ext.sources[0]) for ext in modules}

    def compile(self, source, folder, flags):
        """The object file, made anew if older than what it is made of."""
        import numpy

        words = [w for f in flags for w in ([f] if f.startswith("-DFNN_FLAGS") else f.split())]
        words += UNWIND.split()
        words += ["-O1", "-g", "-UNDEBUG"] if DEBUG else ["-g0"]
        key = repr((getattr(self.compiler, "compiler_so", None), words))
        if WARN in flags:  # no part of the key: an object that could be made is the same
            words += WERROR
        folder = Path(self.build_temp, folder, hashlib.sha256(key.encode()).hexdigest()[:8])
        # the last folders too: modules of several packages may share a stem
        target = folder / Path(*source.parts[-3:]).with_suffix(self.compiler.obj_extension)
        newest = max(path.stat().st_mtime for path in included(source))
        if target.exists() and target.stat().st_mtime > newest and not self.force:
            return str(target)
        (made,) = self.compiler.compile(
            [str(source)],
            output_dir=str(folder),
            include_dirs=["csrc", numpy.get_include(), *self.include_dirs],
            extra_postargs=words,
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(made, target)
        return str(target)

    def manifest(self, ext):
        """A file that is newer than the module when the module was linked from something else."""
        path = Path(self.build_temp, "link", ext.name)
        text = "\n".join([*ext.extra_objects, *ext.extra_link_args])
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(path)

    def link_flags(self):
        if WINDOWS:
            return []
        strip = [] if DEBUG else ["-Wl,-x" if MACOS else "-Wl,-s"]
        return [*strip, "-lm"]

    def use_clang_cl(self):
        """MSVC's own compiler has no vector types: take clang's, with the same options."""
        clang = shutil.which("clang-cl")
        if clang is None:
            raise SystemExit("fastnn needs clang-cl on Windows: install LLVM and put it on PATH")
        self.compiler.initialize()
        self.compiler.cc = clang

    def find_openmp(self):
        """(compile flags, link flags) of the first that works; None when there is no OpenMP."""
        if os.environ.get("FASTNN_OPENMP") == "0":
            return None
        candidates = [("-fopenmp", "-fopenmp")]
        if WINDOWS:
            candidates = [("-openmp", "")]
        if MACOS:
            for prefix in ("/opt/homebrew/opt/libomp", "/usr/local/opt/libomp"):
                flags = f"-Xpreprocessor -fopenmp -I{prefix}/include", f"-L{prefix}/lib -lomp"
                candidates.append(flags)
        program = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
        compiler = getattr(self.compiler, "compiler", None) or [self.compiler.cc]
        with tempfile.TemporaryDirectory() as folder:
            source, binary = Path(folder, "openmp.c"), Path(folder, "openmp.exe")
            source.write_text(program)
            for flags, link in candidates:
                command = [*compiler, *flags.split(), str(source), "-o", str(binary), *link.split()]
                built = subprocess.run(command, capture_output=True).returncode == 0
                if built and subprocess.run([str(binary)]).returncode == 0:
                    return flags, link
        print("fastnn: no OpenMP found, building for one thread", file=sys.stderr)
        return None


def modules():
    yield Extension(SHARED, [])  # Cython writes its source
    for source in sorted(Path("fastnn").rglob("*.pyx")):
        yield Extension(".".join(source.with_suffix("").parts), [str(source)])


if __name__ == "__main__":
    setup(ext_modules=list(modules()), cmdclass={"build_ext": BuildExt})

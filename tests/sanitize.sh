#!/usr/bin/env bash
# Builds a copy of the tree with AddressSanitizer and UndefinedBehaviorSanitizer (gcc, Linux) and
# runs the tests under them:  tests/sanitize.sh [pytest arguments]
# FASTNN_ISAS chooses the instruction sets (default: avx2, to build quickly).
set -euo pipefail
cd "$(dirname "$0")/.."
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(tests/test_ops.py tests/test_threads.py -k "not import_orders and not instruction_set")

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
tar --exclude=.git --exclude=build --exclude='*.so' -cf - . | tar -xf - -C "$work"
cd "$work"

flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
export FASTNN_DEBUG=1 FASTNN_ISAS="${FASTNN_ISAS:-avx2}"
CC="${CC:-gcc}" CFLAGS="$flags" LDFLAGS="$flags" python setup.py -q build_ext --inplace

# the interpreter itself is not instrumented: its leaks are not ours, and the runtime comes first
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
export PYTHONMALLOC=malloc
# the sanitizers write to the file descriptor that pytest would capture
python -m pytest -q -p no:cacheprovider --capture=sys "${tests[@]}"

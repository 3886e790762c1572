"""When a second thread pays: what WARM_WORK in csrc/threads.c is chosen by, and what waking costs.

Times one product of matrices on one thread and on all, with the team awake (one product after the
other) and asleep (5 ms between them). Run it on a quiet machine:  python benchmarks/threads.py
"""

import time

import numpy as np

import fastnn

SIZES = (32, 48, 64, 96, 128, 192, 256)
IDLE = 0.005


def median_time(x, threads, idle, times=200):
    fastnn.set_num_threads(threads)
    spent = []
    for _ in range(times):
        if idle:
            time.sleep(idle)
        start = time.perf_counter()
        x @ x
        spent.append(time.perf_counter() - start)
    return np.median(spent) * 1e6


def main():
    most = fastnn.get_num_threads()
    print(f"{'n':>5} {'MFLOP':>8} {'1 warm':>9} {most:>2} warm {'1 cold':>9} {most:>2} cold   us")
    for n in SIZES:
        x = fastnn.tensor(np.random.default_rng(0).standard_normal((n, n)).astype(np.float32))
        row = [median_time(x, threads, idle) for idle in (0, IDLE) for threads in (1, most)]
        print(f"{n:>5} {2e-6 * n**3:>8.2f} " + " ".join(f"{t:>9.1f}" for t in row))
    fastnn.set_num_threads(most)


if __name__ == "__main__":
    main()

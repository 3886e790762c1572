/* How many CPUs this process may use: what affinity allows, cut by the cgroup's quota. */
#define _GNU_SOURCE
#include "fastnn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

#define PATH 4096

static int allowed_cpus(void)
{
#if defined(__linux__)
    for (int most = 1024; most <= 1 << 20; most *= 4) { /* EINVAL: the kernel's mask is longer */
        cpu_set_t *set = CPU_ALLOC(most);
        size_t bytes = CPU_ALLOC_SIZE(most);
        int n = set && sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (n > 0) return n;
    }
#endif
#if defined(_WIN32)
    DWORD_PTR mine, machine;
    int n = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &mine, &machine))
        for (; mine; mine &= mine - 1) n++;
    return n > 0 ? n : 1;
#else
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
#endif
}

/* The first line of root/folder/group/name; 0 when there is none. */
static int first_line(const char *root, const char *folder, const char *group, const char *name,
                      char *line, int size)
{
    char path[PATH];
    if (snprintf(path, PATH, "%s%s%s/%s", root, folder, group, name) >= PATH) return 0;
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    int found = fgets(line, size, file) != NULL;
    fclose(file);
    return found;
}

/* CPUs that one group's own files grant, 0 for no limit: v2 "max 100000" or "150000 100000" in
 * cpu.max; v1 the same two numbers in two files, -1 for no limit. */
static double group_quota(const char *root, const char *folder, const char *group)
{
    char line[128];
    double quota, period;
    if (first_line(root, folder, group, "cpu.max", line, sizeof line)) {
        if (sscanf(line, "%lf %lf", &quota, &period) != 2) return 0;
    } else {
        if (!first_line(root, folder, group, "cpu.cfs_quota_us", line, sizeof line) ||
            sscanf(line, "%lf", &quota) != 1)
            return 0;
        if (!first_line(root, folder, group, "cpu.cfs_period_us", line, sizeof line) ||
            sscanf(line, "%lf", &period) != 1)
            return 0;
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

/* The smallest quota of the group and its parents. Inside a container the path may be the host's
 * and not exist here; the container's own limit then stands at the top. */
static double path_quota(const char *root, const char *folder, const char *group)
{
    char path[PATH];
    double least = 0;
    if (strstr(group, "..") || strlen(group) >= PATH) group = "";
    strcpy(path, group);
    for (;;) {
        size_t length = strlen(path);
        while (length > 0 && path[length - 1] == '/') path[--length] = 0;
        double quota = group_quota(root, folder, path);
        if (quota > 0 && (least == 0 || quota < least)) least = quota;
        if (length == 0) return least;
        *strrchr(path, '/') = 0;
    }
}

/* "cpu" is one of the comma-separated words */
static int names_cpu(const char *words)
{
    for (const char *at = words; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == 0 || at[3] == ',')) return 1;
    return 0;
}

double fnn_quota(const char *root)
{
    static const char *const v1[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct",
                                     "/sys/fs/cgroup/cpuacct,cpu"};
    static const char *const v2[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    char path[PATH], line[PATH + 128];
    double least = 0;
    if (snprintf(path, PATH, "%s/proc/self/cgroup", root) >= PATH) return 0;
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) { /* hierarchy:controllers:path */
        line[strcspn(line, "\n")] = 0;
        char *words = strchr(line, ':'), *group = words ? strchr(words + 1, ':') : NULL;
        if (!group) continue;
        *words++ = 0;
        *group++ = 0;
        int is_v2 = strcmp(line, "0") == 0 && *words == 0;
        if (!is_v2 && !names_cpu(words)) continue;
        const char *const *folders = is_v2 ? v2 : v1;
        for (int i = 0; i < (is_v2 ? 2 : 3); i++) {
            double quota = path_quota(root, folders[i], group);
            if (quota > 0 && (least == 0 || quota < least)) least = quota;
        }
    }
    fclose(file);
    return least;
}

int fnn_cpus(void)
{
    static int cpus; /* asked once: a race asks twice and stores the same number */
    if (cpus == 0) {
        int n = allowed_cpus();
        double quota = fnn_quota("");
        /* 1.5 CPUs carry one thread: two would be stopped for a third of every period */
        if (quota > 0 && quota < n) n = quota < 1 ? 1 : (int)quota;
        cpus = n;
    }
    return cpus;
}

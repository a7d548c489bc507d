/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A preloaded library with which a process reads a clock of the day that is CLOCK_OFFSET_SECONDS ahead (or, negative,
 * behind), as on a machine whose clock is not set. All clocks that do not tell the time of day are as they are.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t offset;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("CLOCK_OFFSET_SECONDS");
    offset = text == NULL ? 0 : atol(text);
    real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    if (real_clock_gettime == NULL) {
        start(); /* another library's constructor came first */
    }
    int result = real_clock_gettime(id, out);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        out->tv_sec += offset;
    }
    return result;
}

int gettimeofday(struct timeval *out, void *zone)
{
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

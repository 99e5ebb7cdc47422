/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * liblab-clock.so, for LD_PRELOAD: the clocks of a program, as a test wants them.
 *
 * The file that LAB_CLOCK names holds two numbers of 64 bits: by how many microseconds the boot
 * clock and the wall clock are ahead of the machine's. A test may change them at any time.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/** How long a timer runs at most, in microseconds: so soon a clock that has moved is noticed. */
#define MAX_TIMER_USEC 50000

enum {
    BOOT,
    WALL,
    N_CLOCKS
};

static const volatile int64_t *ahead;

__attribute__((constructor)) static void
map_file(void)
{
    const char *path = getenv("LAB_CLOCK");
    const int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = mmap(NULL, N_CLOCKS * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        abort();
    ahead = at;
    (void) close(fd);
}

static int64_t
to_usec(const struct timespec *time)
{
    return (int64_t) time->tv_sec * 1000000 + time->tv_nsec / 1000;
}

static struct timespec
from_usec(int64_t usec)
{
    return (struct timespec){.tv_sec = usec / 1000000, .tv_nsec = usec % 1000000 * 1000};
}

int
clock_gettime(clockid_t clock, struct timespec *out)
{
    const int status = (int) syscall(SYS_clock_gettime, clock, out);

    if (status == 0 && clock == CLOCK_BOOTTIME)
        *out = from_usec(to_usec(out) + ahead[BOOT]);
    if (status == 0 && clock == CLOCK_REALTIME)
        *out = from_usec(to_usec(out) + ahead[WALL]);
    return status;
}

/* A timer that fires early is as harmless as one of a machine that was asleep. */
int
timerfd_settime(int fd, int flags, const struct itimerspec *wanted, struct itimerspec *old)
{
    struct itimerspec spec = *wanted;
    struct timespec now;

    if ((flags & TFD_TIMER_ABSTIME) != 0 && to_usec(&spec.it_value) != 0) {
        (void) syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
        const int64_t at = to_usec(&spec.it_value) - ahead[BOOT];
        const int64_t soon = to_usec(&now) + MAX_TIMER_USEC;

        spec.it_value = from_usec(at < 1 ? 1 : at < soon ? at : soon);
    }
    return (int) syscall(SYS_timerfd_settime, fd, flags, &spec, old);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Holds each packet that is routed into a TUN device for a while, then gives it back to the
 * kernel unchanged: a long line, where the kernel has no netem.
 *
 *   delay DEVICE MILLISECONDS
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Packets on the line at once: 40 ms at 25,000 packets/s. What is over is dropped, as on a line. */
#define MAX_PACKETS 1024

/* Longest packet taken: the largest MTU that the lab uses is 1,500 bytes. */
#define MAX_LEN 2048

#define NSEC_PER_SEC 1000000000LL

typedef struct {
    long long due_nsec;
    size_t len;
    unsigned char bytes[MAX_LEN];
} Packet;

typedef struct {
    Packet packets[MAX_PACKETS];
    size_t head;
    size_t n;
} Line;

static Line line;

static long long
now_nsec(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static int
open_tun(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || strlen(name) >= sizeof(request.ifr_name))
        return -1;
    memcpy(request.ifr_name, name, strlen(name));
    return ioctl(fd, TUNSETIFF, &request) == 0 ? fd : -1;
}

/* Takes everything that waits in the device; returns 0 when the device is gone. */
static int
take_packets(int fd, long long delay_nsec)
{
    unsigned char spare[MAX_LEN];

    for (;;) {
        Packet *free_slot =
            line.n < MAX_PACKETS ? &line.packets[(line.head + line.n) % MAX_PACKETS] : NULL;
        ssize_t len = read(fd, free_slot != NULL ? free_slot->bytes : spare, MAX_LEN);

        if (len < 0)
            return errno == EAGAIN || errno == EINTR;
        if (free_slot == NULL)
            continue;
        free_slot->len = (size_t) len;
        free_slot->due_nsec = now_nsec() + delay_nsec;
        line.n++;
    }
}

static void
give_packets_due(int fd)
{
    while (line.n > 0 && line.packets[line.head].due_nsec <= now_nsec()) {
        const Packet *packet = &line.packets[line.head];

        /* What the kernel does not take is lost, as on a line. */
        if (write(fd, packet->bytes, packet->len) < 0 && errno == EBADFD)
            return;
        line.head = (line.head + 1) % MAX_PACKETS;
        line.n--;
    }
}

int
main(int argc, char **argv)
{
    long long delay_nsec = argc == 3 ? atoll(argv[2]) * (NSEC_PER_SEC / 1000) : -1;
    int fd = delay_nsec >= 0 ? open_tun(argv[1]) : -1;
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    if (fd < 0) {
        (void) fprintf(stderr, "usage: delay DEVICE MILLISECONDS (%s)\n", strerror(errno));
        return EXIT_FAILURE;
    }
    for (;;) {
        long long wait_nsec = line.n > 0 ? line.packets[line.head].due_nsec - now_nsec() : 0;
        struct timespec wait = {
            .tv_sec = wait_nsec > 0 ? wait_nsec / NSEC_PER_SEC : 0,
            .tv_nsec = wait_nsec > 0 ? wait_nsec % NSEC_PER_SEC : 0,
        };

        if (ppoll(&ready, 1, line.n > 0 ? &wait : NULL, NULL) < 0 && errno != EINTR)
            return EXIT_FAILURE;
        if (!take_packets(fd, delay_nsec))
            return EXIT_FAILURE;
        give_packets_due(fd);
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * One end of a stream of numbered UDP packets in both directions, sent at a steady pace whatever
 * becomes of them. What is sent and what comes is logged at once, with the time on the clock that
 * all hosts of one machine share.
 *
 *   stream LOCAL REMOTE PORT PACKETS_PER_SECOND FILE
 *
 * The file is a row of records; tests/lab/traffic.py reads it.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000LL

/* Bytes in a packet: what a telephone call sends each 20 ms (G.711). */
#define PAYLOAD_LEN 160

/* What may wait to be read, in bytes: some thousands of packets, when there is no processor for us
 * for a while. None must be lost here. */
#define RECEIVE_BUFFER_BYTES (4 << 20)

/* Hops of a record of something sent. */
#define SENT 0

typedef struct {
    int64_t at_nsec; /* CLOCK_MONOTONIC */
    uint32_t number;
    uint32_t hops; /* the hop limit that was left on arrival; SENT: this is no arrival */
} Record;

typedef struct {
    int socket;
    int log;
    struct sockaddr_in remote;
} End;

static int64_t
now_nsec(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void
log_record(const End *end, uint32_t number, uint32_t hops)
{
    Record record = {.at_nsec = now_nsec(), .number = number, .hops = hops};

    if (write(end->log, &record, sizeof(record)) != sizeof(record)) {
        perror("stream: log");
        exit(EXIT_FAILURE);
    }
}

/* What the network does not take is lost, as if it had been lost on the way. */
static void
send_packet(const End *end, uint32_t number)
{
    unsigned char payload[PAYLOAD_LEN] = {0};

    memcpy(payload, &number, sizeof(number));
    log_record(end, number, SENT);
    (void) sendto(end->socket,
                  payload,
                  sizeof(payload),
                  0,
                  (const struct sockaddr *) &end->remote,
                  sizeof(end->remote));
}

/* Takes everything that has come. */
static void
receive_packets(const End *end)
{
    for (;;) {
        union {
            struct cmsghdr header;
            unsigned char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        uint32_t number;
        int hops;
        struct iovec part = {.iov_base = &number, .iov_len = sizeof(number)};
        struct msghdr message = {
            .msg_iov = &part,
            .msg_iovlen = 1,
            .msg_control = &control,
            .msg_controllen = sizeof(control),
        };
        ssize_t len = recvmsg(end->socket, &message, MSG_DONTWAIT);

        if (len < 0)
            return;
        if (len != sizeof(number) || CMSG_FIRSTHDR(&message) == NULL)
            continue;
        memcpy(&hops, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(hops));
        log_record(end, number, (uint32_t) hops);
    }
}

static int
open_socket(const char *local, uint16_t port)
{
    int on = 1;
    int n_bytes = RECEIVE_BUFFER_BYTES;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (fd < 0 || inet_pton(AF_INET, local, &address.sin_addr) != 1)
        return -1;
    if (setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)) != 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n_bytes, sizeof(n_bytes)) != 0)
        return -1;
    return bind(fd, (const struct sockaddr *) &address, sizeof(address)) == 0 ? fd : -1;
}

static int
open_end(End *end, char **argv)
{
    uint16_t port = (uint16_t) atoi(argv[3]);

    end->remote = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, argv[2], &end->remote.sin_addr) != 1)
        return 0;
    end->socket = open_socket(argv[1], port);
    end->log = open(argv[5], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    return end->socket >= 0 && end->log >= 0;
}

static void
run(const End *end, int64_t interval_nsec)
{
    struct pollfd ready = {.fd = end->socket, .events = POLLIN};
    int64_t due_nsec = now_nsec();

    for (uint32_t number = 0;;) {
        int64_t left_nsec = due_nsec - now_nsec();

        if (left_nsec <= 0) {
            send_packet(end, number++);
            due_nsec += interval_nsec;
            continue;
        }
        struct timespec wait = {left_nsec / NSEC_PER_SEC, left_nsec % NSEC_PER_SEC};

        if (ppoll(&ready, 1, &wait, NULL) > 0)
            receive_packets(end);
    }
}

int
main(int argc, char **argv)
{
    int packets_per_second = argc == 6 ? atoi(argv[4]) : 0;
    End end;

    if (packets_per_second <= 0 || !open_end(&end, argv)) {
        (void) fprintf(stderr,
                       "usage: stream LOCAL REMOTE PORT PACKETS_PER_SECOND FILE (%s)\n",
                       strerror(errno));
        return EXIT_FAILURE;
    }
    run(&end, NSEC_PER_SEC / packets_per_second);
}

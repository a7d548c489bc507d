/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The link between datacenters: carries IP packets between network namespaces after a delay, and can be cut.
 *
 *     relay DELAY_MICROSECONDS NAMESPACE_FILE...
 *
 * In each namespace it makes a tun device `wan`; whoever sets the routes sends 10.77.D.0/24 there, and a packet that is
 * read from any of them is written, DELAY later, to the device of namespace D (the first is 1). SIGUSR1 cuts the link: what is
 * under way and what comes is dropped, as by a cable that is pulled. SIGUSR2 heals it. Writes "ready" when the devices are
 * there, and ends with whoever started it. (netem would do the same where the kernel has it.)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { SITES_MAX = 16, PACKET_MAX = 65536, QUEUE_MAX_BYTES = 256 * 1024 * 1024 };

struct packet {
    struct packet *next;
    int64_t due_ns;
    int fd; /* of the device it goes to */
    size_t len;
    unsigned char data[];
};

static volatile sig_atomic_t is_cut;
static int64_t delay_ns;
static struct pollfd devices[SITES_MAX];
static int site_count;
/* The delay is the same for all, so the order of arrival is the order of departure. */
static struct packet *first, **last = &first;
static size_t queued_bytes;

static void on_signal(int number)
{
    is_cut = number == SIGUSR1;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int open_device(const char *namespace)
{
    int ns = open(namespace, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET) != 0) {
        die(namespace);
    }
    close(ns);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        die("/dev/net/tun");
    }
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "wan"};
    if (ioctl(fd, TUNSETIFF, &request) != 0) {
        die("TUNSETIFF");
    }
    return fd;
}

static void queue(const unsigned char *data, size_t len)
{
    /* IPv4 alone: 10.77.D.x stands at octets 16 to 19 of the header. */
    if (is_cut || len < 20 || data[0] >> 4 != 4 || data[18] < 1 || data[18] > site_count ||
        queued_bytes + len > QUEUE_MAX_BYTES) {
        return;
    }
    struct packet *packet = malloc(sizeof *packet + len);
    if (packet == NULL) {
        return;
    }
    packet->next = NULL;
    packet->due_ns = now_ns() + delay_ns;
    packet->fd = devices[data[18] - 1].fd;
    packet->len = len;
    memcpy(packet->data, data, len);
    *last = packet;
    last = &packet->next;
    queued_bytes += len;
}

/* Sends what is due, or drops all if the link is cut. */
static void drain(void)
{
    int64_t now = now_ns();
    while (first != NULL && (is_cut || first->due_ns <= now)) {
        struct packet *packet = first;
        first = packet->next;
        if (first == NULL) {
            last = &first;
        }
        queued_bytes -= packet->len;
        if (!is_cut && write(packet->fd, packet->data, packet->len) < 0 && errno != EAGAIN && errno != EIO &&
            errno != ENOBUFS) {
            die("write");
        }
        free(packet);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc - 2 > SITES_MAX) {
        fprintf(stderr, "usage: relay DELAY_MICROSECONDS NAMESPACE_FILE...\n");
        return 64;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1000UL);
    delay_ns = atoll(argv[1]) * 1000;
    site_count = argc - 2;

    /* The signals come only while ppoll waits, so that none is missed. */
    sigset_t mask, waiting;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_BLOCK, &mask, &waiting);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);

    for (int i = 0; i < site_count; i++) {
        devices[i] = (struct pollfd){.fd = open_device(argv[i + 2]), .events = POLLIN};
    }
    puts("ready");
    fflush(stdout);

    static unsigned char data[PACKET_MAX];
    for (;;) {
        drain();
        struct timespec wait = {0}, *timeout = NULL;
        if (first != NULL) {
            int64_t left = first->due_ns - now_ns();
            left = left > 0 ? left : 0;
            wait = (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
            timeout = &wait;
        }
        if (ppoll(devices, (nfds_t)site_count, timeout, &waiting) <= 0) {
            continue;
        }
        for (int i = 0; i < site_count; i++) {
            /* A device that is not up yet answers EIO: no packet. */
            for (int burst = 0; (devices[i].revents & POLLIN) != 0 && burst < 64; burst++) {
                ssize_t len = read(devices[i].fd, data, sizeof data);
                if (len <= 0) {
                    break;
                }
                queue(data, (size_t)len);
            }
        }
    }
}

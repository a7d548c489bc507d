/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posthouse-nothing: a server that says what posthouse-load wants to hear, and does nothing else: no parser, no store, no
 * log. What it takes is what the kernel takes for the connections, the packets and the wake-ups of a client that waits
 * for each reply; no server of its kind (a few threads, one epoll set) takes less.
 *
 *   posthouse-nothing [THREADS]        two by default
 *
 * It listens on two free ports of 127.0.0.1 and prints them in one line: LMTP's, POP3's. Every message has 2 KB, every
 * maildrop a thousand of them, of which LIST and UIDL tell twenty. It runs until it is killed.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_BYTES = 64 << 10, MESSAGE_BYTES = 2300, LISTED = 20, THREADS_MAX = 64 };

struct endpoint {
    int fd;
    bool is_listener;
    bool is_lmtp;
    bool is_in_data;
    unsigned recipients;
};

struct text {
    char octets[MESSAGE_BYTES + 256];
    size_t len;
};

static int epoll_fd;
static struct text message;
static struct text listing;

static void add(struct text *text, const char *what)
{
    size_t len = strlen(what);
    memcpy(text->octets + text->len, what, len);
    text->len += len;
}

static void make_texts(void)
{
    add(&message, "+OK 2300 octets\r\n");
    while (message.len < MESSAGE_BYTES) {
        add(&message, "A line of a message, sixty octets of it as most lines have.\r\n");
    }
    add(&message, ".\r\n");
    add(&listing, "+OK\r\n");
    for (int i = 0; i < LISTED; i++) {
        add(&listing, "1 8f2c2e10-1dd2-11b2-8080-808080808080\r\n");
    }
    add(&listing, ".\r\n");
}

static void arm(struct endpoint *endpoint, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = endpoint};
    if (epoll_ctl(epoll_fd, operation, endpoint->fd, &event) != 0) {
        perror("epoll_ctl");
        exit(1);
    }
}

static void say(const struct endpoint *endpoint, const char *octets, size_t len)
{
    ssize_t sent = send(endpoint->fd, octets, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* a peer that has gone is met at the next read */
}

static bool says(const char *input, const char *word)
{
    return strncasecmp(input, word, strlen(word)) == 0;
}

/* False: that was the last reply. */
static bool answer_pop3(const struct endpoint *endpoint, const char *input)
{
    if (says(input, "RETR")) {
        say(endpoint, message.octets, message.len);
    } else if (says(input, "LIST") || says(input, "UIDL")) {
        say(endpoint, listing.octets, listing.len);
    } else {
        static const char stat[] = "+OK 1000 2300000\r\n";
        say(endpoint, stat, sizeof stat - 1);
    }
    return !says(input, "QUIT");
}

static bool answer_lmtp(struct endpoint *endpoint, const char *input, size_t len)
{
    static const char done[] = "250 done\r\n";
    if (endpoint->is_in_data) {
        if (len >= 3 && memcmp(input + len - 3, ".\r\n", 3) == 0) {
            char replies[256 * (sizeof done - 1)];
            unsigned count = endpoint->recipients < 256 ? endpoint->recipients : 256;
            for (unsigned i = 0; i < count; i++) {
                memcpy(replies + i * (sizeof done - 1), done, sizeof done - 1);
            }
            say(endpoint, replies, count * (sizeof done - 1));
            endpoint->is_in_data = false;
            endpoint->recipients = 0;
        }
        return true;
    }
    endpoint->recipients += says(input, "RCPT") ? 1 : 0;
    endpoint->is_in_data = says(input, "DATA");
    static const char go_on[] = "354 go on\r\n";
    say(endpoint, endpoint->is_in_data ? go_on : done, sizeof done - 1 + (endpoint->is_in_data ? 1 : 0));
    return !says(input, "QUIT");
}

static void serve(struct endpoint *endpoint)
{
    char input[INPUT_BYTES + 1];
    ssize_t len = recv(endpoint->fd, input, INPUT_BYTES, MSG_DONTWAIT);
    bool goes_on = len > 0;
    if (goes_on) {
        input[len] = '\0';
        goes_on =
            endpoint->is_lmtp ? answer_lmtp(endpoint, input, (size_t)len) : answer_pop3(endpoint, input);
    }
    if (goes_on) {
        arm(endpoint, EPOLL_CTL_MOD);
    } else {
        close(endpoint->fd);
        free(endpoint);
    }
}

static void take_connection(struct endpoint *listener)
{
    int one = 1;
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    arm(listener, EPOLL_CTL_MOD);
    struct endpoint *endpoint = fd < 0 ? NULL : calloc(1, sizeof *endpoint);
    if (endpoint == NULL) {
        return;
    }
    *endpoint = (struct endpoint){.fd = fd, .is_lmtp = listener->is_lmtp};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    static const char lmtp[] = "220 nothing\r\n";
    static const char pop3[] = "+OK nothing\r\n";
    say(endpoint, endpoint->is_lmtp ? lmtp : pop3, sizeof lmtp - 1);
    arm(endpoint, EPOLL_CTL_ADD);
}

static void *work(void *arg)
{
    struct epoll_event event;
    for (;;) {
        if (epoll_wait(epoll_fd, &event, 1, -1) == 1) {
            struct endpoint *endpoint = event.data.ptr;
            if (endpoint->is_listener) {
                take_connection(endpoint);
            } else {
                serve(endpoint);
            }
        }
    }
    return arg;
}

static int listen_on(struct endpoint *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0 || bind(listener->fd, (struct sockaddr *)&address, len) != 0 ||
        listen(listener->fd, SOMAXCONN) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&address, &len) != 0) {
        perror("listen");
        exit(1);
    }
    arm(listener, EPOLL_CTL_ADD);
    return ntohs(address.sin_port);
}

int main(int argc, char **argv)
{
    static struct endpoint lmtp = {.is_listener = true, .is_lmtp = true};
    static struct endpoint pop3 = {.is_listener = true};
    long threads = argc > 1 ? strtol(argv[1], NULL, 10) : 2;
    make_texts();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int lmtp_port = listen_on(&lmtp);
    int pop3_port = listen_on(&pop3);
    printf("%d %d\n", lmtp_port, pop3_port);
    fflush(stdout);
    for (long i = 1; i < threads && i < THREADS_MAX; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0) {
            return 1;
        }
    }
    work(NULL);
    return 0;
}

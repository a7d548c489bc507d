/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of whatever runs on the pool: a pool on a thread of its own, clients, certificates, the heap's size.
 *
 * Everything is for the thread that runs the test, and fails that test where something does not come within
 * PH_TEST_PATIENCE_MS, which is long: no test measures time. The pool's clock stands still until a test moves it.
 */
#ifndef PH_NET_TEST_SUPPORT_H
#define PH_NET_TEST_SUPPORT_H

#include <pthread.h>

#include <openssl/types.h>

#include "net/pool.h"
#include "net/tls.h"

enum { PH_TEST_PATIENCE_MS = 30000 };

/* Looks again and again until it is so. */
#define PH_TEST_WAIT_UNTIL(condition)                                        \
    do {                                                                     \
        bool ph_test_is_so = (condition);                                    \
        for (int i_ = 0; i_ < PH_TEST_PATIENCE_MS && !ph_test_is_so; i_++) { \
            ph_test_pause();                                                 \
            ph_test_is_so = (condition);                                     \
        }                                                                    \
        if (!ph_test_is_so) {                                                \
            fail_msg("never: %s", #condition);                               \
        }                                                                    \
    } while (0)
void ph_test_pause(void); /* a millisecond */

/* ---- A pool ---- */

struct ph_test_pool {
    struct ph_pool *pool;
    struct ph_clock_manual manual;
    struct ph_clock clock;
    struct ph_log log;
    int log_fd;
    pthread_t thread;
    bool is_running;
    char log_text[16 * 1024];
};

/* OPTIONS may be NULL; its log and clock are ours. */
void ph_test_pool_init(struct ph_test_pool *test, const struct ph_pool_options *options);
/* BOUND has PH_LISTENER_NAME_MAX octets. */
void ph_test_pool_listen(struct ph_test_pool *test, const struct ph_listener_options *options, char *bound);
void ph_test_pool_start(struct ph_test_pool *test);
/* Asks for the stop, waits for the end, frees the pool. */
void ph_test_pool_fini(struct ph_test_pool *test);
/* Waits for the end after a ph_pool_stop of the test's own. */
void ph_test_pool_join(struct ph_test_pool *test);
/* Moves the clock, and lets the housekeeper look at it. */
void ph_test_pool_advance(struct ph_test_pool *test, unsigned ms);
unsigned ph_test_pool_connections(struct ph_test_pool *test);
/* Waits until nothing happens any more, and fails if that does not come: a loop that burns the processor. */
void ph_test_pool_settle(struct ph_test_pool *test);
/* The log's latest lines, at most sizeof log_text. */
const char *ph_test_pool_log(struct ph_test_pool *test);

/* ---- A client ---- */

struct ph_test_client {
    int fd;
    SSL *ssl;
    size_t at;
    size_t len;
    char input[16 * 1024];
    char line[16 * 1024];
};

/* To what ph_pool_listen bound. FROM: the source address, NULL for any. */
void ph_test_connect(struct ph_test_client *client, const char *bound, const char *from);
/* The same with a receive buffer of the kernel's minimum, for a peer that does not read. */
void ph_test_connect_narrow(struct ph_test_client *client, const char *bound);
/* Verifies nothing; HOST goes into the SNI extension, may be NULL. */
void ph_test_start_tls(struct ph_test_client *client, const char *host);
void ph_test_send(struct ph_test_client *client, const char *text);
void ph_test_send_bytes(struct ph_test_client *client, const void *bytes, size_t len);
/* Sends as much as goes without waiting; how much that was. */
size_t ph_test_send_what_goes(struct ph_test_client *client, const void *bytes, size_t len);
/* One line without its CR LF; NULL at the end of input or where the connection broke. */
const char *ph_test_read_line(struct ph_test_client *client);
void ph_test_expect(struct ph_test_client *client, const char *line);
/* LEN octets, each as the long answers of the test make it; returns how many came before the end. */
size_t ph_test_read_bytes(struct ph_test_client *client, uint8_t *out, size_t len);
void ph_test_expect_end(struct ph_test_client *client);
void ph_test_half_close(struct ph_test_client *client);
/* With a reset instead of an orderly end. */
void ph_test_reset(struct ph_test_client *client);
void ph_test_hang_up(struct ph_test_client *client);

/* ---- Certificates, files, the heap ---- */

/* A directory of its own, removed with what is in it by the second. PATH has PH_TEST_PATH_MAX octets. */
enum { PH_TEST_PATH_MAX = 128 };
void ph_test_directory_make(char *path);
void ph_test_directory_remove(const char *path);

/* DIRECTORY/NAME.pem and DIRECTORY/NAME.key, self-signed, for HOST. */
void ph_test_certificate_make(const char *directory, const char *name, const char *host);
/* A context with the certificates of NAMES, a list that ends with NULL. */
struct ph_tls_context *ph_test_tls_context(const char *directory, const char *const *names);

/* Octets that the program has taken from malloc and not given back. */
size_t ph_test_heap_bytes(void);
/* How many times larger the heap may be for what a sanitizer adds to each piece. */
unsigned ph_test_heap_factor(void);

#endif

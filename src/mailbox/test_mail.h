/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a store with content and mailboxes on it, and a message in one call.
 */
#ifndef PH_MAILBOX_TEST_MAIL_H
#define PH_MAILBOX_TEST_MAIL_H

#include <semaphore.h>

#include "db/test_store.h"
#include "mailbox/maildrop.h"

struct ph_test_mail {
    struct ph_test_store store;
    struct ph_blob_store *blobs;
    struct ph_mailboxes *mailboxes;
    struct ph_arena arena; /* the test's; reset when it likes */
};

extern const struct ph_access ph_test_mail_administrator;

/* These end the test where they fail. */
void ph_test_mail_init(struct ph_test_mail *mail, const struct ph_test_engine *engine);
void ph_test_mail_fini(struct ph_test_mail *mail);
void ph_test_mail_restart(struct ph_test_mail *mail);

struct ph_access ph_test_mail_access(const char *user);

/* Content and rows of one message into PLAN; has_message_row and create_mailbox as they stand in *MESSAGE, the rest
 * is filled in. */
int ph_test_mail_append(struct ph_test_mail *mail, const char *user, const char *mailbox, const char *header,
                        const char *body, struct ph_append *message, struct ph_plan *plan,
                        struct ph_error *err);
/* One message, on disk when this returns. */
int ph_test_mail_deliver(struct ph_test_mail *mail, const char *user, const char *mailbox, const char *header,
                         const char *body, struct ph_uuid *out_id);

void ph_test_mail_open(struct ph_test_mail *mail, const char *user, const char *mailbox,
                       struct ph_mailbox *out_mailbox);
/* How many messages; their ids in order where IDS is not NULL (room for MAX). */
size_t ph_test_mail_list(struct ph_test_mail *mail, const char *user, const char *mailbox,
                         struct ph_uuid *ids, size_t max);
/* PH_OK and the whole message, MAX_AT_ONCE octets at a time; OUT is cleared first. */
int ph_test_mail_read(struct ph_test_mail *mail, const char *user, const char *mailbox,
                      const struct ph_uuid *id, size_t max_at_once, struct ph_buf *out);

/* Of a store that is local: the thread that writes stands still, and plans that are submitted wait for each other. */
struct ph_test_hold {
    struct ph_plan_hook hook;
    struct ph_plan plan;
    struct ph_arena arena;
    sem_t holds;
    sem_t may_go;
    sem_t is_over;
};

void ph_test_mail_hold(struct ph_test_mail *mail, struct ph_test_hold *hold);
/* Waits until COUNT plans wait. */
void ph_test_mail_hold_wait(struct ph_test_mail *mail, unsigned count);
void ph_test_mail_release(struct ph_test_hold *hold);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A delivery from inside: delivery.c collects recipients and content, submit.c stores them.
 */
#ifndef PH_DELIVERY_DELIVERY_PRIVATE_H
#define PH_DELIVERY_DELIVERY_PRIVATE_H

#include <pthread.h>

#include "delivery/delivery.h"
#include "delivery/targets.h"
#include "mime/header.h"
#include "mime/summary.h"

/* A recipient as the client named it, and which mailboxes that meant. */
struct ph_delivery_recipient {
    struct ph_bytes address;
    unsigned *targets; /* indexes */
    unsigned target_count;
};

struct ph_deliveries {
    struct ph_deliveries_options options;
    pthread_mutex_t lock;
    struct ph_delivery *idle;
    unsigned idle_count;
};

struct ph_delivery {
    struct ph_deliveries *shared;
    struct ph_delivery *next; /* in the idle list */
    struct ph_arena arena;
    struct ph_arena lookup; /* of the recipient at hand; empty between two */
    struct ph_bytes sender;
    struct ph_delivery_recipient *recipients;
    unsigned recipient_count;
    unsigned recipient_capacity;
    struct ph_target_set targets;
    struct ph_spool spool;
    struct ph_header_end header_end;
    struct ph_summary summary; /* of what is in the spool */
    bool is_all_body;          /* the message has no header */
    int failure;               /* why it cannot be stored, or PH_OK */
    struct ph_error error;
    struct ph_uuid id;
    char id_text[PH_UUID_TEXT_LEN + 1];
    struct ph_plan plan;
    void (*done)(void *ctx, int result);
    void *done_ctx;
};

/* Octets of the header, with its empty line. */
static inline uint64_t ph_delivery_header_bytes(const struct ph_delivery *delivery)
{
    return delivery->is_all_body ? 0 : delivery->header_end.offset;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content goes into a spool as it arrives, while the end of its header is looked for. submit.c does the rest.
 *
 * A message without an empty line is all header, as long as it may be one: past header_max_bytes the first line
 * decides. If that is a field, the header is too large; if not, the message has no header and is all body.
 *
 * Deliveries that have ended are kept for the next ones, with their first arena chunk and small buffers: a small
 * message costs few calls of malloc.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "delivery/delivery-private.h"

enum {
    IDLE_MAX = 64,
    SPOOL_KEPT_BYTES = 16384,
    LINE_BYTES_MAX = 1000, /* RFC 5322 section 2.1.1, with CRLF */
    TARGETS_MAX = 10000,   /* mailboxes of one delivery */
    RECIPIENTS_MIN = 8,
};

/* ---- Life ---- */

int ph_deliveries_new(const struct ph_deliveries_options *options, struct ph_deliveries **out_deliveries,
                      struct ph_error *err)
{
    struct ph_deliveries *deliveries = ph_zalloc(sizeof *deliveries);
    deliveries->options = *options;
    int rc = pthread_mutex_init(&deliveries->lock, NULL);
    if (rc != 0) {
        free(deliveries);
        return ph_fail_errno(err, PH_EUNAVAILABLE, rc, "making a lock");
    }
    *out_deliveries = deliveries;
    return PH_OK;
}

static void destroy(struct ph_delivery *delivery)
{
    ph_target_set_fini(&delivery->targets);
    ph_spool_fini(&delivery->spool);
    ph_summary_fini(&delivery->summary);
    ph_arena_fini(&delivery->arena);
    ph_arena_fini(&delivery->lookup);
    free(delivery->recipients);
    free(delivery);
}

void ph_deliveries_free(struct ph_deliveries **deliveries)
{
    if (*deliveries == NULL) {
        return;
    }
    struct ph_delivery *next = (*deliveries)->idle;
    while (next != NULL) {
        struct ph_delivery *one = next;
        next = one->next;
        destroy(one);
    }
    pthread_mutex_destroy(&(*deliveries)->lock);
    free(*deliveries);
    *deliveries = NULL;
}

static struct ph_delivery *take_idle(struct ph_deliveries *shared)
{
    pthread_mutex_lock(&shared->lock);
    struct ph_delivery *delivery = shared->idle;
    if (delivery != NULL) {
        shared->idle = delivery->next;
        shared->idle_count--;
    }
    pthread_mutex_unlock(&shared->lock);
    return delivery;
}

struct ph_delivery *ph_delivery_new(struct ph_deliveries *deliveries, struct ph_bytes sender)
{
    const struct ph_deliveries_options *options = &deliveries->options;
    struct ph_delivery *delivery = take_idle(deliveries);
    if (delivery == NULL) {
        delivery = ph_zalloc(sizeof *delivery);
        delivery->shared = deliveries;
        ph_arena_init(&delivery->arena, 0);
        ph_summary_init(&delivery->summary);
        ph_arena_init(&delivery->lookup, 0);
        ph_spool_init(&delivery->spool, options->spool_directory, options->memory_max_bytes,
                      options->message_max_bytes);
    }
    delivery->sender = ph_arena_bytes(&delivery->arena, sender);
    delivery->id = ph_uuid_gen_next(options->ids);
    ph_uuid_format(&delivery->id, delivery->id_text);
    return delivery;
}

void ph_delivery_free(struct ph_delivery **delivery)
{
    struct ph_delivery *one = *delivery;
    if (one == NULL) {
        return;
    }
    *delivery = NULL;
    struct ph_deliveries *shared = one->shared;
    if (one->spool.memory.cap > SPOOL_KEPT_BYTES) {
        ph_spool_fini(&one->spool);
        ph_summary_fini(&one->summary);
        ph_summary_init(&one->summary);
    } else {
        ph_spool_clear(&one->spool);
        ph_summary_clear(&one->summary);
    }
    ph_arena_reset(&one->arena);
    ph_target_set_clear(&one->targets);
    one->recipient_count = 0;
    one->header_end = (struct ph_header_end){0};
    one->is_all_body = false;
    one->failure = PH_OK;
    one->error = (struct ph_error){0};

    pthread_mutex_lock(&shared->lock);
    bool is_kept = shared->idle_count < IDLE_MAX;
    if (is_kept) {
        one->next = shared->idle;
        shared->idle = one;
        shared->idle_count++;
    }
    pthread_mutex_unlock(&shared->lock);
    if (!is_kept) {
        destroy(one);
    }
}

/* ---- Recipients ---- */

static int expand(struct ph_delivery *delivery, struct ph_bytes address, struct ph_targets *out_targets,
                  struct ph_error *err)
{
    const struct ph_deliveries_options *options = &delivery->shared->options;
    return ph_recipient_expand(options->accounts, options->subaddress_separator, address, &delivery->lookup,
                               out_targets, err);
}

/* The configured postmaster has the bare <postmaster>, and those of domains that have none. */
static int resolve(struct ph_delivery *delivery, struct ph_bytes address, struct ph_targets *out_targets,
                   struct ph_error *err)
{
    const char *postmaster = delivery->shared->options.postmaster;
    bool is_bare = ph_bytes_ieq(address, PH_BYTES("postmaster"));
    if (postmaster != NULL && is_bare) {
        return expand(delivery, ph_bytes_str(postmaster), out_targets, err);
    }
    int rc = expand(delivery, address, out_targets, err);
    if (rc == PH_ENOTFOUND && postmaster != NULL && ph_bytes_istarts(address, PH_BYTES("postmaster@"))) {
        rc = expand(delivery, ph_bytes_str(postmaster), out_targets, err);
    }
    return rc;
}

/* A mailbox of the delivery, once, with a name that lives as long. */
static unsigned keep_target(struct ph_delivery *delivery, const struct ph_target *target)
{
    unsigned before = delivery->targets.count;
    unsigned index = ph_target_set_add(&delivery->targets, target);
    if (index == before) {
        struct ph_target *kept = &delivery->targets.list[index].target;
        kept->user = ph_arena_bytes(&delivery->arena, target->user);
        kept->mailbox = ph_arena_bytes(&delivery->arena, target->mailbox);
    }
    return index;
}

static int keep_recipient(struct ph_delivery *delivery, struct ph_bytes address, struct ph_targets targets,
                          unsigned *out_index, struct ph_error *err)
{
    if (targets.count > TARGETS_MAX - delivery->targets.count) {
        return ph_fail(err, PH_EBUSY, "more than %d mailboxes in one delivery", TARGETS_MAX);
    }
    if (delivery->recipient_count == delivery->recipient_capacity) {
        unsigned capacity = delivery->recipient_capacity;
        delivery->recipient_capacity = capacity == 0 ? RECIPIENTS_MIN : capacity * 2;
        delivery->recipients =
            ph_realloc(delivery->recipients, delivery->recipient_capacity * sizeof *delivery->recipients);
    }
    struct ph_delivery_recipient *recipient = &delivery->recipients[delivery->recipient_count];
    recipient->address = ph_arena_bytes(&delivery->arena, address);
    recipient->target_count = targets.count;
    recipient->targets = ph_arena_alloc(&delivery->arena, targets.count * sizeof *recipient->targets);
    for (unsigned i = 0; i < targets.count; i++) {
        recipient->targets[i] = keep_target(delivery, &targets.list[i]);
    }
    *out_index = delivery->recipient_count++;
    return PH_OK;
}

/* What the look-up of an address takes is given back, or a client that names one after the other, refused or not,
 * would fill the memory. */
int ph_delivery_add_recipient(struct ph_delivery *delivery, struct ph_bytes address, unsigned *out_index,
                              struct ph_error *err)
{
    struct ph_targets targets = {NULL, 0};
    int rc = resolve(delivery, address, &targets, err);
    if (rc == PH_OK) {
        rc = keep_recipient(delivery, address, targets, out_index, err);
    }
    ph_arena_reset(&delivery->lookup);
    return rc;
}

unsigned ph_delivery_recipient_count(const struct ph_delivery *delivery)
{
    return delivery->recipient_count;
}

int ph_delivery_recipient_result(const struct ph_delivery *delivery, unsigned index)
{
    const struct ph_delivery_recipient *recipient = &delivery->recipients[index];
    for (unsigned i = 0; i < recipient->target_count; i++) {
        if (!delivery->targets.list[recipient->targets[i]].is_loop) {
            return PH_OK;
        }
    }
    return PH_ECONFLICT;
}

/* ---- Content ---- */

/* Nothing of the content is of use any more. */
static int give_up(struct ph_delivery *delivery, int class, struct ph_error *err)
{
    delivery->failure = class;
    delivery->error.code = class;
    ph_spool_clear(&delivery->spool);
    if (err != NULL) {
        *err = delivery->error;
    }
    return class;
}

static bool starts_with_a_field(struct ph_delivery *delivery)
{
    uint8_t start[LINE_BYTES_MAX];
    size_t len = delivery->spool.size < sizeof start ? (size_t)delivery->spool.size : sizeof start;
    struct ph_bytes rest = {start, len};
    struct ph_header_field field;
    return ph_spool_read(&delivery->spool, 0, start, len, NULL) == PH_OK && ph_header_next(&rest, &field) &&
           field.name.len > 0;
}

int ph_delivery_write(struct ph_delivery *delivery, struct ph_bytes bytes, struct ph_error *err)
{
    const struct ph_deliveries_options *options = &delivery->shared->options;
    if (delivery->failure != PH_OK) {
        return give_up(delivery, delivery->failure, err);
    }
    if (bytes.len > options->message_max_bytes - delivery->spool.size) {
        ph_fail(&delivery->error, PH_ELIMIT, "the message is larger than %llu octets",
                (unsigned long long)options->message_max_bytes);
        return give_up(delivery, PH_ELIMIT, err);
    }
    int rc = ph_spool_write(&delivery->spool, bytes, &delivery->error);
    if (rc != PH_OK) {
        /* A full disk: later there may be room. */
        return give_up(delivery, rc == PH_ELIMIT ? PH_EBUSY : PH_EUNAVAILABLE, err);
    }
    ph_summary_feed(&delivery->summary, bytes);
    if (!delivery->is_all_body) {
        ph_header_end_feed(&delivery->header_end, bytes);
        if (delivery->header_end.offset > options->header_max_bytes) {
            if (starts_with_a_field(delivery)) {
                ph_fail(&delivery->error, PH_ELIMIT, "the header is larger than %llu octets",
                        (unsigned long long)options->header_max_bytes);
                return give_up(delivery, PH_ELIMIT, err);
            }
            delivery->is_all_body = true;
        }
    }
    return PH_OK;
}

uint64_t ph_delivery_size(const struct ph_delivery *delivery)
{
    return delivery->spool.size;
}

const struct ph_error *ph_delivery_error(const struct ph_delivery *delivery)
{
    return &delivery->error;
}

const char *ph_delivery_id(const struct ph_delivery *delivery)
{
    return delivery->id_text;
}

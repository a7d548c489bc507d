/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UID policy of a store that many processes share and in which nobody waits for another: UID and MODSEQ are
 * random. They name a row and say nothing of order, so IMAP is not to be had on them; POP3 and delivery need neither.
 *
 * Both are positive 63-bit numbers from 2^32 on. Below lie the UIDs that IMAP knows, and with them all that a message
 * may bring along from another server: the two never meet. Two messages of a mailbox with one UID are not to be
 * expected (a million messages: 1 in 18 million), and would share a row of messageIdTable alone, which neither POP3
 * nor delivery reads.
 *
 * The numbers are given while the plan is built, so that a repeated plan writes the same rows.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "mailbox/uid_policy.h"

static const uint64_t FIRST = UINT64_C(1) << 32;

struct random_uids {
    struct ph_uid_policy policy;
    const struct ph_rand *rand;
};

static uint64_t draw(const struct ph_rand *rand)
{
    uint64_t number;
    do {
        ph_rand_fill(rand, &number, sizeof number);
        number &= INT64_MAX;
    } while (number < FIRST);
    return number;
}

static int number(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox,
                  const struct ph_uid_wish *wish, const struct ph_number_slots *slots, unsigned slot_count,
                  struct ph_error *err)
{
    (void)plan;
    (void)mailbox;
    (void)err;
    const struct ph_rand *rand = ((struct random_uids *)policy)->rand;
    bool is_wanted = wish != NULL && wish->uid != 0 && wish->uid < FIRST;
    uint64_t uid = is_wanted ? wish->uid : draw(rand);
    uint64_t modseq = draw(rand);
    for (unsigned i = 0; i < slot_count; i++) {
        if (slots[i].uid != NULL) {
            *slots[i].uid = ph_i64((int64_t)uid);
        }
        *slots[i].modseq = ph_i64((int64_t)modseq);
    }
    return PH_OK;
}

static int look(struct ph_uid_policy *policy, const struct ph_uuid *mailbox, uint64_t *out_uid,
                uint64_t *out_modseq, struct ph_error *err)
{
    (void)policy;
    (void)mailbox;
    (void)err;
    *out_uid = 0;
    *out_modseq = 0;
    return PH_OK;
}

/* Nothing below FIRST is ever given, but for what is asked for. */
static int reserve(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox,
                   uint64_t old_limit, uint64_t limit, struct ph_value *out_limit, struct ph_error *err)
{
    (void)policy;
    (void)plan;
    (void)mailbox;
    (void)old_limit;
    (void)err;
    *out_limit = ph_i64((int64_t)limit);
    return PH_OK;
}

static void remove_nothing(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox)
{
    (void)policy;
    (void)plan;
    (void)mailbox;
}

static void free_random(struct ph_uid_policy *policy)
{
    free(policy);
}

struct ph_uid_policy *ph_uid_random_new(const struct ph_rand *rand)
{
    struct random_uids *uids = ph_zalloc(sizeof *uids);
    uids->policy = (struct ph_uid_policy){.name = "random",
                                          .numbers_on_append = true,
                                          .look = look,
                                          .number = number,
                                          .reserve = reserve,
                                          .remove = remove_nothing,
                                          .free = free_random};
    uids->rand = rand;
    return &uids->policy;
}

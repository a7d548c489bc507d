/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message in a mailbox with all that belongs to it there, flags and keywords too: read for who copies it, and written
 * by who changes a flag.
 */
#ifndef PH_STORE_MESSAGE_STATE_H
#define PH_STORE_MESSAGE_STATE_H

#include "store/imap_uid.h"

struct ph_message_state {
    bool exists;
    struct ph_message_row row;
    bool has_modseq;
    struct ph_message_kept kept; /* flags and keywords, which are the arena's; no UIDL */
    uint64_t written_us;         /* when flags were last written, by the store's clock; 0: not known */
};

/* COUNT messages of a mailbox, side by side, into OUT_STATES in the order of IDS. */
int ph_store_message_state_get(struct ph_db *db, const struct ph_uuid *mailbox_id, const struct ph_uuid *ids,
                               size_t count, struct ph_arena *arena, struct ph_message_state *out_states,
                               struct ph_error *err) PH_MUST_USE;

/* What changes of a message's flags. */
struct ph_flag_change {
    unsigned set; /* of enum ph_flag */
    unsigned cleared;
    struct ph_bytes added_keywords; /* separated by blanks */
    struct ph_bytes removed_keywords;
    struct ph_bytes keywords; /* all, as they will be */
};

/* Of a message as SEEN, truth and projection; the plan fails with PH_ECONFLICT where the store can tell that its flags
 * were changed since. Only columns that change are written. TIMESTAMP_US is for stores where the later timestamp wins. The MODSEQ
 * is left to *OUT_SLOTS (two). */
void ph_store_message_state_set_flags(struct ph_plan *plan, const struct ph_message_state *seen,
                                      const struct ph_flag_change *change, uint64_t timestamp_us,
                                      struct ph_number_slots out_slots[2]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STORE with UNCHANGEDSINCE (RFC 9051 section 6.4.6, RFC 7162 section 3.1.3), COPY and MOVE, EXPUNGE and UID EXPUNGE
 * (RFC 4315).
 */
#include "imap/parse.h"

static bool take_store_modifiers(struct ph_imap_reader *reader, struct ph_imap_store *store)
{
    if (!ph_imap_take(reader, '(')) {
        return true;
    }
    store->has_unchanged_since = true;
    return ph_imap_word(reader, "UNCHANGEDSINCE") && ph_imap_take(reader, ' ') &&
           ph_imap_number64(reader, &store->unchanged_since) && ph_imap_take(reader, ')') &&
           ph_imap_take(reader, ' ');
}

static bool take_store_action(struct ph_imap_reader *reader, struct ph_imap_store *store)
{
    store->action = PH_IMAP_STORE_REPLACE;
    if (ph_imap_take(reader, '+')) {
        store->action = PH_IMAP_STORE_ADD;
    } else if (ph_imap_take(reader, '-')) {
        store->action = PH_IMAP_STORE_REMOVE;
    }
    if (ph_imap_word(reader, "FLAGS.SILENT")) {
        store->is_silent = true;
        return true;
    }
    return ph_imap_word(reader, "FLAGS");
}

const char *ph_imap_parse_store(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_store *store = &out_command->store;
    *store = (struct ph_imap_store){0};
    if (!ph_imap_take(reader, ' ') || !ph_imap_set(reader, &store->set) || !ph_imap_take(reader, ' ')) {
        return "A set of messages comes first";
    }
    if (!take_store_modifiers(reader, store) || !take_store_action(reader, store)) {
        return "Usage: STORE set [(UNCHANGEDSINCE modseq)] [+|-]FLAGS[.SILENT] (flags)";
    }
    bool is_good = ph_imap_take(reader, ' ') && ph_imap_flag_list(reader, &store->flags);
    return is_good ? NULL : "Invalid flags";
}

const char *ph_imap_parse_copy(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_copy *copy = &out_command->copy;
    if (!ph_imap_take(reader, ' ') || !ph_imap_set(reader, &copy->set)) {
        return "A set of messages comes first";
    }
    bool is_good = ph_imap_take(reader, ' ') && ph_imap_mailbox(reader, &copy->mailbox);
    return is_good ? NULL : "Invalid name of a mailbox";
}

const char *ph_imap_parse_expunge(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_expunge *expunge = &out_command->expunge;
    *expunge = (struct ph_imap_expunge){.has_set = out_command->is_uid};
    bool is_good = !expunge->has_set || (ph_imap_take(reader, ' ') && ph_imap_set(reader, &expunge->set));
    return is_good ? NULL : "Usage: UID EXPUNGE set";
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STORE and UID STORE (RFC 9051 section 6.4.6), with UNCHANGEDSINCE (RFC 7162 section 3.1.3).
 *
 * What was changed is told by the news that end the command, as every change is. Messages that had the flags already, which are
 * no news, are answered here. .SILENT keeps both back.
 */
#include "imap/change.h"
#include "imap/fetch.h"
#include "imap/format.h"

static bool has_keyword(struct ph_bytes keywords, struct ph_bytes wanted)
{
    struct ph_bytes word;
    while ((word = ph_bytes_next_word(&keywords)).len > 0) {
        if (ph_bytes_ieq(word, wanted)) {
            return true;
        }
    }
    return false;
}

static size_t count_words(struct ph_bytes words)
{
    size_t count = 0;
    while (ph_bytes_next_word(&words).len > 0) {
        count++;
    }
    return count;
}

/* Whether the snapshot's message is as STORE wants it. */
static bool is_so_already(const struct ph_imap_session *session, const struct ph_imap_store *store,
                          const struct ph_view_message *message)
{
    struct ph_bytes keywords = ph_view_keywords(session->view, message);
    size_t has = 0;
    for (size_t i = 0; i < store->flags.keyword_count; i++) {
        has += has_keyword(keywords, store->flags.keywords[i]) ? 1 : 0;
    }
    unsigned flags = message->flags;
    unsigned wanted = store->flags.system;
    switch (store->action) {
    case PH_IMAP_STORE_ADD: return (flags & wanted) == wanted && has == store->flags.keyword_count;
    case PH_IMAP_STORE_REMOVE: return (flags & wanted) == 0 && has == 0;
    case PH_IMAP_STORE_REPLACE: break;
    }
    return flags == wanted && has == store->flags.keyword_count && has == count_words(keywords);
}

static bool is_modified(const struct ph_view_write *write, uint32_t uid)
{
    for (size_t i = 0; i < write->modified_count; i++) {
        if (uid >= write->modified[i].first && uid <= write->modified[i].last) {
            return true;
        }
    }
    return false;
}

static void put_unchanged(struct ph_conn *conn, struct ph_imap_session *session,
                          const struct ph_imap_change *change)
{
    const struct ph_imap_store *store = &session->command->store;
    struct ph_buf *out = ph_conn_out(conn);
    struct ph_imap_walk walk = {0};
    uint32_t number;
    while ((number = ph_imap_walk_next(session->view, &change->targets, &walk)) != 0) {
        const struct ph_view_message *message = ph_view_at(session->view, number);
        if (!is_so_already(session, store, message) || is_modified(&change->write, message->uid)) {
            continue;
        }
        ph_buf_printf(out, "* %u FETCH (UID %u ", number, message->uid);
        if (ph_imap_is_enabled(session, PH_IMAP_ENABLED_CONDSTORE)) {
            ph_buf_printf(out, "MODSEQ (%llu) ", (unsigned long long)message->modseq);
        }
        ph_imap_fetch_put_flags(out, session, number, 0);
        ph_buf_str(out, ")\r\n");
    }
}

/* "[MODIFIED 7,9] ...": sequence numbers, or UIDs. */
static const char *modified_text(struct ph_imap_session *session, const struct ph_imap_change *change)
{
    const struct ph_imap_targets modified = {(struct ph_uid_range *)(uintptr_t)change->write.modified,
                                             change->write.modified_count};
    struct ph_buf set = PH_BUF(1024 * 1024);
    struct ph_imap_run run = {0};
    struct ph_imap_walk walk = {0};
    uint32_t number;
    while ((number = ph_imap_walk_next(session->view, &modified, &walk)) != 0) {
        ph_imap_put_run(&set, &run,
                        session->command->is_uid ? ph_view_at(session->view, number)->uid : number);
    }
    ph_imap_put_run_end(&set, &run);
    const char *text = ph_arena_printf(&session->arena, "[MODIFIED %s] Some messages were changed by others",
                                       ph_buf_cstr(&set));
    ph_buf_fini(&set);
    return text;
}

static enum ph_step store_resumed(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_change *change = session->work;
    const struct ph_imap_store *store = &session->command->store;
    if (change->result != PH_OK) {
        return ph_imap_change_failed(conn, session, change);
    }
    if (store->is_silent && change->write.modseq != 0) {
        struct ph_imap_told *told = ph_arena_alloc(&session->arena, sizeof *told);
        *told = (struct ph_imap_told){
            .ranges = change->targets.ranges,
            .count = change->targets.count,
            .first_modseq = change->write.first_modseq,
            .modseq = change->write.modseq,
            .wants_modseq = ph_imap_is_enabled(session, PH_IMAP_ENABLED_CONDSTORE),
            .next = session->told,
        };
        session->told = told;
    }
    if (!store->is_silent) {
        put_unchanged(conn, session, change);
    }
    if (change->write.modified_count > 0) {
        return ph_imap_ok(conn, session, modified_text(session, change));
    }
    return ph_imap_ok(conn, session, "STORE completed");
}

static struct ph_bytes join_keywords(struct ph_arena *arena, const struct ph_imap_flags *flags)
{
    struct ph_bytes joined = PH_BYTES("");
    for (size_t i = 0; i < flags->keyword_count; i++) {
        joined = ph_bytes_str(ph_arena_printf(
            arena, "%.*s%s%.*s", (int)joined.len, joined.len > 0 ? (const char *)joined.ptr : "",
            i == 0 ? "" : " ", (int)flags->keywords[i].len, (const char *)flags->keywords[i].ptr));
    }
    return joined;
}

enum ph_step ph_imap_store(struct ph_conn *conn, struct ph_imap_session *session,
                           const struct ph_imap_command *command)
{
    static const enum ph_flags_how hows[] = {
        [PH_IMAP_STORE_REPLACE] = PH_FLAGS_REPLACE,
        [PH_IMAP_STORE_ADD] = PH_FLAGS_ADD,
        [PH_IMAP_STORE_REMOVE] = PH_FLAGS_REMOVE,
    };
    const struct ph_imap_store *store = &command->store;
    struct ph_imap_targets targets;
    const char *complaint = ph_imap_targets_find(session, &store->set, command->is_uid, &targets);
    if (complaint != NULL) {
        return ph_imap_bad(conn, session, complaint);
    }
    if (store->has_unchanged_since) {
        ph_imap_enable_condstore(session);
    }
    if (targets.count == 0) {
        return ph_imap_ok(conn, session, "STORE completed");
    }
    struct ph_imap_change *change = ph_imap_change_new(conn, session, store_resumed);
    change->targets = targets;
    change->flags = (struct ph_view_flag_change){
        .how = hows[store->action],
        .flags = store->flags.system,
        .keywords = join_keywords(&session->arena, &store->flags),
        .has_unchanged_since = store->has_unchanged_since,
        .unchanged_since = store->unchanged_since,
    };
    ph_view_store(session->view, targets.ranges, targets.count, &change->flags, &change->write);
    return PH_STEP_PARK;
}

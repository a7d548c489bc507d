/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search keys (RFC 9051 section 6.4.4, RFC 5032, 7162, 8474, 8514), judged by what is known. Pure.
 *
 * Texts are compared folded (mime/fold.h), fields with their encoded words decoded. A date is a day of UTC, but for the Date field, whose day is the one
 * that stands there. A sequence number that there is not matches nothing: searches are often older than the mailbox.
 */
#include "imap/search.h"

#include "mime/encoded_word.h"
#include "mime/header.h"
#include "task/mail_date.h"

enum {
    DAY_MS = 24 * 3600 * 1000,
    FIELD_MAX = 1024 * 1024,
};

/* ---- Making ready ---- */

static const char *fold_text(struct ph_bytes *text, struct ph_bytes charset, struct ph_arena *arena)
{
    if (charset.len > 0 && !ph_charset_is_known(charset)) {
        return "[BADCHARSET (US-ASCII UTF-8)] The charset is not known";
    }
    struct ph_buf utf8 = PH_BUF(FIELD_MAX);
    struct ph_buf folded = PH_BUF(FIELD_MAX);
    struct ph_charset converter;
    (void)ph_charset_open(&converter, charset.len > 0 ? charset : PH_BYTES("UTF-8"));
    ph_charset_convert(&converter, *text, &utf8);
    ph_charset_finish(&converter, &utf8);
    ph_charset_close(&converter);
    ph_fold(ph_buf_view(&utf8), &folded);
    const char *complaint =
        utf8.has_overflowed || folded.has_overflowed ? "[LIMIT] A text is too long" : NULL;
    *text = ph_arena_bytes(arena, ph_buf_view(&folded));
    ph_buf_fini(&utf8);
    ph_buf_fini(&folded);
    return complaint;
}

static void settle(struct ph_imap_search_key *key, const struct ph_imap_search_mailbox *mailbox)
{
    if (key->set.is_saved) {
        key->kind = PH_IMAP_KEY_UID;
        key->set = (struct ph_imap_set){.ranges = mailbox->saved->ranges, .count = mailbox->saved->count};
        return;
    }
    ph_imap_set_settle(&key->set, key->kind == PH_IMAP_KEY_UID ? mailbox->largest_uid : mailbox->count);
}

const char *ph_imap_search_prepare(struct ph_imap_search_key *key, struct ph_bytes charset,
                                   const struct ph_imap_search_mailbox *mailbox, struct ph_arena *arena,
                                   struct ph_imap_search_needs *needs)
{
    const char *complaint = NULL;
    switch (key->kind) {
    case PH_IMAP_KEY_SET:
    case PH_IMAP_KEY_UID: settle(key, mailbox); break;
    case PH_IMAP_KEY_HEADER:
        complaint = fold_text(&key->text, charset, arena);
        needs->row = true;
        if (ph_summary_covers(key->name)) {
            needs->fields = true;
        } else {
            needs->header = true;
        }
        break;
    case PH_IMAP_KEY_BODY:
    case PH_IMAP_KEY_TEXT:
        complaint = fold_text(&key->text, charset, arena);
        needs->row = true;
        needs->header |= key->kind == PH_IMAP_KEY_TEXT;
        if (needs->text_count == PH_IMAP_TEXT_KEYS_MAX) {
            return "[LIMIT] Too many texts to look for";
        }
        key->number = needs->text_count;
        needs->texts[needs->text_count++] = key->text;
        break;
    case PH_IMAP_KEY_SENTBEFORE:
    case PH_IMAP_KEY_SENTON:
    case PH_IMAP_KEY_SENTSINCE:
        needs->row = true;
        needs->fields = true;
        break;
    default: break;
    }
    for (struct ph_imap_search_key *child = key->children; complaint == NULL && child != NULL;
         child = child->next) {
        complaint = ph_imap_search_prepare(child, charset, mailbox, arena, needs);
    }
    return complaint;
}

/* ---- Fields ---- */

bool ph_imap_field_find(struct ph_bytes fields, struct ph_bytes name, struct ph_bytes *out_value)
{
    struct ph_header_field field;
    while (ph_header_next(&fields, &field)) {
        if (ph_header_is(&field, name)) {
            *out_value = field.value;
            return true;
        }
    }
    return false;
}

static int32_t day_of(int64_t unix_ms)
{
    int64_t day = unix_ms / DAY_MS;
    return (int32_t)(unix_ms % DAY_MS < 0 ? day - 1 : day);
}

/* Behind the time there is the zone, which is not to count. */
static struct ph_bytes without_zone(struct ph_bytes date)
{
    size_t at = ph_bytes_find(date, ':');
    while (at < date.len && (date.ptr[at] == ':' || (date.ptr[at] >= '0' && date.ptr[at] <= '9'))) {
        at++;
    }
    return ph_bytes_first(date, at);
}

bool ph_imap_sent_day(struct ph_bytes fields, int32_t *out_day)
{
    struct ph_bytes date;
    int64_t unix_ms;
    if (!ph_imap_field_find(fields, PH_BYTES("Date"), &date)) {
        return false;
    }
    if (!ph_mail_date_parse(without_zone(date), &unix_ms) && !ph_mail_date_parse(date, &unix_ms)) {
        return false;
    }
    *out_day = day_of(unix_ms);
    return true;
}

static bool has_text(struct ph_bytes value, struct ph_bytes folded_needle)
{
    struct ph_buf text = PH_BUF(FIELD_MAX);
    struct ph_buf folded = PH_BUF(FIELD_MAX);
    ph_encoded_words_decode(value, &text);
    ph_fold(ph_buf_view(&text), &folded);
    bool has = folded.len >= folded_needle.len && folded.len > 0 &&
               memmem(folded.ptr, folded.len, folded_needle.ptr, folded_needle.len) != NULL;
    ph_buf_fini(&text);
    ph_buf_fini(&folded);
    return has;
}

static bool field_has(struct ph_bytes fields, const struct ph_imap_search_key *key)
{
    struct ph_header_field field;
    while (ph_header_next(&fields, &field)) {
        if (ph_header_is(&field, key->name) && (key->text.len == 0 || has_text(field.value, key->text))) {
            return true;
        }
    }
    return false;
}

static bool header_has(struct ph_bytes header, struct ph_bytes folded_needle)
{
    struct ph_header_field field;
    while (ph_header_next(&header, &field)) {
        if (has_text(field.whole, folded_needle)) {
            return true;
        }
    }
    return folded_needle.len == 0;
}

/* ---- Judging ---- */

static enum ph_imap_truth truth(bool is_so)
{
    return is_so ? PH_IMAP_YES : PH_IMAP_NO;
}

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

static enum ph_imap_truth judge_day(enum ph_imap_search_kind before, enum ph_imap_search_kind on,
                                    const struct ph_imap_search_key *key, int32_t day)
{
    if (key->kind == before) {
        return truth(day < key->day);
    }
    return key->kind == on ? truth(day == key->day) : truth(day >= key->day);
}

static bool internal_date(const struct ph_imap_facts *facts, int64_t *out_ms)
{
    *out_ms = facts->message->internal_date_ms;
    if (*out_ms == PH_VIEW_NO_DATE && facts->row != NULL) {
        *out_ms = facts->row->message.internal_date_ms;
    }
    return *out_ms != PH_VIEW_NO_DATE;
}

static enum ph_imap_truth judge_arrival(const struct ph_imap_search_key *key,
                                        const struct ph_imap_facts *facts)
{
    int64_t arrived_ms;
    if (!internal_date(facts, &arrived_ms)) {
        return PH_IMAP_UNKNOWN;
    }
    int64_t age_ms = facts->now_ms - arrived_ms;
    uint64_t limit_s = key->number < INT64_MAX / 1000 ? key->number : INT64_MAX / 1000;
    switch (key->kind) {
    case PH_IMAP_KEY_OLDER: return truth(age_ms >= (int64_t)limit_s * 1000);
    case PH_IMAP_KEY_YOUNGER: return truth(age_ms <= (int64_t)limit_s * 1000);
    default: return judge_day(PH_IMAP_KEY_BEFORE, PH_IMAP_KEY_ON, key, day_of(arrived_ms));
    }
}

/* RFC 8514 section 4: where it is not known when a message was saved, its internal date stands for it. */
static enum ph_imap_truth judge_saved(const struct ph_imap_search_key *key, const struct ph_imap_facts *facts)
{
    if (facts->row == NULL) {
        return PH_IMAP_UNKNOWN;
    }
    int64_t saved_ms =
        facts->row->has_save_date ? facts->row->save_date_ms : facts->row->message.internal_date_ms;
    return judge_day(PH_IMAP_KEY_SAVEDBEFORE, PH_IMAP_KEY_SAVEDON, key, day_of(saved_ms));
}

static enum ph_imap_truth judge_size(const struct ph_imap_search_key *key, const struct ph_imap_facts *facts)
{
    uint64_t size = facts->message->size;
    if (size == PH_VIEW_UNKNOWN) {
        if (facts->row == NULL) {
            return PH_IMAP_UNKNOWN;
        }
        size = facts->row->message.size;
    }
    return truth(key->kind == PH_IMAP_KEY_LARGER ? size > key->number : size < key->number);
}

static enum ph_imap_truth judge_sent(const struct ph_imap_search_key *key, const struct ph_imap_facts *facts)
{
    if (!facts->has_fields && !facts->has_header) {
        return PH_IMAP_UNKNOWN;
    }
    int32_t day;
    if (!ph_imap_sent_day(facts->has_fields ? facts->fields : facts->header, &day)) {
        return PH_IMAP_NO;
    }
    return judge_day(PH_IMAP_KEY_SENTBEFORE, PH_IMAP_KEY_SENTON, key, day);
}

static enum ph_imap_truth judge_header(const struct ph_imap_search_key *key,
                                       const struct ph_imap_facts *facts)
{
    if (facts->has_header) {
        return truth(field_has(facts->header, key));
    }
    if (facts->has_fields && ph_summary_covers(key->name)) {
        return truth(field_has(facts->fields, key));
    }
    return PH_IMAP_UNKNOWN;
}

static enum ph_imap_truth judge_text(const struct ph_imap_search_key *key, const struct ph_imap_facts *facts)
{
    bool is_in_header = key->kind == PH_IMAP_KEY_TEXT;
    if (is_in_header && facts->has_header && header_has(facts->header, key->text)) {
        return PH_IMAP_YES;
    }
    if (facts->found != NULL && facts->found[key->number]) {
        return PH_IMAP_YES;
    }
    bool is_all_known = facts->found != NULL && (!is_in_header || facts->has_header);
    return is_all_known ? PH_IMAP_NO : PH_IMAP_UNKNOWN;
}

static enum ph_imap_truth judge_children(const struct ph_imap_search_key *key,
                                         const struct ph_imap_facts *facts, enum ph_imap_truth decisive)
{
    enum ph_imap_truth all = decisive == PH_IMAP_NO ? PH_IMAP_YES : PH_IMAP_NO;
    for (const struct ph_imap_search_key *child = key->children; child != NULL; child = child->next) {
        enum ph_imap_truth one = ph_imap_search_judge(child, facts);
        if (one == decisive) {
            return decisive;
        }
        all = one == PH_IMAP_UNKNOWN ? PH_IMAP_UNKNOWN : all;
    }
    return all;
}

static enum ph_imap_truth judge_not(const struct ph_imap_search_key *key, const struct ph_imap_facts *facts)
{
    enum ph_imap_truth one = ph_imap_search_judge(key->children, facts);
    return one == PH_IMAP_UNKNOWN ? PH_IMAP_UNKNOWN : truth(one == PH_IMAP_NO);
}

static bool is_email_id(const struct ph_imap_search_key *key, const struct ph_view_message *message)
{
    char text[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&message->id, text);
    return ph_bytes_ieq(key->text, ph_bytes_str(text));
}

enum ph_imap_truth ph_imap_search_judge(const struct ph_imap_search_key *key,
                                        const struct ph_imap_facts *facts)
{
    const unsigned fresh = PH_FLAG_RECENT | PH_FLAG_SEEN;
    switch (key->kind) {
    case PH_IMAP_KEY_ALL:
    case PH_IMAP_KEY_SAVEDATESUPPORTED: return PH_IMAP_YES;
    case PH_IMAP_KEY_AND: return judge_children(key, facts, PH_IMAP_NO);
    case PH_IMAP_KEY_OR: return judge_children(key, facts, PH_IMAP_YES);
    case PH_IMAP_KEY_NOT: return judge_not(key, facts);
    case PH_IMAP_KEY_FLAG: return truth((facts->flags & key->flag) != 0);
    case PH_IMAP_KEY_NEW: return truth((facts->flags & fresh) == PH_FLAG_RECENT);
    case PH_IMAP_KEY_KEYWORD: return truth(has_keyword(facts->keywords, key->text));
    case PH_IMAP_KEY_BEFORE:
    case PH_IMAP_KEY_ON:
    case PH_IMAP_KEY_SINCE:
    case PH_IMAP_KEY_OLDER:
    case PH_IMAP_KEY_YOUNGER: return judge_arrival(key, facts);
    case PH_IMAP_KEY_SENTBEFORE:
    case PH_IMAP_KEY_SENTON:
    case PH_IMAP_KEY_SENTSINCE: return judge_sent(key, facts);
    case PH_IMAP_KEY_SAVEDBEFORE:
    case PH_IMAP_KEY_SAVEDON:
    case PH_IMAP_KEY_SAVEDSINCE: return judge_saved(key, facts);
    case PH_IMAP_KEY_LARGER:
    case PH_IMAP_KEY_SMALLER: return judge_size(key, facts);
    case PH_IMAP_KEY_HEADER: return judge_header(key, facts);
    case PH_IMAP_KEY_BODY:
    case PH_IMAP_KEY_TEXT: return judge_text(key, facts);
    case PH_IMAP_KEY_SET: return truth(ph_imap_set_has(&key->set, facts->number));
    case PH_IMAP_KEY_UID: return truth(ph_imap_set_has(&key->set, facts->message->uid));
    case PH_IMAP_KEY_MODSEQ: return truth(facts->message->modseq >= key->number);
    case PH_IMAP_KEY_EMAILID: return truth(is_email_id(key, facts->message));
    case PH_IMAP_KEY_THREADID: return PH_IMAP_NO;
    }
    return PH_IMAP_NO;
}

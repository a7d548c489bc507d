/* SPDX-License-Identifier: Apache-2.0 */
#include "task/mbox.h"

#include "store/message_row.h"
#include "task/dovecot_keywords.h"
#include "task/mail_date.h"
#include "task/uidl_format.h"

void ph_mbox_init(struct ph_mbox *mbox)
{
    *mbox = (struct ph_mbox){0};
    mbox->message.keywords = PH_BUF(PH_KEYWORDS_BYTES_MAX);
    mbox->message.uidl = PH_BUF(PH_UIDL_MAX);
}

void ph_mbox_fini(struct ph_mbox *mbox)
{
    ph_buf_fini(&mbox->message.keywords);
    ph_buf_fini(&mbox->message.uidl);
}

static void begin_message(struct ph_mbox *mbox, int64_t date_ms)
{
    struct ph_mbox_message *message = &mbox->message;
    ph_buf_clear(&message->keywords);
    ph_buf_clear(&message->uidl);
    *message =
        (struct ph_mbox_message){.date_ms = date_ms, .keywords = message->keywords, .uidl = message->uidl};
    mbox->state = PH_MBOX_IN_HEADER;
}

/* ---- Lines ---- */

static struct ph_bytes without_end(struct ph_bytes line)
{
    line.len -= line.len > 0 && line.ptr[line.len - 1] == '\n' ? 1 : 0;
    line.len -= line.len > 0 && line.ptr[line.len - 1] == '\r' ? 1 : 0;
    return line;
}

/* "From sender Sun Nov 22 20:35:00 2026"; the sender may be missing, or have blanks in it. */
static bool is_from_line(struct ph_bytes line, int64_t *out_date_ms)
{
    if (line.len > PH_MBOX_LOOK_BYTES) {
        return false;
    }
    line = without_end(line);
    return ph_bytes_starts(line, PH_BYTES("From ")) &&
           ph_mail_date_parse(ph_bytes_from(line, 5), out_date_ms);
}

static struct ph_bytes unquote(struct ph_bytes line)
{
    size_t marks = 0;
    struct ph_bytes start = ph_bytes_first(line, PH_MBOX_LOOK_BYTES);
    while (marks < start.len && start.ptr[marks] == '>') {
        marks++;
    }
    bool is_quoted = marks > 0 && ph_bytes_starts(ph_bytes_from(start, marks), PH_BYTES("From "));
    return is_quoted ? ph_bytes_from(line, 1) : line;
}

/* ---- Fields that are the file's ---- */

static void take_status(struct ph_mbox_message *message, struct ph_bytes value)
{
    static const struct {
        char letter;
        enum ph_flag flag;
    } letters[] = {{'R', PH_FLAG_SEEN},
                   {'A', PH_FLAG_ANSWERED},
                   {'D', PH_FLAG_DELETED},
                   {'F', PH_FLAG_FLAGGED},
                   {'T', PH_FLAG_DRAFT}};
    for (size_t i = 0; i < value.len; i++) {
        for (size_t k = 0; k < sizeof letters / sizeof letters[0]; k++) {
            message->flags |= value.ptr[i] == (uint8_t)letters[k].letter ? letters[k].flag : 0U;
        }
    }
}

static void add_keywords(struct ph_mbox_message *message, struct ph_bytes value)
{
    while (value.len > 0) {
        struct ph_bytes keyword = ph_bytes_next_word(&value);
        if (ph_keyword_is_valid(keyword) &&
            message->keywords.len + keyword.len + 1 <= PH_KEYWORDS_BYTES_MAX) {
            ph_buf_str(&message->keywords, message->keywords.len > 0 ? " " : "");
            ph_buf_bytes(&message->keywords, keyword);
        }
    }
}

static void take_base(struct ph_mbox_message *message, struct ph_bytes value)
{
    uint64_t uid_validity = 0;
    uint64_t last = 0;
    if (ph_bytes_to_u64(ph_bytes_next_word(&value), &uid_validity) &&
        ph_bytes_to_u64(ph_bytes_next_word(&value), &last) && uid_validity <= UINT32_MAX &&
        last < UINT32_MAX) {
        message->uid_validity = (uint32_t)uid_validity;
        message->uid_next = last + 1;
    }
}

/* True: the field is the file's. */
static bool take_field(struct ph_mbox_message *message, struct ph_bytes line)
{
    line = ph_bytes_first(line, PH_MBOX_LOOK_BYTES);
    size_t colon = ph_bytes_find(line, ':');
    struct ph_bytes name = ph_bytes_trim(ph_bytes_first(line, colon));
    struct ph_bytes value = ph_bytes_trim(without_end(ph_bytes_from(line, colon + 1)));
    if (colon == line.len) {
        return false;
    }
    if (ph_bytes_ieq(name, PH_BYTES("Status")) || ph_bytes_ieq(name, PH_BYTES("X-Status"))) {
        take_status(message, value);
    } else if (ph_bytes_ieq(name, PH_BYTES("X-Keywords"))) {
        add_keywords(message, value);
    } else if (ph_bytes_ieq(name, PH_BYTES("X-UID"))) {
        uint64_t uid = 0;
        message->uid = ph_bytes_to_u64(value, &uid) && uid <= UINT32_MAX ? uid : 0;
    } else if (ph_bytes_ieq(name, PH_BYTES("X-IMAPbase"))) {
        take_base(message, value);
    } else if (ph_bytes_ieq(name, PH_BYTES("X-IMAP"))) {
        take_base(message, value);
        message->is_internal = true;
    } else if (ph_bytes_ieq(name, PH_BYTES("X-UIDL"))) {
        if (ph_uidl_is_valid(value)) {
            ph_buf_clear(&message->uidl);
            ph_buf_bytes(&message->uidl, value);
        }
    } else {
        return false;
    }
    return true;
}

/* ---- The machine ---- */

static bool is_blank(struct ph_bytes line)
{
    return line.len > 0 && without_end(line).len == 0;
}

/* LINE is whole, or too long to be anything but data. */
static enum ph_mbox_event take_line(struct ph_mbox *mbox, struct ph_bytes line, struct ph_bytes *rest,
                                    struct ph_bytes *out_data)
{
    int64_t date_ms;
    bool can_begin = mbox->state == PH_MBOX_OUTSIDE || mbox->is_behind_blank;
    if (can_begin && is_from_line(line, &date_ms)) {
        mbox->blank.len = 0;
        mbox->is_behind_blank = false;
        if (mbox->state != PH_MBOX_OUTSIDE) {
            mbox->state = PH_MBOX_OUTSIDE;
            return PH_MBOX_END; /* the line stays: it begins the next */
        }
        *rest = ph_bytes_from(*rest, line.len);
        begin_message(mbox, date_ms);
        return PH_MBOX_BEGIN;
    }
    if (mbox->state == PH_MBOX_OUTSIDE) {
        return PH_MBOX_WRONG;
    }
    if (mbox->blank.len > 0) {
        *out_data = mbox->blank;
        mbox->blank.len = 0;
        return PH_MBOX_DATA; /* the line stays */
    }
    *rest = ph_bytes_from(*rest, line.len);
    mbox->is_in_line = line.ptr[line.len - 1] != '\n';
    mbox->is_behind_blank = is_blank(line);
    if (mbox->is_behind_blank) {
        mbox->blank = line.len == 2 ? PH_BYTES("\r\n") : PH_BYTES("\n");
        mbox->state = PH_MBOX_IN_BODY;
        return PH_MBOX_MORE;
    }
    bool is_header = mbox->state == PH_MBOX_IN_HEADER || mbox->state == PH_MBOX_IN_FIELD;
    if (is_header) {
        bool is_continued = line.ptr[0] == ' ' || line.ptr[0] == '\t';
        if (is_continued ? mbox->state == PH_MBOX_IN_FIELD : take_field(&mbox->message, line)) {
            mbox->state = PH_MBOX_IN_FIELD;
            return PH_MBOX_MORE;
        }
        mbox->state = PH_MBOX_IN_HEADER;
    }
    *out_data = unquote(line);
    return PH_MBOX_DATA;
}

static enum ph_mbox_event at_end(struct ph_mbox *mbox)
{
    if (mbox->state == PH_MBOX_OUTSIDE) {
        return PH_MBOX_OVER;
    }
    mbox->blank.len = 0;
    mbox->state = PH_MBOX_OUTSIDE;
    return PH_MBOX_END;
}

enum ph_mbox_event ph_mbox_next(struct ph_mbox *mbox, struct ph_bytes *rest, bool is_end,
                                struct ph_bytes *out_data)
{
    enum ph_mbox_event event = PH_MBOX_MORE;
    while (event == PH_MBOX_MORE) {
        if (rest->len == 0) {
            return is_end ? at_end(mbox) : PH_MBOX_MORE;
        }
        size_t end = ph_bytes_find(*rest, '\n');
        bool is_whole = end < rest->len;
        struct ph_bytes line = ph_bytes_first(*rest, is_whole ? end + 1 : end);
        if (mbox->is_in_line) {
            mbox->is_in_line = !is_whole;
            *rest = ph_bytes_from(*rest, line.len);
            if (mbox->state == PH_MBOX_IN_FIELD) {
                continue;
            }
            *out_data = line;
            return PH_MBOX_DATA;
        }
        if (!is_whole && !is_end && rest->len < PH_MBOX_LOOK_BYTES) {
            return PH_MBOX_MORE;
        }
        event = take_line(mbox, line, rest, out_data);
    }
    return event;
}

/* ---- Writing ---- */

void ph_mbox_put_from(struct ph_buf *out, int64_t date_ms)
{
    ph_buf_str(out, "From MAILER-DAEMON ");
    ph_mail_date_put_asctime(out, date_ms);
    ph_buf_byte(out, '\n');
}

void ph_mbox_put_fields(struct ph_buf *out, const struct ph_mbox_head *head)
{
    if (head->uid_validity != 0) {
        ph_buf_printf(out, "X-IMAPbase: %u %010llu\n", (unsigned)head->uid_validity,
                      (unsigned long long)(head->uid_next == 0 ? 0 : head->uid_next - 1));
    }
    if (head->uid != 0) {
        ph_buf_printf(out, "X-UID: %llu\n", (unsigned long long)head->uid);
    }
    ph_buf_printf(out, "Status: %sO\n", (head->flags & PH_FLAG_SEEN) != 0 ? "R" : "");
    const unsigned others = PH_FLAG_ANSWERED | PH_FLAG_DELETED | PH_FLAG_FLAGGED | PH_FLAG_DRAFT;
    if ((head->flags & others) != 0) {
        ph_buf_printf(out, "X-Status: %s%s%s%s\n", (head->flags & PH_FLAG_ANSWERED) != 0 ? "A" : "",
                      (head->flags & PH_FLAG_DELETED) != 0 ? "D" : "",
                      (head->flags & PH_FLAG_FLAGGED) != 0 ? "F" : "",
                      (head->flags & PH_FLAG_DRAFT) != 0 ? "T" : "");
    }
    if (head->keywords.len > 0) {
        ph_buf_str(out, "X-Keywords: ");
        ph_buf_bytes(out, head->keywords);
        ph_buf_byte(out, '\n');
    }
    if (head->uidl.len > 0) {
        ph_buf_str(out, "X-UIDL: ");
        ph_buf_bytes(out, head->uidl);
        ph_buf_byte(out, '\n');
    }
}

static const char FROM[] = "From ";

/* What was held back of a line, now that it is known whether it is a From line. */
static void put_held(struct ph_mbox_quote *quote, struct ph_buf *out)
{
    ph_buf_append(out, FROM, quote->matched);
    quote->matched = 0;
    quote->is_in_line = true;
}

static void put_octet(struct ph_mbox_quote *quote, uint8_t c, struct ph_buf *out)
{
    if (quote->is_behind_cr && c != '\n') {
        ph_buf_byte(out, '\r');
    }
    quote->is_behind_cr = c == '\r';
    if (c == '\r') {
        return;
    }
    ph_buf_byte(out, c);
    quote->is_in_line = c != '\n';
}

void ph_mbox_quote(struct ph_mbox_quote *quote, struct ph_bytes text, struct ph_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (!quote->is_in_line && !quote->is_behind_cr && c == (uint8_t)FROM[quote->matched]) {
            if (FROM[++quote->matched] == '\0') {
                ph_buf_byte(out, '>');
                put_held(quote, out);
            }
            continue;
        }
        if (quote->matched > 0) {
            put_held(quote, out);
        }
        /* Marks at the start of a line are written at once; a From line may still follow them. */
        bool is_mark = !quote->is_in_line && !quote->is_behind_cr && c == '>';
        put_octet(quote, c, out);
        quote->is_in_line = quote->is_in_line && !is_mark;
    }
}

void ph_mbox_quote_end(struct ph_mbox_quote *quote, struct ph_buf *out)
{
    if (quote->matched > 0) {
        put_held(quote, out);
    }
    if (quote->is_behind_cr) {
        ph_buf_byte(out, '\r');
        quote->is_in_line = true;
    }
    ph_buf_str(out, quote->is_in_line ? "\n\n" : "\n");
    *quote = (struct ph_mbox_quote){0};
}

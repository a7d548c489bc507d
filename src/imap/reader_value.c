/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers, sets, flags and dates off the front of a command: RFC 9051 section 9, RFC 9394 (partial-range).
 */
#include "imap/reader.h"
#include "store/message_row.h"

enum {
    SECONDS_A_DAY = 86400,
};

/* ---- Numbers ---- */

static bool take_digits(struct ph_imap_reader *reader, uint64_t max, uint64_t *out_number)
{
    size_t len = 0;
    while (len < reader->rest.len && reader->rest.ptr[len] >= '0' && reader->rest.ptr[len] <= '9') {
        len++;
    }
    if (!ph_bytes_to_u64(ph_bytes_first(reader->rest, len), out_number) || *out_number > max) {
        return false;
    }
    reader->rest = ph_bytes_from(reader->rest, len);
    return true;
}

bool ph_imap_number(struct ph_imap_reader *reader, uint32_t *out_number)
{
    uint64_t number = 0;
    bool is_taken = take_digits(reader, UINT32_MAX, &number);
    *out_number = (uint32_t)number;
    return is_taken;
}

bool ph_imap_number64(struct ph_imap_reader *reader, uint64_t *out_number)
{
    *out_number = 0;
    return take_digits(reader, INT64_MAX, out_number);
}

bool ph_imap_set(struct ph_imap_reader *reader, struct ph_imap_set *out_set)
{
    if (!ph_imap_set_take(&reader->rest, reader->items_left, reader->arena, out_set)) {
        return false;
    }
    reader->items_left -= (unsigned)out_set->count;
    return true;
}

bool ph_imap_page(struct ph_imap_reader *reader, int64_t *out_first, int64_t *out_last)
{
    uint32_t first = 0;
    uint32_t last = 0;
    bool is_from_end = ph_imap_take(reader, '-');
    if (!ph_imap_number(reader, &first) || !ph_imap_take(reader, ':') ||
        ph_imap_take(reader, '-') != is_from_end || !ph_imap_number(reader, &last) || first == 0 ||
        last == 0) {
        return false;
    }
    *out_first = is_from_end ? -(int64_t)first : (int64_t)first;
    *out_last = is_from_end ? -(int64_t)last : (int64_t)last;
    return true;
}

/* ---- Flags ---- */

static const struct {
    const char *name;
    unsigned flag;
} system_flags[] = {
    {"Answered", PH_FLAG_ANSWERED}, {"Deleted", PH_FLAG_DELETED}, {"Draft", PH_FLAG_DRAFT},
    {"Flagged", PH_FLAG_FLAGGED},   {"Seen", PH_FLAG_SEEN},
};

static bool add_system_flag(struct ph_imap_flags *flags, struct ph_bytes name)
{
    for (size_t i = 0; i < sizeof system_flags / sizeof system_flags[0]; i++) {
        if (ph_bytes_ieq(name, ph_bytes_str(system_flags[i].name))) {
            flags->system |= system_flags[i].flag;
            return true;
        }
    }
    return false; /* \Recent is the server's, and there are no others (RFC 9051 section 2.3.2) */
}

static void add_keyword(struct ph_imap_flags *flags, struct ph_bytes keyword)
{
    for (size_t i = 0; i < flags->keyword_count; i++) {
        if (ph_bytes_ieq(flags->keywords[i], keyword)) {
            return;
        }
    }
    flags->keywords[flags->keyword_count++] = keyword;
}

static bool take_flag(struct ph_imap_reader *reader, struct ph_imap_flags *flags)
{
    bool is_system = ph_imap_take(reader, '\\');
    struct ph_bytes name;
    if (!ph_imap_atom(reader, &name)) {
        return false;
    }
    if (is_system) {
        return add_system_flag(flags, name);
    }
    if (flags->keyword_count == PH_IMAP_KEYWORDS_MAX) {
        return false;
    }
    add_keyword(flags, name);
    return true;
}

bool ph_imap_flag_list(struct ph_imap_reader *reader, struct ph_imap_flags *out_flags)
{
    *out_flags = (struct ph_imap_flags){0};
    out_flags->keywords = ph_arena_alloc(reader->arena, PH_IMAP_KEYWORDS_MAX * sizeof out_flags->keywords[0]);
    bool is_list = ph_imap_take(reader, '(');
    if (is_list && ph_imap_take(reader, ')')) {
        return true;
    }
    do {
        if (!ph_imap_spend(reader) || !take_flag(reader, out_flags)) {
            return false;
        }
    } while (ph_imap_take(reader, ' '));
    return !is_list || ph_imap_take(reader, ')');
}

/* ---- Dates ---- */

/* Days since 1970-01-01 of a date in the Gregorian calendar. */
static int32_t days_of(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = (y >= 0 ? y : y - 399) / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

static bool take_month(struct ph_imap_reader *reader, int *out_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct ph_bytes name = ph_bytes_first(reader->rest, 3);
    reader->rest = ph_bytes_from(reader->rest, 3);
    for (int i = 0; i < 12 && name.len == 3; i++) {
        if (ph_bytes_ieq(name, ph_bytes_of(names + (size_t)3 * (size_t)i, 3))) {
            *out_month = i + 1;
            return true;
        }
    }
    return false;
}

/* Exactly COUNT digits. */
static bool take_fixed(struct ph_imap_reader *reader, size_t count, int *out_number)
{
    uint64_t number = 0;
    struct ph_bytes digits = ph_bytes_first(reader->rest, count);
    reader->rest = ph_bytes_from(reader->rest, count);
    bool is_taken = digits.len == count && ph_bytes_to_u64(digits, &number);
    *out_number = (int)number;
    return is_taken;
}

/* "-Feb-1994" behind a day. */
static bool take_rest_of_date(struct ph_imap_reader *reader, int day, int32_t *out_days)
{
    int month = 0;
    int year = 0;
    if (!ph_imap_take(reader, '-') || !take_month(reader, &month) || !ph_imap_take(reader, '-') ||
        !take_fixed(reader, 4, &year) || day < 1 || day > days_in(year, month)) {
        return false;
    }
    *out_days = days_of(year, month, day);
    return true;
}

bool ph_imap_date(struct ph_imap_reader *reader, int32_t *out_day)
{
    bool is_quoted = ph_imap_take(reader, '"');
    bool has_two = reader->rest.len > 1 && reader->rest.ptr[1] != '-';
    int day = 0;
    return take_fixed(reader, has_two ? 2 : 1, &day) && take_rest_of_date(reader, day, out_day) &&
           (!is_quoted || ph_imap_take(reader, '"'));
}

static bool take_time(struct ph_imap_reader *reader, int *out_seconds)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    bool is_taken = take_fixed(reader, 2, &hour) && ph_imap_take(reader, ':') &&
                    take_fixed(reader, 2, &minute) && ph_imap_take(reader, ':') &&
                    take_fixed(reader, 2, &second);
    *out_seconds = hour * 3600 + minute * 60 + second;
    return is_taken && hour < 24 && minute < 60 && second <= 60; /* a leap second is the next */
}

static bool take_zone(struct ph_imap_reader *reader, int *out_seconds)
{
    bool is_west = ph_imap_take(reader, '-');
    int hour = 0;
    int minute = 0;
    if ((!is_west && !ph_imap_take(reader, '+')) || !take_fixed(reader, 2, &hour) ||
        !take_fixed(reader, 2, &minute) || minute >= 60 || hour >= 24) {
        return false;
    }
    int seconds = hour * 3600 + minute * 60;
    *out_seconds = is_west ? -seconds : seconds;
    return true;
}

bool ph_imap_date_time(struct ph_imap_reader *reader, int64_t *out_ms)
{
    int day = 0;
    int32_t days = 0;
    int time = 0;
    int zone = 0;
    if (!ph_imap_take(reader, '"')) {
        return false;
    }
    size_t day_digits = ph_imap_take(reader, ' ') ? 1 : 2;
    if (!take_fixed(reader, day_digits, &day) || !take_rest_of_date(reader, day, &days) ||
        !ph_imap_take(reader, ' ') || !take_time(reader, &time) || !ph_imap_take(reader, ' ') ||
        !take_zone(reader, &zone) || !ph_imap_take(reader, '"')) {
        return false;
    }
    *out_ms = ((int64_t)days * SECONDS_A_DAY + time - zone) * 1000;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "task/mail_date.h"

#include <time.h>

#include "base/buf.h"

static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char DAYS[] = "SunMonTueWedThuFriSat";

struct date {
    int year;
    int month; /* 1 to 12 */
    int day;
    int seconds; /* of the day; -1: not seen */
    int zone;    /* minutes east */
};

static int number_of(struct ph_bytes digits)
{
    uint64_t value = 0;
    return digits.len <= 6 && ph_bytes_to_u64(digits, &value) ? (int)value : -1;
}

static int month_of(struct ph_bytes word)
{
    for (int i = 0; i < 12; i++) {
        if (word.len >= 3 && ph_bytes_ieq(ph_bytes_first(word, 3), ph_bytes_of(MONTHS + 3 * (size_t)i, 3))) {
            return i + 1;
        }
    }
    return 0;
}

/* hh:mm or hh:mm:ss */
static int time_of(struct ph_bytes word)
{
    size_t first = ph_bytes_find(word, ':');
    struct ph_bytes rest = ph_bytes_from(word, first + 1);
    size_t second = ph_bytes_find(rest, ':');
    int hours = number_of(ph_bytes_first(word, first));
    int minutes = number_of(ph_bytes_first(rest, second));
    int seconds = second == rest.len ? 0 : number_of(ph_bytes_from(rest, second + 1));
    bool can_be = first < word.len && hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60 &&
                  seconds >= 0 && seconds <= 60;
    return can_be ? hours * 3600 + minutes * 60 + seconds : -1;
}

/* "+0130", or a name of RFC 5322 section 4.3. */
static bool zone_of(struct ph_bytes word, int *out_minutes)
{
    static const struct {
        const char *name;
        int minutes;
    } names[] = {{"GMT", 0},    {"UT", 0},     {"UTC", 0},    {"Z", 0},      {"EST", -300}, {"EDT", -240},
                 {"CST", -360}, {"CDT", -300}, {"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420},
                 {"CET", 60},   {"CEST", 120}, {"BST", 60},   {"MET", 60},   {"MEST", 120}};
    if (word.len == 5 && (word.ptr[0] == '+' || word.ptr[0] == '-')) {
        int number = number_of(ph_bytes_from(word, 1));
        int minutes = number / 100 * 60 + number % 100;
        *out_minutes = word.ptr[0] == '-' ? -minutes : minutes;
        return number >= 0 && number % 100 < 60 && number < 2400;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (ph_bytes_ieq(word, ph_bytes_str(names[i].name))) {
            *out_minutes = names[i].minutes;
            return true;
        }
    }
    return false;
}

static void take_number(struct date *date, struct ph_bytes word)
{
    int number = number_of(word);
    if (word.len <= 2 && date->day == 0) {
        date->day = number;
    } else if (word.len == 2) {
        date->year = number < 50 ? 2000 + number : 1900 + number;
    } else if (word.len == 4) {
        date->year = number;
    }
}

static void take_word(struct date *date, struct ph_bytes word)
{
    while (word.len > 0 && word.ptr[word.len - 1] == ',') {
        word.len--;
    }
    int zone = 0;
    if (ph_bytes_find(word, ':') < word.len) {
        date->seconds = date->seconds < 0 ? time_of(word) : date->seconds;
    } else if (word.len > 0 && word.ptr[0] >= '0' && word.ptr[0] <= '9') {
        take_number(date, word);
    } else if (date->month == 0 && month_of(word) != 0) {
        date->month = month_of(word);
    } else if (zone_of(word, &zone)) {
        date->zone = zone;
    }
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_before(int year, int month)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t y = year - 1;
    int64_t days = y * 365 + y / 4 - y / 100 + y / 400 - 719162; /* from 0001-01-01 to 1970-01-01 */
    return days + before[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

bool ph_mail_date_parse(struct ph_bytes text, int64_t *out_unix_ms)
{
    struct date date = {.seconds = -1};
    for (unsigned words = 0; words < 16 && text.len > 0 && text.ptr[0] != '('; words++) {
        take_word(&date, ph_bytes_next_word(&text));
    }
    bool can_be = date.seconds >= 0 && date.month > 0 && date.day >= 1 && date.day <= 31 &&
                  date.year >= 1970 && date.year <= 9999;
    if (!can_be) {
        return false;
    }
    int64_t seconds =
        (days_before(date.year, date.month) + date.day - 1) * 86400 + date.seconds - (int64_t)date.zone * 60;
    *out_unix_ms = seconds * 1000;
    return seconds >= 0;
}

void ph_mail_date_put_asctime(struct ph_buf *out, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    if (unix_ms < 0 || gmtime_r(&seconds, &parts) == NULL || parts.tm_year > 9999 - 1900) {
        seconds = 0;
        (void)gmtime_r(&seconds, &parts);
    }
    ph_buf_printf(out, "%.3s %.3s %2d %02d:%02d:%02d %d", DAYS + 3 * parts.tm_wday, MONTHS + 3 * parts.tm_mon,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_year + 1900);
}

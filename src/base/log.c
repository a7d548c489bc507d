/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

enum {
    RESERVE = 8, /* kept free at the end of a line for what closes it */
    VALUE_MAX = 512,
    ESCAPE_MAX = 12,      /* "\ud83d\ude00" */
    VALUE_END_MAX = 4,    /* "...\"" */
    FIELD_BYTES_MIN = 28, /* a number, or a quoted character and the mark of a cut */
};

static const struct {
    const char *name;
    char priority; /* syslog's, for journald */
} levels[] = {
    [PH_LOG_DEBUG] = {"debug", '7'},
    [PH_LOG_INFO] = {"info", '6'},
    [PH_LOG_WARNING] = {"warning", '4'},
    [PH_LOG_ERROR] = {"error", '3'},
};

void ph_log_init(struct ph_log *log, int fd, enum ph_log_format format, enum ph_log_level level,
                 const struct ph_clock *clock)
{
    *log = (struct ph_log){fd, format, level, fd == STDERR_FILENO && getenv("JOURNAL_STREAM") != NULL, clock};
}

static size_t room(const struct ph_log_line *line)
{
    return sizeof line->text - RESERVE - line->len;
}

static void put(struct ph_log_line *line, const char *text, size_t len)
{
    size_t n = len < room(line) ? len : room(line);
    memcpy(line->text + line->len, text, n);
    line->len += n;
}

static void put_str(struct ph_log_line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* ASCII, so that no terminal can be told anything: other characters as JSON escapes them. */
static void put_character(struct ph_log_line *line, uint32_t code)
{
    if (code >= 0x20 && code < 0x7F) {
        const char pair[2] = {'\\', (char)code};
        bool is_special = code == '"' || code == '\\';
        put(line, is_special ? pair : pair + 1, is_special ? 2 : 1);
        return;
    }
    char text[ESCAPE_MAX + 1];
    int len;
    if (code == 0) {
        code = 0xFFFD; /* many readers of JSON refuse the whole line for a NUL: a way to hide it */
    }
    if (code < 0x10000) {
        len = snprintf(text, sizeof text, "\\u%04x", (unsigned)code);
    } else {
        unsigned high = 0xD800U + ((unsigned)(code - 0x10000U) >> 10);
        unsigned low = 0xDC00U + (unsigned)(code & 0x3FFU);
        len = snprintf(text, sizeof text, "\\u%04x\\u%04x", high, low);
    }
    put(line, text, (size_t)len);
}

/* Characters and escapes only whole: a cut in the middle of an escape would break JSON. */
static void put_quoted(struct ph_log_line *line, struct ph_bytes value)
{
    struct ph_bytes rest = value;
    put_str(line, "\"");
    while (rest.len > 0 && value.len - rest.len < VALUE_MAX && room(line) >= ESCAPE_MAX + VALUE_END_MAX) {
        uint32_t code;
        (void)ph_utf8_next(&rest, &code);
        put_character(line, code);
    }
    put_str(line, rest.len > 0 ? "...\"" : "\"");
}

static bool is_plain(struct ph_bytes value)
{
    if (value.len == 0 || value.len > VALUE_MAX) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '\\' || c == '=') {
            return false;
        }
    }
    return true;
}

static bool begin_field(struct ph_log_line *line, const char *key)
{
    /* A field that cannot start whole is left out whole. */
    if (line->log == NULL || room(line) < strlen(key) + strlen(",\"\":") + FIELD_BYTES_MIN) {
        return false;
    }
    bool is_json = line->log->format == PH_LOG_JSON;
    if (line->has_fields) {
        put_str(line, is_json ? "," : " ");
    }
    put_str(line, is_json ? "\"" : "");
    put_str(line, key);
    put_str(line, is_json ? "\":" : "=");
    line->has_fields = true;
    return true;
}

void ph_log_bytes(struct ph_log_line *line, const char *key, struct ph_bytes value)
{
    if (!begin_field(line, key)) {
        return;
    }
    if (line->log->format == PH_LOG_KV && is_plain(value) && value.len <= room(line)) {
        put(line, (const char *)value.ptr, value.len);
    } else {
        put_quoted(line, value);
    }
}

void ph_log_str(struct ph_log_line *line, const char *key, const char *value)
{
    ph_log_bytes(line, key, ph_bytes_str(value == NULL ? "" : value));
}

void ph_log_u64(struct ph_log_line *line, const char *key, uint64_t value)
{
    if (begin_field(line, key)) {
        char digits[24];
        int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
        put(line, digits, (size_t)len);
    }
}

void ph_log_error(struct ph_log_line *line, const struct ph_error *err)
{
    ph_log_str(line, "error", ph_error_name(err->code));
    ph_log_str(line, "reason", err->text);
}

static void put_time(struct ph_log_line *line)
{
    uint64_t now_us = ph_real_us(line->log->clock);
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char text[40];
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    len += (size_t)snprintf(text + len, sizeof text - len, ".%03uZ", (unsigned)(now_us / 1000 % 1000));
    ph_log_bytes(line, "time", ph_bytes_of(text, len));
}

void ph_log_begin(struct ph_log_line *line, const struct ph_log *log, enum ph_log_level level,
                  const char *event)
{
    line->len = 0;
    line->has_fields = false;
    line->log = ph_log_is_on(log, level) ? log : NULL;
    if (line->log == NULL) {
        return;
    }
    if (log->is_journal) {
        const char prefix[3] = {'<', levels[level].priority, '>'};
        put(line, prefix, sizeof prefix);
    }
    if (log->format == PH_LOG_JSON) {
        put_str(line, "{");
    }
    if (!log->is_journal) {
        put_time(line);
    }
    ph_log_str(line, "level", levels[level].name);
    ph_log_str(line, "event", event);
}

void ph_log_end(struct ph_log_line *line)
{
    if (line->log == NULL) {
        return;
    }
    /* put() keeps RESERVE octets free for these. */
    if (line->log->format == PH_LOG_JSON) {
        line->text[line->len++] = '}';
    }
    line->text[line->len++] = '\n';
    /* A log that cannot be written has nobody to be told to. */
    ssize_t written = write(line->log->fd, line->text, line->len);
    (void)written;
    line->log = NULL;
}

void ph_log_event(const struct ph_log *log, enum ph_log_level level, const char *event, const char *fmt, ...)
{
    struct ph_log_line line;
    ph_log_begin(&line, log, level, event);
    if (line.log == NULL) {
        return;
    }
    char reason[VALUE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    if (reason[0] != '\0') {
        ph_log_str(&line, "reason", reason);
    }
    ph_log_end(&line);
}

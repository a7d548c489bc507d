/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as log lines: one line an event, `key=value` or JSON, written by one write(2) so that lines of several
 * threads do not mix.
 *
 *     struct ph_log_line line;
 *     ph_log_begin(&line, log, PH_LOG_INFO, "login");
 *     ph_log_str(&line, "user", user);
 *     ph_log_u64(&line, "duration_us", spent);
 *     ph_log_end(&line);
 *
 * Values are escaped, so a peer cannot forge a line or a field, and cut (marked by "...") so that a line stays under
 * PH_LOG_LINE_BYTES; a field that finds no room is left out whole. Lines are ASCII: what is not stands as JSON's
 * escapes, in both formats, an octet that is no UTF-8 as if it were Latin-1, and NUL as U+FFFD.
 * Never log a password, a SASL message or a body.
 * Below the log's level everything is a no-op. Threads: any. A line belongs to one thread and lives on its stack.
 * On journald's standard error stream ($JOURNAL_STREAM) a line starts with its <priority> and has no time.
 */
#ifndef PH_BASE_LOG_H
#define PH_BASE_LOG_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

enum ph_log_level { PH_LOG_DEBUG, PH_LOG_INFO, PH_LOG_WARNING, PH_LOG_ERROR };
enum ph_log_format { PH_LOG_KV, PH_LOG_JSON };

enum { PH_LOG_LINE_BYTES = 2048 };

struct ph_log {
    int fd; /* borrowed */
    enum ph_log_format format;
    enum ph_log_level level;
    bool is_journal;
    const struct ph_clock *clock;
};

struct ph_log_line {
    const struct ph_log *log; /* NULL for a line below the level */
    size_t len;
    bool has_fields;
    char text[PH_LOG_LINE_BYTES];
};

/* Fills LOG for file descriptor FD; decides is_journal by the environment. */
void ph_log_init(struct ph_log *log, int fd, enum ph_log_format format, enum ph_log_level level,
                 const struct ph_clock *clock);

/* Any thread, at any time: lines that are being written are finished at the level they began with. */
static inline void ph_log_set_level(struct ph_log *log, enum ph_log_level level)
{
    __atomic_store_n(&log->level, level, __ATOMIC_RELAXED);
}

static inline bool ph_log_is_on(const struct ph_log *log, enum ph_log_level level)
{
    return level >= __atomic_load_n(&log->level, __ATOMIC_RELAXED);
}

void ph_log_begin(struct ph_log_line *line, const struct ph_log *log, enum ph_log_level level,
                  const char *event);
void ph_log_str(struct ph_log_line *line, const char *key, const char *value);
void ph_log_bytes(struct ph_log_line *line, const char *key, struct ph_bytes value);
void ph_log_u64(struct ph_log_line *line, const char *key, uint64_t value);
/* The class and the text of ERR as `error` and `reason`. */
void ph_log_error(struct ph_log_line *line, const struct ph_error *err);
void ph_log_end(struct ph_log_line *line);

/* A whole event with only a reason, for the rare ones: start, stop, trouble. */
void ph_log_event(const struct ph_log *log, enum ph_log_level level, const char *event, const char *fmt, ...)
    PH_PRINTF(4, 5);

#endif

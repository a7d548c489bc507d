/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: a class that drives behaviour, and a text for the log.
 *
 * A function that can fail returns 0 (PH_OK) or one of the negative classes below. The class decides what a
 * caller does and which reply a protocol gives (each protocol has one table, class to reply); the text, written
 * once at the place that knows what failed on what, goes to the log and to the administrator, never to a peer.
 *
 * Threads: a struct ph_error belongs to its caller; nothing here is shared.
 */
#ifndef PH_BASE_ERROR_H
#define PH_BASE_ERROR_H

#include <stdarg.h>

#define PH_MUST_USE __attribute__((warn_unused_result))
#define PH_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

/* X(NAME, number, "name", "what a caller may conclude") */
#define PH_ERRORS(X)                                                                            \
    X(NOTFOUND, -1, "not found", "what was named does not exist")                               \
    X(CONFLICT, -2, "conflict", "it exists already, or changed meanwhile")                      \
    X(LIMIT, -3, "limit", "a size, count or budget is exhausted; the same request fails again") \
    X(DENIED, -4, "denied", "the caller may not do this")                                       \
    X(INVALID, -5, "invalid", "the input breaks a rule; the text says which")                   \
    X(BUSY, -6, "busy", "somebody else holds it; later it may go")                              \
    X(UNAVAILABLE, -7, "unavailable", "a needed part does not work now; nothing was changed")   \
    X(UNKNOWN_OUTCOME, -8, "unknown outcome",                                                   \
      "a write may or may not have taken effect; repeat it unchanged")                          \
    X(CORRUPT, -9, "corrupt", "stored data breaks its own rules")                               \
    X(BUG, -10, "bug", "a state that our own code should not reach")

enum {
    PH_OK = 0,
#define PH_ERROR_ENUM(name, number, text, meaning) PH_E##name = number,
    PH_ERRORS(PH_ERROR_ENUM)
#undef PH_ERROR_ENUM
};

struct ph_error {
    int code;       /* PH_OK while nothing failed */
    char text[248]; /* always terminated; empty while nothing failed; cut where too long */
};

/* Records the failure and returns CODE, so that a caller writes `return ph_fail(err, PH_EINVALID, ...)`.
 * ERR may be NULL, and err->text may be among the arguments: `ph_fail(err, code, "open %s: %s", path, err->text)`. */
int ph_fail(struct ph_error *err, int code, const char *fmt, ...) PH_PRINTF(3, 4);

/* As ph_fail, with the text of errno value ERRNUM behind ": ". */
int ph_fail_errno(struct ph_error *err, int code, int errnum, const char *fmt, ...) PH_PRINTF(4, 5);

/* The class for an errno value of a file or socket operation: LIMIT for a full disk or quota, DENIED for
 * permissions, NOTFOUND for ENOENT, else UNAVAILABLE. */
int ph_error_class_of_errno(int errnum);

/* The name of a class ("not found"), "ok" for 0, "unknown" for others. Never NULL. */
const char *ph_error_name(int code);

#endif

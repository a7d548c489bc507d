/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

PH_PRINTF(3, 0)
static void set_text(struct ph_error *err, int code, const char *fmt, va_list args)
{
    /* Not in place: the old text may be one of ARGS, where a caller says more about a failure below it. */
    char text[sizeof err->text] = "";
    if (vsnprintf(text, sizeof text, fmt, args) < 0) {
        text[0] = '\0';
    }
    err->code = code;
    memcpy(err->text, text, sizeof text);
}

int ph_fail(struct ph_error *err, int code, const char *fmt, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, fmt);
        set_text(err, code, fmt, args);
        va_end(args);
    }
    return code;
}

int ph_fail_errno(struct ph_error *err, int code, int errnum, const char *fmt, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, fmt);
        set_text(err, code, fmt, args);
        va_end(args);
        char reason[96];
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ": %s",
                 strerror_r(errnum, reason, sizeof reason));
    }
    return code;
}

int ph_error_class_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return PH_ELIMIT;
    case EACCES:
    case EPERM:
    case EROFS: return PH_EDENIED;
    case ENOENT: return PH_ENOTFOUND;
    default: return PH_EUNAVAILABLE;
    }
}

const char *ph_error_name(int code)
{
    switch (code) {
    case PH_OK: return "ok";
#define PH_ERROR_NAME(name, number, text, meaning) \
    case number: return text;
        PH_ERRORS(PH_ERROR_NAME)
#undef PH_ERROR_NAME
    default: return "unknown";
    }
}

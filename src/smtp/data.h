/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of a message on the wire: behind DATA with its dots, or counted by BDAT. Pure functions over octets;
 * however the input is cut into pieces, the same octets come out.
 *
 * A line ends in CRLF. The message ends in <CRLF>.<CRLF>, the first of which may be the end of the DATA command, and in
 * nothing else: no form of a dot with a bare CR or LF around it (RFC 5321 section 4.1.1.4; what is known as SMTP
 * smuggling). A CR or LF alone is content, and is told.
 */
#ifndef PH_SMTP_DATA_H
#define PH_SMTP_DATA_H

#include "base/bytes.h"

enum ph_smtp_data_state {
    PH_SMTP_DATA_LINE_START,
    PH_SMTP_DATA_IN_LINE,
    PH_SMTP_DATA_CR,     /* behind a CR, which is given out already */
    PH_SMTP_DATA_DOT,    /* behind a dot at the start of a line: not content */
    PH_SMTP_DATA_DOT_CR, /* behind such a dot and a CR: content unless an LF comes */
    PH_SMTP_DATA_END,
};

/* Zeroed is ready. */
struct ph_smtp_data {
    enum ph_smtp_data_state state;
    bool has_bare_newline;
};

/* Content in order, as views that end with the call. */
typedef void ph_smtp_data_sink(void *ctx, struct ph_bytes content); /* a function type, not a struct */

/* Reads INPUT up to the end of the message or its own end; returns how much it took. It is all of it unless
 * ph_smtp_data_is_done. */
size_t ph_smtp_data_feed(struct ph_smtp_data *data, struct ph_bytes input, ph_smtp_data_sink *sink,
                         void *ctx);

static inline bool ph_smtp_data_is_done(const struct ph_smtp_data *data)
{
    return data->state == PH_SMTP_DATA_END;
}

/* Looks for CR or LF alone in content that comes without dots. Zeroed is ready. */
struct ph_smtp_newlines {
    bool is_behind_cr;
    bool has_bare_newline;
};

void ph_smtp_newlines_feed(struct ph_smtp_newlines *newlines, struct ph_bytes content);
/* No more comes: a CR at the very end is bare. */
void ph_smtp_newlines_finish(struct ph_smtp_newlines *newlines);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A header that comes in pieces, of which only fields of some names are wanted. Those are kept until they are whole, up to
 * PH_FIELD_BYTES_MAX; the others pass by and cost their line ends.
 *
 * Fields are what ph_header_next makes of the header. Lines end in CRLF, as there; or, where takes_lf is set, in LF with or
 * without a CR before, as the headers inside of messages that came through other programs do.
 */
#ifndef PH_MIME_FIELD_READER_H
#define PH_MIME_FIELD_READER_H

#include "base/buf.h"
#include "mime/field_names.h"

enum {
    PH_FIELD_BYTES_MAX = 16 * 1024,
    PH_FIELD_NAME_BYTES = 64, /* with blanks before the colon; a longer one is lost */
};

enum ph_field_event {
    PH_FIELD_MORE,  /* all octets are taken */
    PH_FIELD_WHOLE, /* `given` and `field` are one, until the next call */
    PH_FIELD_DASH, /* the next line begins with '-': the caller looks at it, then calls again (see passes_dash) */
    PH_FIELD_END, /* the empty line was taken */
};

struct ph_field_reader {
    enum { PH_FIELD_AT_LINE, PH_FIELD_IN_NAME, PH_FIELD_IN_LINE, PH_FIELD_AT_CR, PH_FIELD_ENDED } state;
    unsigned wanted; /* uses: PH_FIELD_MIME and so on */
    bool takes_lf;
    bool stops_at_dash;
    bool passes_dash; /* set by the caller: the line that begins with '-' is a line like others */
    bool is_behind_cr;
    const struct ph_field_name *name; /* of the field at hand; NULL: it is not wanted */
    const struct ph_field_name *given;
    unsigned lost; /* uses of wanted fields that were too large, and are not given */
    unsigned head_len;
    uint8_t head[PH_FIELD_NAME_BYTES]; /* of the line, until its name is known */
    struct ph_buf field;               /* whole, with its last line end */
};

/* Keeps the memory that an earlier use took: zeroed is ready for the first. */
void ph_field_reader_begin(struct ph_field_reader *reader, unsigned wanted, bool takes_lf,
                           bool stops_at_dash);
void ph_field_reader_fini(struct ph_field_reader *reader);

/* Takes octets off the front of *REST until something is to be told. */
enum ph_field_event ph_field_reader_feed(struct ph_field_reader *reader, struct ph_bytes *rest);

/* The header ends here, without an empty line: true where a last wanted field is whole now. */
bool ph_field_reader_end(struct ph_field_reader *reader);

/* The value in `field`, as ph_header_field has it but for a line end that is LF. */
struct ph_bytes ph_field_reader_value(const struct ph_field_reader *reader);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on their way from an importing command to whoever has the store: one line, then the octets.
 *
 *     KEY DIGEST OCTETS UID DATE SAVED FLAGS UIDL [KEYWORD]...
 *
 * KEY and DIGEST are hexadecimal, DATE and SAVED milliseconds of Unix time (SAVED 0: not known), FLAGS the bits of enum ph_flag,
 * UIDL "=" and the UIDL, "-" for none. A pure parser.
 */
#ifndef PH_TASK_IMPORT_WIRE_H
#define PH_TASK_IMPORT_WIRE_H

#include "task/source.h"

enum { PH_IMPORT_LINE_MAX = 4096 };

struct ph_import_record {
    uint8_t key[PH_IMPORT_KEY_BYTES];
    uint8_t digest[PH_DIGEST_BYTES];
    uint64_t octets;
    uint64_t uid;
    int64_t internal_date_ms;
    int64_t save_date_ms;
    struct ph_message_kept kept; /* views of the line */
};

/* The line of MESSAGE with its LF; OCTETS is what will follow. */
void ph_import_record_put(struct ph_buf *out, const struct ph_source_message *message, uint64_t octets);
/* LINE without its LF. PH_EINVALID. */
int ph_import_record_parse(struct ph_bytes line, struct ph_import_record *out_record,
                           struct ph_error *err) PH_MUST_USE;

#endif

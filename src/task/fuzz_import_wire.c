/* SPDX-License-Identifier: Apache-2.0 */
/* Lines about messages, on any octets: what parses is written again as the same line. */
#include <stdlib.h>

#include "task/import_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_import_record first;
    struct ph_import_record second;
    if (ph_import_record_parse((struct ph_bytes){data, size}, &first, NULL) != PH_OK) {
        return 0;
    }
    struct ph_source_message message = {
        .kept = first.kept,
        .uid = first.uid,
        .internal_date_ms = first.internal_date_ms,
        .save_date_ms = first.save_date_ms,
    };
    memcpy(message.key, first.key, sizeof message.key);
    memcpy(message.digest, first.digest, sizeof message.digest);
    struct ph_buf line = PH_BUF(SIZE_MAX);
    ph_import_record_put(&line, &message, first.octets);
    if (ph_import_record_parse(ph_bytes_first(ph_buf_view(&line), line.len - 1), &second, NULL) != PH_OK ||
        memcmp(first.key, second.key, sizeof first.key) != 0 || first.octets != second.octets ||
        first.uid != second.uid || first.internal_date_ms != second.internal_date_ms ||
        first.kept.flags != second.kept.flags || !ph_bytes_eq(first.kept.uidl, second.kept.uidl) ||
        !ph_bytes_eq(first.kept.keywords, second.kept.keywords)) {
        abort();
    }
    ph_buf_fini(&line);
    return 0;
}

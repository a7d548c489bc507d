/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/s3_answer.h"

#include <stdio.h>

void ph_s3_error_text(struct ph_bytes xml, char *out, size_t out_len)
{
    static const char *const tags[] = {"Code", "Message"};
    size_t len = 0;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        char open[16];
        size_t open_len = (size_t)snprintf(open, sizeof open, "<%s>", tags[i]);
        const uint8_t *at = xml.len == 0 ? NULL : memmem(xml.ptr, xml.len, open, open_len);
        if (at == NULL) {
            continue;
        }
        struct ph_bytes text = ph_bytes_from(xml, (size_t)(at - xml.ptr) + open_len);
        if (len > 0 && len + 3 < out_len) {
            out[len++] = ':';
            out[len++] = ' ';
        }
        for (size_t k = 0; k < text.len && text.ptr[k] != '<' && len + 1 < out_len; k++) {
            out[len++] = text.ptr[k] >= ' ' && text.ptr[k] <= '~' ? (char)text.ptr[k] : '?';
        }
    }
    out[len] = '\0';
}

bool ph_s3_content_range(struct ph_bytes value, uint64_t *out_size)
{
    value = ph_bytes_trim(value);
    size_t slash = ph_bytes_find(value, '/');
    return ph_bytes_istarts(value, PH_BYTES("bytes ")) && slash < value.len &&
           ph_bytes_to_u64(ph_bytes_from(value, slash + 1), out_size);
}

bool ph_s3_is_bucket_missing(const char *text)
{
    static const char code[] = "NoSuchBucket";
    return strncmp(text, code, sizeof code - 1) == 0 &&
           (text[sizeof code - 1] == '\0' || text[sizeof code - 1] == ':');
}

int ph_s3_status_class(long status, const char *text, bool *out_is_passing)
{
    *out_is_passing = status == 408 || status == 429 || (status >= 500 && status != 507 && status != 501);
    if (status == 404) {
        /* An object that is not there is not a bucket that is not there. */
        return ph_s3_is_bucket_missing(text) ? PH_EDENIED : PH_ENOTFOUND;
    }
    if (status == 401 || status == 403) {
        return PH_EDENIED;
    }
    return status == 507 ? PH_ELIMIT : PH_EUNAVAILABLE;
}

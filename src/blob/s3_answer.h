/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an S3 service answers: pure functions over its octets.
 */
#ifndef PH_BLOB_S3_ANSWER_H
#define PH_BLOB_S3_ANSWER_H

#include "base/bytes.h"
#include "base/error.h"

/* The code and the message of an error's XML, "Code: Message", for an operator: printable ASCII, cut to OUT_LEN with its
 * NUL, empty where the XML has neither. */
void ph_s3_error_text(struct ph_bytes xml, char *out, size_t out_len);
/* The size of the object in "bytes 0-9/1234"; false where it is not that. */
bool ph_s3_content_range(struct ph_bytes value, uint64_t *out_size);
/* Whether that text says that there is no such bucket. */
bool ph_s3_is_bucket_missing(const char *text);
/* The class of a status that is not 2xx, with what ph_s3_error_text made of the answer. *OUT_IS_PASSING: the same request
 * may succeed a little later. */
int ph_s3_status_class(long status, const char *text, bool *out_is_passing);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/structure.h"

static const struct ph_part *nth_child(const struct ph_part *part, uint32_t number)
{
    const struct ph_part *child = number == 0 ? NULL : part->children;
    for (uint32_t i = 1; i < number && child != NULL; i++) {
        child = child->next;
    }
    return child;
}

/* Numbers go by the message they are in (RFC 9051 section 6.4.5.1): a multipart's children, or 1 for the message's only
 * part. Inside a message/rfc822 the count begins anew. */
const struct ph_part *ph_part_find(const struct ph_part *root, const uint32_t *numbers, unsigned count)
{
    const struct ph_part *part = root;
    bool is_message = true; /* PART is a message's root: its number was not given */
    for (unsigned i = 0; i < count && part != NULL; i++) {
        if (part->kind == PH_PART_MESSAGE && !is_message) {
            part = part->children;
            is_message = true;
        }
        if (part == NULL) {
            return NULL;
        }
        if (part->kind == PH_PART_MULTIPART) {
            part = nth_child(part, numbers[i]);
        } else if (!is_message || numbers[i] != 1) {
            return NULL;
        }
        is_message = false;
    }
    return part;
}

bool ph_part_is(const struct ph_part *part, struct ph_bytes type, struct ph_bytes subtype)
{
    return ph_bytes_ieq(part->type, type) && ph_bytes_ieq(part->subtype, subtype);
}

bool ph_mime_param_get(const struct ph_mime_params *params, struct ph_bytes name, struct ph_bytes *out_value)
{
    for (unsigned i = 0; i < params->count; i++) {
        if (ph_bytes_ieq(params->list[i].name, name)) {
            *out_value = params->list[i].value;
            return true;
        }
    }
    return false;
}

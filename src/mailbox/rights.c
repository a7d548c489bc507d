/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/rights.h"

static const char *const words[] = {
    [PH_RIGHT_LOOKUP] = "see",
    [PH_RIGHT_READ] = "read",
    [PH_RIGHT_INSERT] = "add to",
    [PH_RIGHT_EXPUNGE] = "delete from",
    [PH_RIGHT_FLAGS] = "flag messages in",
    [PH_RIGHT_ADMINISTER] = "change",
};

int ph_rights_check(const struct ph_access *access, struct ph_bytes owner, enum ph_right right,
                    struct ph_error *err)
{
    if (access->is_administrator || (access->user.len > 0 && ph_bytes_eq(access->user, owner))) {
        return PH_OK;
    }
    return ph_fail(err, PH_EDENIED, "%.*s may not %s mailboxes of %.*s", (int)access->user.len,
                   (const char *)access->user.ptr, words[right], (int)owner.len, (const char *)owner.ptr);
}

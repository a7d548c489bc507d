/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listed are the fields that mail programs ask for when they show a mailbox: Thunderbird, Apple Mail, mutt and neomutt, Roundcube,
 * K-9, Evolution, mbsync. Which they are belongs to the stored format: whoever changes the list gives `envelope` a new version (summary.c).
 */
#include "mime/field_names.h"

enum { L = PH_FIELD_LISTED, E = PH_FIELD_ENVELOPE | PH_FIELD_LISTED, M = PH_FIELD_MIME, LENGTH_MAX = 31 };

/* Sorted by length. */
static const struct ph_field_name names[] = {
    {"To", PH_FIELD_OTHER, E},
    {"Cc", PH_FIELD_OTHER, E},
    {"Bcc", PH_FIELD_OTHER, E},
    {"From", PH_FIELD_OTHER, E},
    {"Date", PH_FIELD_OTHER, E},
    {"Lines", PH_FIELD_OTHER, L},
    {"Sender", PH_FIELD_OTHER, E},
    {"X-TUID", PH_FIELD_OTHER, L},
    {"Subject", PH_FIELD_OTHER, E},
    {"List-Id", PH_FIELD_OTHER, L},
    {"X-Label", PH_FIELD_OTHER, L},
    {"Reply-To", PH_FIELD_OTHER, E},
    {"Priority", PH_FIELD_OTHER, L},
    {"List-Post", PH_FIELD_OTHER, L},
    {"List-Help", PH_FIELD_OTHER, L},
    {"Message-ID", PH_FIELD_OTHER, E},
    {"References", PH_FIELD_OTHER, L},
    {"X-Priority", PH_FIELD_OTHER, L},
    {"Importance", PH_FIELD_OTHER, L},
    {"Precedence", PH_FIELD_OTHER, L},
    {"Newsgroups", PH_FIELD_OTHER, L},
    {"List-Owner", PH_FIELD_OTHER, L},
    {"Content-ID", PH_FIELD_CONTENT_ID, M},
    {"In-Reply-To", PH_FIELD_OTHER, E},
    {"Content-MD5", PH_FIELD_CONTENT_MD5, M},
    {"Content-Type", PH_FIELD_CONTENT_TYPE, L | M},
    {"MIME-Version", PH_FIELD_OTHER, L},
    {"List-Archive", PH_FIELD_OTHER, L},
    {"X-Draft-Info", PH_FIELD_OTHER, L},
    {"X-Original-To", PH_FIELD_OTHER, L},
    {"Mail-Reply-To", PH_FIELD_OTHER, L},
    {"Auto-Submitted", PH_FIELD_OTHER, L},
    {"List-Subscribe", PH_FIELD_OTHER, L},
    {"List-Unsubscribe", PH_FIELD_OTHER, L},
    {"Content-Language", PH_FIELD_CONTENT_LANGUAGE, M},
    {"Content-Location", PH_FIELD_CONTENT_LOCATION, M},
    {"Mail-Followup-To", PH_FIELD_OTHER, L},
    {"X-MSMail-Priority", PH_FIELD_OTHER, L},
    {"X-K9mail-Identity", PH_FIELD_OTHER, L},
    {"Resent-Message-ID", PH_FIELD_OTHER, L},
    {"Content-Description", PH_FIELD_CONTENT_DESCRIPTION, L | M},
    {"Content-Disposition", PH_FIELD_CONTENT_DISPOSITION, M},
    {"List-Unsubscribe-Post", PH_FIELD_OTHER, L},
    {"X-Apple-Auto-Saved-Draft", PH_FIELD_OTHER, L},
    {"Content-Transfer-Encoding", PH_FIELD_CONTENT_ENCODING, L | M},
    {"X-Uniform-Type-Identifier", PH_FIELD_OTHER, L},
    {"Disposition-Notification-To", PH_FIELD_OTHER, L},
    {"X-Universally-Unique-Identifier", PH_FIELD_OTHER, L},
};

/* Where the names of a length begin. */
static const uint8_t starts[LENGTH_MAX + 2] = {0,  0,  0,  2,  3,  5,  6,  8,  11, 13, 15,
                                               23, 25, 29, 31, 33, 33, 37, 40, 40, 42, 42,
                                               43, 43, 43, 44, 46, 46, 47, 47, 47, 47, 48};

const struct ph_field_name *ph_field_name_find(struct ph_bytes name)
{
    if (name.len > LENGTH_MAX) {
        return NULL;
    }
    for (unsigned i = starts[name.len]; i < starts[name.len + 1]; i++) {
        if (ph_ascii_lower((char)name.ptr[0]) == ph_ascii_lower(names[i].name[0]) &&
            ph_bytes_ieq(ph_bytes_of(names[i].name, name.len), name)) {
            return &names[i];
        }
    }
    return NULL;
}

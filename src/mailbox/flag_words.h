/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a change of flags makes of what a message has. Keywords are words, separated by blanks, in any case.
 */
#ifndef PH_MAILBOX_FLAG_WORDS_H
#define PH_MAILBOX_FLAG_WORDS_H

#include "mailbox/copy.h"
#include "store/message_state.h"

/* Of a message with flags NOW and keywords HAD; PH_FLAG_RECENT stays. Texts are ARENA's, or those that were given. */
void ph_flag_change_find(struct ph_arena *arena, enum ph_flags_how how, unsigned flags,
                         struct ph_bytes keywords, unsigned now, struct ph_bytes had,
                         struct ph_flag_change *out_change);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this document a configuration? Everything that is wrong becomes a problem of the document, not only the first.
 */
#ifndef PH_APP_CONFIG_CHECK_H
#define PH_APP_CONFIG_CHECK_H

#include "app/config_document.h"

void ph_config_check(struct ph_config_document *document);
/* Its part for what several keys must agree on; each is right by itself. */
void ph_config_check_agreement(struct ph_config_document *document);

/* Puts in what the document, which has no problems, leaves out, so that it says everything. */
void ph_config_complete(struct ph_config_document *document);

#endif

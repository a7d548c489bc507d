/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two halves of posthouse-docs; see docs.c.
 */
#ifndef PH_APP_DOCS_H
#define PH_APP_DOCS_H

/* On standard output. */
void ph_docs_bash(void);
void ph_docs_zsh(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line's half of the admin protocol (admin/service.h has it): asks a running server.
 *
 * Threads: one. Blocking: until the server has answered.
 */
#ifndef PH_ADMIN_CLIENT_H
#define PH_ADMIN_CLIENT_H

#include "admin/operations.h"

struct ph_admin_client;

/* PH_ENOTFOUND: nobody listens at PATH, or it ends just now. PH_EDENIED: no permission. PH_EUNAVAILABLE: other trouble. */
int ph_admin_connect(const char *path, struct ph_admin_client **out_client, struct ph_error *err) PH_MUST_USE;
void ph_admin_disconnect(struct ph_admin_client **client);

/* As ph_admin_run. PH_EUNAVAILABLE or PH_EUNKNOWN_OUTCOME: the connection broke before the answer was there. */
int ph_admin_ask(struct ph_admin_client *client, const struct ph_admin_request *request,
                 const struct ph_admin_sink *sink, json_t **out_result, struct ph_error *err) PH_MUST_USE;
/* False: the server ended before it had the whole request, so nothing was done. */
bool ph_admin_was_heard(const struct ph_admin_client *client);

#endif

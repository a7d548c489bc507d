/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin socket: operations of admin/operations.h for the command line, over DATA_DIR/admin.sock.
 *
 * Whoever may open the socket (mode 0600, in a directory of mode 0700) and is root or the server's own user may do
 * everything; others are closed without a word.
 *
 * The protocol. The server speaks first:
 *     {"posthouse":"0.1.0"}
 * A client that sees the connection end before that was not heard. A request is one line and then octets:
 *     {"operation":"user add","arguments":{"user":"a@example.org"},"octets":7}
 *     secret!
 * where octets (0 if left out) is a message for `deliver`, a password for others. The answer is any number of
 *     {"item":{...}}              one row of a list
 *     {"octets":N}                then N octets, of a message
 * and at last one of
 *     {"ok":true,"result":{...}}
 *     {"ok":false,"class":"conflict","text":"..."}
 * Lines end with LF. Another request may follow on the same connection.
 */
#ifndef PH_ADMIN_SERVICE_H
#define PH_ADMIN_SERVICE_H

#include "admin/operations.h"
#include "net/conn.h"

struct ph_admin_context {
    struct ph_admin *admin;
    const char *spool_directory;
    uint64_t request_bytes_max; /* octets behind a line */
};

/* A listener's context is a struct ph_admin_context. */
extern const struct ph_service ph_admin_service;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * courierpop3dsizelist: the UIDLs of Courier's POP3 server.
 *
 *     /2 NEXT UIDVALIDITY            or /3
 *     1699.M1P2.host:2,S 1234 7:1700000000          /3: one more ":0" or ":1" behind, for UTF-8
 *
 * What UIDL says follows from the last word: 7:1700000000 is UID7-1700000000, 7:0 is UID7, and 0:0 is the base name of
 * the file with the octets escaped that are not wanted in one. A pure reader; broken lines are counted.
 */
#ifndef PH_TASK_COURIER_SIZELIST_H
#define PH_TASK_COURIER_SIZELIST_H

#include "base/buf.h"

struct ph_courier_sizelist {
    struct ph_bytes rest;
    size_t broken;
};

struct ph_courier_entry {
    struct ph_bytes base;
    char uidl[72]; /* longer ones are of no use in POP3, and empty here */
};

/* PH_EINVALID: the first line is of no version that we know. */
int ph_courier_sizelist_begin(struct ph_courier_sizelist *list, struct ph_bytes text,
                              struct ph_error *err) PH_MUST_USE;
bool ph_courier_sizelist_next(struct ph_courier_sizelist *list, struct ph_courier_entry *out_entry);

#endif

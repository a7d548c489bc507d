/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be known of large content before any of it is sent. To read all of it first would cost as much again as to
 * send it. But that its segment reaches to its end is one look at the file; and in what somebody met damage before, all
 * of it is read before it is said to be good, so that a client which comes again is told, instead of losing its
 * connection in the midst of the same message each time.
 *
 * The latest that were met are remembered, in memory.
 */
#include "blob/record.h"
#include "blob/segment_store-private.h"

void ph_segment_suspect(struct ph_segment_store *store, const struct ph_uuid *id)
{
    struct ph_segment_suspects *suspects = &store->suspects;
    pthread_mutex_lock(&store->lock);
    suspects->ids[suspects->met % PH_SEGMENT_SUSPECTS] = *id;
    suspects->met++;
    pthread_mutex_unlock(&store->lock);
}

static bool is_suspect(struct ph_segment_store *store, const struct ph_uuid *id)
{
    const struct ph_segment_suspects *suspects = &store->suspects;
    bool is_found = false;
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < PH_SEGMENT_SUSPECTS && i < suspects->met; i++) {
        is_found = is_found || ph_uuid_eq(&suspects->ids[i], id);
    }
    pthread_mutex_unlock(&store->lock);
    return is_found;
}

int ph_segment_look_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, struct ph_error *err)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    if (reader->size <= PH_FRAME_BYTES) {
        return PH_OK; /* is checked as a whole when it is read */
    }
    struct ph_segment_look seen;
    int result =
        ph_segment_store_verify(base, &reader->id.uuid, is_suspect(store, &reader->id.uuid), &seen, err);
    return result == PH_ECORRUPT && seen.is_away ? ph_fail(err, PH_EUNAVAILABLE, "%s", err->text) : result;
}

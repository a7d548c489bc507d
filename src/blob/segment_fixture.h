/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the segment store: a store with messages whose content a test can make again from their seed.
 */
#ifndef PH_BLOB_SEGMENT_FIXTURE_H
#define PH_BLOB_SEGMENT_FIXTURE_H

#include <stdatomic.h>

#include "blob/segment_rows.h"
#include "blob/segment_store.h"
#include "db/test_store.h"

/* What the file operations of a fixture do instead of their work. */
struct ph_test_faults {
    atomic_int writes_left;  /* then writes fail with write_errno; negative: never */
    atomic_int syncs_left;   /* then syncs fail with EIO; negative: never */
    atomic_int write_errno;  /* ENOSPC by default */
    atomic_int write_most;   /* octets of one call; 0: all */
    atomic_int calls_to_end; /* writes and syncs until the process ends at once; negative: never */
    atomic_int syncs;        /* counted */
};

struct ph_test_message {
    struct ph_uuid id;
    struct ph_blob_id header_blob;
    struct ph_blob_id body_blob;
    uint64_t seed;
    size_t header_len;
    size_t body_len;
    bool is_deleted;
};

struct ph_test_segments {
    struct ph_test_store store;
    struct ph_test_faults faults;
    struct ph_file_ops ops;
    struct ph_segment_options options; /* may be changed before a reopen */
    char directory[96];
    char spool_directory[96];
    struct ph_blob_store *blobs;
    struct ph_uuid mailbox;
    struct ph_test_message *messages;
    size_t message_count;
};

/* Segments of SEGMENT_BYTES. These end the test where they fail. */
void ph_test_segments_init(struct ph_test_segments *s, uint64_t segment_bytes);
void ph_test_segments_fini(struct ph_test_segments *s);
void ph_test_segments_close(struct ph_test_segments *s);
void ph_test_segments_open(struct ph_test_segments *s);
static inline void ph_test_segments_reopen(struct ph_test_segments *s)
{
    ph_test_segments_close(s);
    ph_test_segments_open(s);
}

/* Content that SEED gives: text that compresses, or noise where SEED is odd. */
void ph_test_content(uint64_t seed, uint8_t *out, size_t len);

/* A message as a delivery stores it. The result of the plan or of the put. */
int ph_test_deliver(struct ph_test_segments *s, uint64_t seed, size_t header_len, size_t body_len,
                    struct ph_error *err) PH_MUST_USE;
/* As ph_test_deliver, with varied lengths; must succeed. */
void ph_test_deliver_some(struct ph_test_segments *s, size_t count, size_t body_max);
int ph_test_delete(struct ph_test_segments *s, struct ph_test_message *message,
                   struct ph_error *err) PH_MUST_USE;

/* Reads the blob in steps of STEP and compares it. PH_ECORRUPT where it differs, else as reading fails. */
int ph_test_compare(struct ph_blob_store *blobs, const struct ph_blob_id *id, uint64_t seed, size_t len,
                    size_t step, struct ph_error *err) PH_MUST_USE;
/* Header and body of MESSAGE. */
int ph_test_check(struct ph_test_segments *s, const struct ph_test_message *message,
                  struct ph_error *err) PH_MUST_USE;
/* Every message that is not deleted is octet-exact; every deleted one has no content. */
void ph_test_check_all(struct ph_test_segments *s);
bool ph_test_has_message_row(struct ph_test_segments *s, const struct ph_uuid *id);

struct ph_segment_stats ph_test_stats(struct ph_test_segments *s);
/* What the triggers keep is what the rows say. */
void ph_test_check_live(struct ph_test_segments *s);
void ph_test_segment_path(const struct ph_test_segments *s, uint32_t number, char out[128]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Cassandra driver, as the rest of the program sees it: a small C interface over the `scylla` crate. Behind it is
 * Rust (lib.rs); nothing else of the program knows that. It knows datacenters, tokens, pools, TLS and retries; it
 * knows no table.
 *
 * Values cross as the octets of Cassandra's native protocol (big-endian integers, sixteen octets for a uuid), so the
 * types are the caller's business. Every length is in octets.
 *
 * Threads: any, at once. Completions are called on threads of the driver: they must be short and must not block (to
 * start further requests is fine). Whatever is passed in is copied before a function returns, but for contexts.
 *
 * Source: CQL binary protocol v4, section 6 (data types) and section 9 (error codes).
 */
#ifndef PH_DB_CASSANDRA_DRIVER_DRIVER_H
#define PH_DB_CASSANDRA_DRIVER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ph_cql_session;
struct ph_cql_statement;
struct ph_cql_result;

/* ---- Connecting ---- */

struct ph_cql_options {
    const char *const *contact_points; /* "host:port" or "host"; at least one must answer */
    size_t contact_point_count;
    uint16_t port;                /* for contact points without one; 0: 9042 */
    const char *local_datacenter; /* requests go to nodes of this one alone */
    const char *username;         /* NULL: no login */
    const char *password;
    const char *tls_ca_file;          /* PEM; NULL: no TLS */
    const char *tls_certificate_file; /* PEM, ours, with the key; NULL: none is shown */
    const char *tls_key_file;
    bool tls_verify_host;          /* the certificate must name the host, not only be signed by the CA */
    unsigned request_timeout_ms;   /* for a request with its retries; the answer is then PH_CQL_TIMEOUT */
    unsigned connect_timeout_ms;   /* for one connection */
    unsigned connections_per_node; /* 0: the driver's default */
    unsigned threads;              /* of the driver; 0: 1, which costs the least CPU */
};

enum { PH_CQL_ERROR_MAX = 256 };

enum ph_cql_status {
    PH_CQL_OK,
    PH_CQL_UNAVAILABLE, /* not enough replicas, or no node can be reached: nothing was changed */
    PH_CQL_OVERLOADED,  /* the node refused for load, or too much waits here: nothing was changed */
    PH_CQL_TIMEOUT,     /* of a read: no answer in time. Of a write: the outcome is unknown */
    PH_CQL_INVALID,     /* the request is wrong: syntax, types, no such table */
    PH_CQL_DENIED,      /* the login, or a permission */
    PH_CQL_FAILED,      /* anything else; of a write the outcome is unknown */
};

/* Blocks until one node of the local datacenter answers, or gives up: *OUT_SESSION is then NULL and ERROR says why.
 * A session reconnects by itself for as long as it lives, to nodes that come back and to nodes that are new. */
enum ph_cql_status ph_cql_connect(const struct ph_cql_options *options, struct ph_cql_session **out_session,
                                  char error[PH_CQL_ERROR_MAX]);
/* No new requests; waits for those under way (their completions are called), then frees. */
void ph_cql_close(struct ph_cql_session *session);

/* ---- Statements ---- */

enum ph_cql_consistency {
    PH_CQL_ONE,
    PH_CQL_LOCAL_ONE,
    PH_CQL_QUORUM,
    PH_CQL_LOCAL_QUORUM,
    PH_CQL_EACH_QUORUM,
    PH_CQL_ALL,
    PH_CQL_SERIAL, /* only for reads, or as the serial consistency */
    PH_CQL_LOCAL_SERIAL,
};

struct ph_cql_settings {
    enum ph_cql_consistency consistency;
    enum ph_cql_consistency
        serial_consistency; /* SERIAL or LOCAL_SERIAL; used by conditional statements alone */
    bool is_idempotent;     /* retried on another node after a timeout or a lost connection */
    unsigned page_rows;     /* of a read; 0: 5,000 */
    unsigned timeout_ms;    /* 0: the session's */
};

/* Blocks. The statement belongs to the session, is prepared again by itself where a node has forgotten it, and is
 * freed before the session is closed. */
enum ph_cql_status ph_cql_prepare(struct ph_cql_session *session, const char *text,
                                  const struct ph_cql_settings *settings,
                                  struct ph_cql_statement **out_statement, char error[PH_CQL_ERROR_MAX]);
void ph_cql_statement_free(struct ph_cql_statement *statement);

/* The type codes of the protocol (section 4.2.5.2), those that are used. PH_CQL_TYPE_OTHER: any other. */
enum ph_cql_type {
    PH_CQL_TYPE_OTHER = 0,
    PH_CQL_TYPE_ASCII = 0x01,
    PH_CQL_TYPE_BIGINT = 0x02,
    PH_CQL_TYPE_BLOB = 0x03,
    PH_CQL_TYPE_BOOLEAN = 0x04,
    PH_CQL_TYPE_COUNTER = 0x05,
    PH_CQL_TYPE_INT = 0x09,
    PH_CQL_TYPE_TIMESTAMP = 0x0B,
    PH_CQL_TYPE_UUID = 0x0C,
    PH_CQL_TYPE_TEXT = 0x0D,
    PH_CQL_TYPE_TIMEUUID = 0x0F,
    PH_CQL_TYPE_LIST = 0x20,
    PH_CQL_TYPE_MAP = 0x21,
    PH_CQL_TYPE_SET = 0x22,
};
size_t ph_cql_param_count(const struct ph_cql_statement *statement);
enum ph_cql_type ph_cql_param_type(const struct ph_cql_statement *statement, size_t param);
size_t ph_cql_column_count(const struct ph_cql_statement *statement);
enum ph_cql_type ph_cql_column_type(const struct ph_cql_statement *statement, size_t column);

/* ---- Running ---- */

enum { PH_CQL_NULL = -1, PH_CQL_UNSET = -2 };
struct ph_cql_value {
    const uint8_t *ptr;
    int32_t len; /* or PH_CQL_NULL, or PH_CQL_UNSET (a column that is not touched) */
};

/* RESULT is the callee's, to be freed; never NULL. */
typedef void (*ph_cql_completion)(void *ctx, struct ph_cql_result *result);

/* PAGING: as ph_cql_result_paging gave it, empty for the first page. */
void ph_cql_execute(struct ph_cql_session *session, const struct ph_cql_statement *statement,
                    const struct ph_cql_value *values, size_t value_count, const uint8_t *paging,
                    size_t paging_len, ph_cql_completion done, void *ctx);

/* An unlogged batch, which is atomic where all of it is of one partition. VALUES holds those of all statements, one
 * behind the other. */
void ph_cql_execute_batch(struct ph_cql_session *session, const struct ph_cql_statement *const *statements,
                          size_t statement_count, const struct ph_cql_value *values, size_t value_count,
                          const struct ph_cql_settings *settings, ph_cql_completion done, void *ctx);

/* Text that is not prepared, without values: definitions of tables. Blocks; schema changes wait until all nodes agree. */
enum ph_cql_status ph_cql_run(struct ph_cql_session *session, const char *text,
                              struct ph_cql_result **out_result, char error[PH_CQL_ERROR_MAX]);

/* ---- Results ---- */

void ph_cql_result_free(struct ph_cql_result *result);
enum ph_cql_status ph_cql_result_status(const struct ph_cql_result *result);
/* Empty for PH_CQL_OK. Lives as long as the result. */
const char *ph_cql_result_error(const struct ph_cql_result *result);
/* Of a timeout: whether it was one of consensus (SERIAL or CAS). */
bool ph_cql_result_is_serial_timeout(const struct ph_cql_result *result);
size_t ph_cql_result_row_count(const struct ph_cql_result *result);
size_t ph_cql_result_column_count(const struct ph_cql_result *result);
/* The name of a column, with its NUL: for results of ph_cql_run, and for "[applied]". */
const char *ph_cql_result_column_name(const struct ph_cql_result *result, size_t column);
/* False for null. The octets live as long as the result. */
bool ph_cql_result_cell(const struct ph_cql_result *result, size_t row, size_t column,
                        const uint8_t **out_ptr, size_t *out_len);
/* What the next page asks for; false: this was the last. */
bool ph_cql_result_paging(const struct ph_cql_result *result, const uint8_t **out_ptr, size_t *out_len);

/* ---- Figures ---- */

struct ph_cql_metrics {
    uint64_t requests;
    uint64_t errors;
    uint64_t retries;
    uint64_t timeouts;
    uint64_t serial_timeouts;
    uint64_t connections;
    uint64_t under_way; /* requests without an answer yet */
};
void ph_cql_session_metrics(const struct ph_cql_session *session, struct ph_cql_metrics *out_metrics);

struct ph_cql_node {
    char address[64];
    char datacenter[64];
    bool is_up;
    uint64_t requests;
    uint64_t errors;
    uint64_t total_us; /* of requests that were answered */
};
/* Those known now, up to MAX; how many there are. */
size_t ph_cql_nodes(const struct ph_cql_session *session, struct ph_cql_node *out_nodes, size_t max);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: `posthouse [OPTION]... COMMAND [OPTION]... [ARGUMENT]...`.
 *
 * One table has every command with its arguments, options and help. It is read by the parser, by --help, and by
 * those who write the man page and the shell completions. An option may stand before or behind the command.
 *
 * Exit codes are those of sysexits.h: 0 done; 64 wrong usage; 65 wrong input; 67 no such user (or other name); 69 a
 * needed part does not work; 70 our bug; 73 exists already; 75 try again later; 77 not allowed; 78 configuration.
 */
#ifndef PH_APP_CLI_H
#define PH_APP_CLI_H

#include <stdio.h>

#include "base/bytes.h"
#include "base/error.h"

/* X(NAME, "--long", 'short', "VALUE" or NULL, "what it does") */
#define PH_CLI_OPTIONS(X)                                                                                 \
    X(CONFIG, "--config", 'c', "FILE", "the configuration; default /etc/posthouse/posthouse.yaml")        \
    X(SET, "--set", 's', "KEY=VALUE", "a key of the configuration, over what the file says")              \
    X(JSON, "--json", 'j', NULL, "JSON on standard output, for programs")                                 \
    X(HELP, "--help", 'h', NULL, "this help")                                                             \
    X(PASSWORD_STDIN, "--password-stdin", 0, NULL, "the password is the first line of standard input")    \
    X(TYPE, "--type", 't', "TYPE", "alias (default), group or forward")                                   \
    X(MAILBOX, "--mailbox", 'm', "NAME", "the mailbox; default INBOX")                                    \
    X(SENDER, "--sender", 'f', "SENDER", "the envelope sender; default: you at this host; \"\" for none") \
    X(YES, "--yes", 'y', NULL, "do not ask")                                                              \
    X(FORMAT, "--format", 0, "FORMAT", "mbox, maildir, or (import) eml")                                  \
    X(UIDL_FORMAT, "--uidl-format", 0, "TEXT",                                                            \
      "how UIDLs were made, as Dovecot's pop3_uidl_format says; or none")                                 \
    X(MAP, "--map", 0, "FILE", "many accounts: lines of user and path")                                   \
    X(VERIFY, "--verify", 0, NULL, "read what is there and compare it with its digests")                  \
    X(DRY_RUN, "--dry-run", 'n', NULL, "write nothing; say what would be done")                           \
    X(RATE, "--rate", 0, "ROWS", "rows a second; default 500, 0 for no limit")                            \
    X(AGE, "--age", 0, "HOURS", "leave alone what is younger; default 24")                                \
    X(ANEW, "--anew", 0, NULL, "from the start, not from where it was interrupted")                       \
    X(FULL, "--full", 0, NULL, "read all content, not only where it begins")                              \
    X(REPAIR, "--repair", 0, NULL, "repair what follows from something that is still right")              \
    X(INCREMENTAL, "--incremental", 0, NULL, "another generation, beside those that are there")           \
    X(GENERATION, "--generation", 0, "NAME", "the backup of that name; default: the newest, or all")      \
    X(TO, "--to", 0, "DATA_DIR", "the data directory; default: that of the configuration")                \
    X(HOSTNAME, "--hostname", 0, "NAME", "the host's name in the DNS")                                    \
    X(DOMAIN, "--domain", 0, "DOMAIN", "a domain to take mail for")                                       \
    X(USER, "--user", 0, "USER", "the first user of that domain")                                         \
    X(PORTS, "--ports", 0, "PORTS",                                                                       \
      "NAME=PORT,... of smtp, submission, submissions, pop3, pop3s, imap, imaps; or none")                \
    X(ADDRESS, "--address", 0, "IPS", "addresses to listen on; default all")                              \
    X(CERTIFICATE, "--certificate", 0, "FILE", "a certificate that there is, in PEM")                     \
    X(KEY, "--key", 0, "FILE", "its key, in PEM")                                                         \
    X(DATA_DIR, "--data-dir", 0, "DIRECTORY", "where mail is kept; default /var/lib/posthouse")           \
    X(REPLICATION, "--replication", 0, "DCS", "copies in each datacenter of Cassandra, as dc1=3,dc2=3")   \
    X(PROFILE, "--profile", 0, "PROFILE", "lwt or lwt-free, instead of what the configuration says")      \
    X(FORCE, "--force", 0, NULL, "replace a configuration that exists; it is kept as FILE.old")

enum ph_cli_option {
#define PH_CLI_OPTION_ENUM(name, text, letter, value, doc) PH_CLI_##name,
    PH_CLI_OPTIONS(PH_CLI_OPTION_ENUM)
#undef PH_CLI_OPTION_ENUM
        PH_CLI_OPTION_COUNT
};

struct ph_cli_option_info {
    const char *name;
    char letter;
    const char *value;
    const char *doc;
};
extern const struct ph_cli_option_info ph_cli_option_infos[PH_CLI_OPTION_COUNT];

/* Those that every command takes. */
#define PH_CLI_COMMON (1U << PH_CLI_CONFIG | 1U << PH_CLI_SET | 1U << PH_CLI_JSON | 1U << PH_CLI_HELP)

/* What a command wants besides its arguments. */
enum ph_cli_content {
    PH_CLI_CONTENT_NONE,
    PH_CLI_CONTENT_NEW_PASSWORD, /* asked twice on a terminal */
    PH_CLI_CONTENT_PASSWORD,
    PH_CLI_CONTENT_MESSAGE, /* standard input */
};

/* What it prints. */
enum ph_cli_output {
    PH_CLI_OUTPUT_NONE, /* nothing but trouble */
    PH_CLI_OUTPUT_LIST,
    PH_CLI_OUTPUT_OCTETS,
    PH_CLI_OUTPUT_STATUS,
    PH_CLI_OUTPUT_RESULT,   /* what was done, a line for each figure */
    PH_CLI_OUTPUT_FINDINGS, /* a list of what is wrong: exit code 65 where something of it stays */
};

/* Who does it. */
enum ph_cli_kind {
    PH_CLI_KIND_OPERATION, /* an operation of the same name (admin/operations.h); its arguments are keyed by the
                              words of the command in lower case */
    PH_CLI_KIND_IMPORT,
    PH_CLI_KIND_EXPORT,
    PH_CLI_KIND_SERVE,
    PH_CLI_KIND_CHECK_CONFIG,
    PH_CLI_KIND_INIT,
    PH_CLI_KIND_VERSION,
    PH_CLI_KIND_BACKUP,
    PH_CLI_KIND_RESTORE,
    PH_CLI_KIND_SCHEMA,
    PH_CLI_KIND_COUNT
};

struct ph_cli_command {
    const char *name;      /* "user add" */
    const char *arguments; /* "USER", "USER [NAME]", "USER ID..." */
    uint64_t options;      /* 1 << enum ph_cli_option, without the common ones */
    enum ph_cli_content content;
    enum ph_cli_output output;
    enum ph_cli_kind kind;
    const char *columns; /* of a list: keys of its items, separated by blanks */
    const char *warning; /* asked before it is done, unless --yes; NULL: nothing is lost by it */
    const char *summary;
    const char *text; /* more for the man page; NULL: nothing */
};

extern const struct ph_cli_command ph_cli_commands[];
extern const size_t ph_cli_command_count;

enum { PH_CLI_WORDS_MAX = 4096, PH_CLI_OVERRIDES_MAX = 64 };

struct ph_cli_call {
    const struct ph_cli_command *command;
    const char *words[PH_CLI_WORDS_MAX]; /* its arguments */
    size_t word_count;
    uint64_t options;                        /* 1 << each that was given */
    const char *values[PH_CLI_OPTION_COUNT]; /* the last given, NULL without */
    const char *overrides[PH_CLI_OVERRIDES_MAX];
    size_t override_count;
};

static inline bool ph_cli_has(const struct ph_cli_call *call, enum ph_cli_option option)
{
    return (call->options & UINT64_C(1) << option) != 0;
}

/* The next of a command's argument words, off *REST: "USER", "[NAME]", "ID...". Empty at the end. */
struct ph_bytes ph_cli_next_argument(struct ph_bytes *rest, bool *out_is_optional, bool *out_is_repeated);

/* Fills OUT_CALL, which borrows from ARGV. PH_EINVALID: wrong usage, which ERR explains. With --help, and where only
 * the first word of a command is given with it, command may be NULL. */
int ph_cli_parse(int argc, char **argv, struct ph_cli_call *out_call, struct ph_error *err) PH_MUST_USE;
/* Help for COMMAND, for the commands that begin with GROUP, or for all. */
void ph_cli_help(FILE *out, const struct ph_cli_command *command, const char *group);

/* The exit code for an error class. */
int ph_cli_exit_code(int class);
/* Says on standard error what failed (as JSON where that was asked for) and returns the exit code. */
int ph_cli_report(const struct ph_cli_call *call, const struct ph_error *err);

/* Where the configuration is: --config, else the default. */
const char *ph_cli_config_path(const struct ph_cli_call *call);

/* One for each kind of command; the result is an exit code. */
int ph_cli_operation(const struct ph_cli_call *call);
int ph_cli_import(const struct ph_cli_call *call);
int ph_cli_export(const struct ph_cli_call *call);
int ph_cli_serve(const struct ph_cli_call *call);
int ph_cli_check_config(const struct ph_cli_call *call);
int ph_cli_init(const struct ph_cli_call *call);
int ph_cli_version(const struct ph_cli_call *call);
int ph_cli_backup(const struct ph_cli_call *call);
int ph_cli_restore(const struct ph_cli_call *call);
int ph_cli_schema(const struct ph_cli_call *call);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"

const struct ph_cli_option_info ph_cli_option_infos[PH_CLI_OPTION_COUNT] = {
#define OPTION_INFO(name, text, letter, value, doc) [PH_CLI_##name] = {text, letter, value, doc},
    PH_CLI_OPTIONS(OPTION_INFO)
#undef OPTION_INFO
};

#define OPTION(name) (UINT64_C(1) << PH_CLI_##name)

const struct ph_cli_command ph_cli_commands[] = {
    {
        .name = "serve",
        .arguments = "",
        .kind = PH_CLI_KIND_SERVE,
        .summary = "Run the server, in the foreground, until SIGTERM or SIGINT.",
        .text =
            "It logs to standard error, one line an event. SIGHUP reads the configuration and the certificates "
            "again. Under systemd it says when it is ready, and answers the watchdog as long as its store answers.",
    },
    {
        .name = "check-config",
        .arguments = "",
        .kind = PH_CLI_KIND_CHECK_CONFIG,
        .summary = "Check the configuration and print what is wrong in it, with file and line.",
        .text = "Certificates and keys are read too. With --json it prints every key with its value.",
    },
    {
        .name = "init",
        .arguments = "",
        .options = OPTION(HOSTNAME) | OPTION(DOMAIN) | OPTION(USER) | OPTION(PASSWORD_STDIN) | OPTION(PORTS) |
                   OPTION(ADDRESS) | OPTION(CERTIFICATE) | OPTION(KEY) | OPTION(DATA_DIR) | OPTION(FORCE) |
                   OPTION(YES),
        .kind = PH_CLI_KIND_INIT,
        .summary = "Write a configuration that works, and say what to set in the DNS.",
        .text =
            "On a terminal it asks for what no option says. Without a certificate of an authority it makes a key and "
            "a self-signed certificate in tls/ beside the configuration. The domain and the user are made at once. "
            "Nothing that exists is overwritten: a configuration only with --force, a key never.",
    },
    {
        .name = "domain add",
        .arguments = "DOMAIN",
        .summary = "Accept mail for a domain.",
    },
    {
        .name = "domain remove",
        .arguments = "DOMAIN",
        .summary = "Accept mail for a domain no more. It must have no users.",
    },
    {
        .name = "domain list",
        .arguments = "",
        .output = PH_CLI_OUTPUT_LIST,
        .columns = "domain",
        .summary = "List the domains.",
    },
    {
        .name = "user add",
        .arguments = "USER",
        .options = OPTION(PASSWORD_STDIN),
        .content = PH_CLI_CONTENT_NEW_PASSWORD,
        .summary = "Add a user of a domain that exists.",
        .text =
            "A user's name is a whole address: alice@example.org. The password is asked for, or read from standard "
            "input; it is never an argument, which others on the machine could see.",
    },
    {
        .name = "user remove",
        .arguments = "USER",
        .options = OPTION(YES),
        .warning = "This deletes the user with all mailboxes and mail.",
        .summary = "Remove a user with all mailboxes and mail.",
    },
    {
        .name = "user list",
        .arguments = "[DOMAIN]",
        .output = PH_CLI_OUTPUT_LIST,
        .columns = "user",
        .summary = "List the users, of one domain or of all.",
    },
    {
        .name = "user passwd",
        .arguments = "USER",
        .options = OPTION(PASSWORD_STDIN),
        .content = PH_CLI_CONTENT_NEW_PASSWORD,
        .summary = "Set a user's password.",
        .text = "The old one is refused from then on, also where a server remembers it.",
    },
    {
        .name = "user verify",
        .arguments = "USER",
        .options = OPTION(PASSWORD_STDIN),
        .content = PH_CLI_CONTENT_PASSWORD,
        .summary = "Check a user's password: exit code 0 if it is right, 77 if not.",
    },
    {
        .name = "alias add",
        .arguments = "ADDRESS TARGET",
        .options = OPTION(TYPE),
        .summary = "Send mail for an address to a local address.",
        .text =
            "An alias goes to its target instead. A group goes to all its targets; add each. A forward is what a "
            "user's own mail goes to; to keep a copy, the user is a target too. @example.org as the address takes "
            "what nothing else in that domain takes.",
    },
    {
        .name = "alias remove",
        .arguments = "ADDRESS TARGET",
        .options = OPTION(TYPE),
        .summary = "Remove one target of an address.",
    },
    {
        .name = "alias list",
        .arguments = "[ADDRESS]",
        .output = PH_CLI_OUTPUT_LIST,
        .columns = "address target type",
        .summary = "List the targets, of one address or of all.",
    },
    {
        .name = "mailbox list",
        .arguments = "USER",
        .output = PH_CLI_OUTPUT_LIST,
        .columns = "name messages octets id",
        .summary = "List a user's mailboxes.",
    },
    {
        .name = "mailbox create",
        .arguments = "USER NAME",
        .summary = "Create a mailbox.",
    },
    {
        .name = "mailbox delete",
        .arguments = "USER NAME",
        .options = OPTION(YES),
        .warning = "This deletes the mailbox with all its messages.",
        .summary = "Delete a mailbox with all its messages.",
    },
    {
        .name = "message list",
        .arguments = "USER",
        .options = OPTION(MAILBOX),
        .output = PH_CLI_OUTPUT_LIST,
        .columns = "id octets date",
        .summary = "List the messages of a mailbox, in the order of their arrival.",
    },
    {
        .name = "message show",
        .arguments = "USER ID",
        .options = OPTION(MAILBOX),
        .output = PH_CLI_OUTPUT_OCTETS,
        .summary = "Write a message, as it is stored, to standard output.",
    },
    {
        .name = "message delete",
        .arguments = "USER ID...",
        .options = OPTION(MAILBOX),
        .summary = "Delete messages.",
    },
    {
        .name = "import",
        .arguments = "[USER] [PATH]",
        .options = OPTION(FORMAT) | OPTION(MAILBOX) | OPTION(UIDL_FORMAT) | OPTION(MAP) | OPTION(VERIFY) |
                   OPTION(DRY_RUN),
        .kind = PH_CLI_KIND_IMPORT,
        .summary = "Import a user's mail from an mbox file, a Maildir or a directory of .eml files.",
        .text =
            "Flags, keywords, dates, UIDs and UIDLs are kept, so that POP3 clients fetch nothing again: those of "
            "Dovecot and Courier are read from their files in the Maildir. Run again, it imports what is new or was "
            "missing, and brings back nothing that was deleted since. Exit code 65: some messages were left out, "
            "which it names; the others are in.",
    },
    {
        .name = "export",
        .arguments = "USER PATH",
        .options = OPTION(FORMAT) | OPTION(MAILBOX),
        .kind = PH_CLI_KIND_EXPORT,
        .summary = "Export a user's mail to a new Maildir (default), or to mbox files in a new directory.",
        .text =
            "The Maildir has dovecot-uidlist, with UIDs and UIDLs, and dovecot-keywords, so that Dovecot serves it "
            "as it was. With --mailbox only that mailbox is exported.",
    },
    {
        .name = "deliver",
        .arguments = "RCPT...",
        .options = OPTION(SENDER),
        .content = PH_CLI_CONTENT_MESSAGE,
        .summary = "Deliver the message on standard input to local recipients.",
        .text =
            "Lines may end with LF or CRLF. All recipients get it, or none: exit code 67 names those that do not "
            "exist, and 75 asks to try again later. 0 means on disk, in every mailbox.",
    },
    {
        .name = "check",
        .arguments = "",
        .options = OPTION(FULL) | OPTION(REPAIR),
        .output = PH_CLI_OUTPUT_FINDINGS,
        .columns = "kind state user name message content text",
        .summary = "Check the store, while it serves: exit code 65 if something is wrong.",
        .text =
            "It compares the database with itself and with the content, and says of each thing that is wrong what "
            "and whose it is. With --full it reads all content; without, only where each piece begins. With "
            "--repair it repairs what follows from something that is still right, and exits with 65 only if "
            "something else is left. It never deletes a message: one whose content is damaged stays listed.",
    },
    {
        .name = "fix-pop3-inconsistencies",
        .arguments = "",
        .options = OPTION(DRY_RUN) | OPTION(RATE) | OPTION(ANEW),
        .output = PH_CLI_OUTPUT_FINDINGS,
        .columns = "kind state mailbox message",
        .summary = "On Cassandra: make maildrops list what is there, while they are served.",
        .text =
            "It reads all maildrops and all messages, --rate of them a second, looks again at what seems wrong, and "
            "mends what is wrong then. Interrupted, it goes on where it was; --anew begins at the start. With "
            "--dry-run it only says what it found. Exit code 65 if something is left. The embedded store does not need "
            "it: see check.",
    },
    {
        .name = "denormalize-metadata",
        .arguments = "",
        .options = OPTION(DRY_RUN) | OPTION(RATE) | OPTION(ANEW),
        .output = PH_CLI_OUTPUT_FINDINGS,
        .columns = "kind state mailbox message",
        .summary = "Fill what old rows of messages lack, while mail is served.",
        .text =
            "After an upgrade from a version whose tables had fewer columns: rows are served as they are, but listing "
            "them over IMAP reads their content. It reads all rows, --rate of them a second, and writes only what is "
            "absent. Interrupted, it goes on where it was; --anew begins at the start. With --dry-run it only counts. "
            "Exit code 65 if something is left.",
    },
    {
        .name = "remove-orphaned-content",
        .arguments = "",
        .options = OPTION(DRY_RUN) | OPTION(RATE) | OPTION(AGE) | OPTION(ANEW),
        .output = PH_CLI_OUTPUT_FINDINGS,
        .columns = "kind state blob",
        .summary = "On Cassandra: remove content that no message refers to, while mail is served.",
        .text =
            "It reads what all messages refer to, in every datacenter, then all content, --rate rows of them a second. "
            "What no message refers to and is older than --age is looked for once more among all messages, two minutes later at "
            "the earliest, and then removed. Interrupted, it goes on where it was; --anew begins at the start. With "
            "--dry-run it only says what it found, and exits with 65 if that is anything. In a keyspace that is shared "
            "with James it refuses: only James knows.",
    },
    {
        .name = "backup",
        .arguments = "DIRECTORY",
        .options = OPTION(INCREMENTAL) | OPTION(VERIFY) | OPTION(GENERATION),
        .output = PH_CLI_OUTPUT_RESULT,
        .kind = PH_CLI_KIND_BACKUP,
        .summary = "Copy the store into a directory, while it serves; or verify such copies.",
        .text =
            "All that was acknowledged before is in it. --incremental adds a generation to those that the directory "
            "has: the database, and the segments that are new. The server writes it, so its user must be allowed to. "
            "With --verify every file is read and compared with its digest; exit code 65 if one differs.",
    },
    {
        .name = "restore",
        .arguments = "DIRECTORY",
        .options = OPTION(TO) | OPTION(GENERATION),
        .kind = PH_CLI_KIND_RESTORE,
        .summary = "Put a backup into an empty data directory.",
        .text = "Every file is compared with its digest on the way. What was interrupted can be begun again.",
    },
    {
        .name = "schema create",
        .arguments = "",
        .options = OPTION(REPLICATION) | OPTION(PROFILE),
        .kind = PH_CLI_KIND_SCHEMA,
        .summary = "Make the keyspace in Cassandra, with all its tables.",
        .text =
            "--replication says how many copies each datacenter keeps; it counts only where the keyspace is not there "
            "yet. The keyspace remembers its profile and whether James shares it. What is there already stays.",
    },
    {
        .name = "schema check",
        .arguments = "",
        .options = OPTION(PROFILE),
        .kind = PH_CLI_KIND_SCHEMA,
        .summary = "Compare the store's tables with what is needed: exit code 65 if something is missing.",
        .text = "It prints what is missing, and the statements that would add it.",
    },
    {
        .name = "schema upgrade",
        .arguments = "",
        .options = OPTION(PROFILE),
        .kind = PH_CLI_KIND_SCHEMA,
        .summary = "Add to the store's tables what is missing.",
        .text =
            "In Cassandra while servers run, old and new; in SQLite while none does. With --profile the keyspace takes that profile, if it can: lwt can become "
            "lwt-free, once all servers have stopped.",
    },
    {
        .name = "schema statements",
        .arguments = "",
        .options = OPTION(PROFILE),
        .kind = PH_CLI_KIND_SCHEMA,
        .summary = "Print every statement that is run on Cassandra, with kind, consistency level and use.",
    },
    {
        .name = "status",
        .arguments = "",
        .output = PH_CLI_OUTPUT_STATUS,
        .summary = "Say whether the server runs, and what it has done: exit code 69 if it does not run.",
    },
    {
        .name = "version",
        .arguments = "",
        .kind = PH_CLI_KIND_VERSION,
        .summary = "Print the version.",
    },
};

const size_t ph_cli_command_count = sizeof ph_cli_commands / sizeof ph_cli_commands[0];

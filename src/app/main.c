/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of the binary: reads the command and hands over to its handler.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        printf("posthouse %s\n", PH_VERSION);
        return EX_OK;
    }
    fprintf(stderr, "usage: posthouse version\n");
    return EX_USAGE;
}

# SPDX-License-Identifier: Apache-2.0
"""Many sessions on the same mailboxes, and a model that judges them: imap_model.py. Seconds in the ordinary run;
POSTHOUSE_STRESS_SECONDS makes it longer, POSTHOUSE_STRESS_SEED repeats a run (commands, not their timing)."""

import os
import random
import time

from imap_model import Stress

SECONDS = float(os.environ.get("POSTHOUSE_STRESS_SECONDS", "4"))
SEED = int(os.environ.get("POSTHOUSE_STRESS_SEED", random.randrange(1 << 32)))
ROUNDS = 12  # between two rests


def test_sessions_agree_with_a_model(servers, number):
    server = servers("standard")
    user = f"stress{number}@example.org"
    server.user_add(user, "secret")
    stress = Stress(server.listener_address("imap-plain"), user, "secret", SEED)
    print(f"seed {SEED}")
    try:
        end = time.monotonic() + SECONDS
        while True:
            for _ in range(ROUNDS):
                stress.round()
            stress.settle()
            stress.wander()
            if time.monotonic() > end:
                break
    finally:
        print(f"seed {SEED}, {sum(stress.commands.values())} commands: {dict(stress.commands)}")
        stress.close()
    assert stress.tokens > 0

# SPDX-License-Identifier: Apache-2.0
"""Thunderbird: fetches, leaves on server, fetches only the new, deletes, sends. Each scenario in plain text, with STARTTLS, and
with TLS under a certificate that the profile trusts by its authority. thunderbird.py says how, and runs by hand."""

import pytest

import thunderbird


@pytest.mark.parametrize("tls", thunderbird.SOCKET_TYPES)
@pytest.mark.parametrize("scenario", thunderbird.SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_thunderbird(account, scenario, tls):
    scenario(account, tls)

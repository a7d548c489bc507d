# SPDX-License-Identifier: Apache-2.0
"""Names that the tests of this folder share."""

DATACENTER = "dc1"
DOMAIN = "example.org"


def on_cassandra(node, keyspace, **of_cassandra):
    """Settings of a server whose store is that keyspace."""
    return {
        "store": {"engine": "cassandra"},
        "cassandra": {"contact_points": [f"{node.address}:{node.port}"], "local_datacenter": DATACENTER, "keyspace": keyspace,
                      **of_cassandra},
    }  # fmt: skip

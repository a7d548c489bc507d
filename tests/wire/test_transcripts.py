# SPDX-License-Identifier: Apache-2.0
"""Every transcript below this folder is one test; its folder says which listener it speaks to unless it says so."""

import pathlib

import pytest

from transcript import Runner

HERE = pathlib.Path(__file__).resolve().parent
TRANSCRIPTS = sorted(path.relative_to(HERE) for path in HERE.glob("*/*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: str(path.with_suffix("")))
def test_transcript(servers, number, path):
    Runner(HERE / path, servers, number, default_listener=path.parts[0]).run()

"""Text that no database can hold is recognised, and nothing else."""

from __future__ import annotations

import pytest

from quizserver.web.text_guard import is_storable


@pytest.mark.parametrize("text", ["", "ana@example.org", "密码 🙂", "\x01\x7f", "\ufffd"])
def test_text_that_can_be_kept_passes(text: str):
    assert is_storable(text)


@pytest.mark.parametrize("text", ["\0", "a\0b", "密\0", "\ud800", "a\udfffb"])
def test_nul_and_half_a_surrogate_pair_do_not(text: str):
    assert not is_storable(text)

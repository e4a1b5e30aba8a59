"""Only the right PIN opens a sealed secret, and what was changed in it opens with none."""

import pytest
from msgspec import structs

from backend.terminal.people import sealing
from backend.terminal.people.sealing import seal, unseal


def test_only_the_pin_opens_it() -> None:
    sealed = seal("1234", "secret")
    assert unseal("1234", sealed) == "secret"
    for pin in ("", "123", "12345", "1234 ", "4321", "ñ"):
        assert unseal(pin, sealed) is None


def test_two_seals_of_the_same_have_nothing_in_common() -> None:
    one, two = seal("1234", "secret"), seal("1234", "secret")
    assert (one.salt != two.salt, one.nonce != two.nonce, one.box != two.box) == (True, True, True)


def test_what_was_changed_opens_with_no_pin() -> None:
    sealed = seal("1234", "secret")
    for changed in (
        structs.replace(sealed, salt=b"x" * 16),
        structs.replace(sealed, salt=b""),
        structs.replace(sealed, nonce=b"x" * 12),
        structs.replace(sealed, nonce=b""),
        structs.replace(sealed, box=sealed.box[:-1]),
        structs.replace(sealed, box=b""),
        structs.replace(sealed, passes=0),
        structs.replace(sealed, memory_kib=0),
        structs.replace(sealed, memory_kib=2**31),
        structs.replace(sealed, passes=10**6),
    ):
        assert unseal("1234", changed) is None


def test_the_real_cost_is_that_of_the_rfc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sealed = seal("1234", "secret")
    assert (sealed.memory_kib, sealed.passes) == (65536, 3) == (sealing.MEMORY_KIB, sealing.PASSES)
    assert unseal("1234", sealed) == "secret"

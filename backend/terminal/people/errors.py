"""Why somebody is not let in without a server, and when the file of those who are cannot be used."""

from pathlib import Path

from backend.model.errors import MostradorError


class NoGrant(MostradorError):
    """The server is away, and the person has no grant here that can be believed."""

    code = "no_grant"

    def __init__(self, user: str) -> None:
        message = (
            f"No server answers, and {user} has not signed in at this terminal lately; somebody who has must do it."
        )
        super().__init__(message, user=user)


class GrantExpired(MostradorError):
    """The person's last sign-in with a server is too long ago."""

    code = "grant_expired"

    def __init__(self, user: str) -> None:
        message = f"{user} signed in with a server more than 72 hours ago; sign in again when the server answers."
        super().__init__(message, user=user)


class StoreNotGranted(MostradorError):
    """The person does not work in that store."""

    code = "store_not_allowed"

    def __init__(self, store_id: str) -> None:
        super().__init__(f"You may not sign in at store {store_id}; choose another one.", store_id=store_id)


class ScopeNotGranted(MostradorError):
    """The person's role does not allow this."""

    code = "scope_missing"

    def __init__(self, user: str, scope: str) -> None:
        super().__init__(f"{user} may not approve this; it needs the right {scope}.", scope=scope)


class PinWrong(MostradorError):
    """The PIN does not open the person's grant."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("The name or the PIN is wrong; try again.")


class PinLocked(MostradorError):
    """Too many wrong PINs: nobody tries this person's for `retry_after` seconds."""

    code = "sign_in_locked"
    retryable = True

    def __init__(self, seconds: float) -> None:
        wait = 1 + int(seconds)
        super().__init__(f"Too many wrong PINs; try again in {wait} s.", retry_after=wait)


class PinSpent(MostradorError):
    """So many wrong PINs that only a server lets this person in again."""

    code = "offline_locked"

    def __init__(self, user: str) -> None:
        message = f"Too many wrong PINs: {user} can sign in here again when the server answers."
        super().__init__(message, user=user)


class PeopleUnusable(MostradorError):
    """The file cannot be written, so no failure could be counted and nobody is let in."""

    code = "people_unusable"

    def __init__(self, path: Path) -> None:
        message = f"The file {path} cannot be written: check the disk and the folder's rights."
        super().__init__(message, path=str(path))

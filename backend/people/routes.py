"""The people who may sign in. Secrets go in and never come out."""

from typing import Annotated, NamedTuple

from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from backend.auth.roles import EVERY_STORE
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.commanding import attempt
from backend.http.declaring import ONCE, WRITE
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.scopes import Scope

from .queries import Person, find_person, people_after
from .service import NewUser, People, UnknownUser, UserChange

_MANAGED = (*WRITE, "unknown_user", "store_not_allowed", "last_admin")


class UsersShape(Struct, frozen=True):
    """A page of users, by name."""

    users: list[Person]


class EndedShape(Struct, frozen=True):
    """How many sessions ended."""

    sessions: int


class _Place(NamedTuple):
    name: Annotated[str, Meta(max_length=64, pattern=r"^[^\x00]*$")]


def user_routes(db: Database, people: People) -> list[HTTPRouteHandler]:
    """/users"""

    @get("/users", scope=Scope.USERS_WRITE)
    async def list_users(request: ApiRequest, limit: Limit = 50, cursor: Cursor = None) -> Response[UsersShape]:
        """Returns the users who work in the caller's stores and in no other, by name; all for who may act in every
        store."""
        place = behind(cursor, _Place) or _Place("")
        stores = None if request.auth.allows_store(EVERY_STORE) else request.auth.stores
        async with reading(db) as connection:
            found = await people_after(connection, place.name, stores, limit + 1)
        shown, headers = page(request, found, limit, lambda person: _Place(person.name))
        return Response(UsersShape(list(shown)), headers=headers)

    @get("/users/{name:str}", scope=Scope.USERS_WRITE, problems=("unknown_user",))
    async def user(request: ApiRequest, name: FromPath[str]) -> Person:
        """Returns one user."""
        async with reading(db) as connection:
            person = await find_person(connection, name)
        if person is None or not all(map(request.auth.allows_store, person.stores or (EVERY_STORE,))):
            raise UnknownUser(name)
        return person

    @post(
        "/users",
        scope=Scope.USERS_WRITE,
        problems=(*ONCE, "store_not_allowed", "unknown_store", "user_taken"),
        example={"name": "ana", "display_name": "Ana Torres", "role": "clerk", "pin": "8351", "stores": ["292"]},
    )
    async def add(request: ApiRequest, data: JSONBody[NewUser]) -> Person:
        """Add a user who may do no more than the caller."""
        return await people.add(request.auth, request.origin(), data, attempt(request, data))

    @put(
        "/users/{name:str}",
        scope=Scope.USERS_WRITE,
        problems=(*_MANAGED, *ONCE, "unknown_store"),
        example={"role": "supervisor"},
    )
    async def change(request: ApiRequest, name: FromPath[str], data: JSONBody[UserChange]) -> Person:
        """Change a user; a new role, other stores or a new PIN end the user's sessions."""
        return await people.change(request.auth, request.origin(), name, data, attempt(request, data))

    @delete("/users/{name:str}", scope=Scope.USERS_WRITE, problems=_MANAGED)
    async def remove(request: ApiRequest, name: FromPath[str]) -> None:
        """Take a user away and end the user's sessions."""
        await people.remove(request.auth, request.origin(), name)

    @delete(
        "/users/{name:str}/sessions",
        scope=Scope.USERS_WRITE,
        problems=(*WRITE, "unknown_user", "store_not_allowed"),
        status_code=200,
    )
    async def sign_out(request: ApiRequest, name: FromPath[str]) -> EndedShape:
        """End all sessions of a user."""
        return EndedShape(await people.sign_out(request.auth, request.origin(), name))

    return [list_users, user, add, change, remove, sign_out]

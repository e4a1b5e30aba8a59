"""Count tasks over HTTP: the shelves on which something was not found."""

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from backend.database.engine import Database
from backend.documents.asking import STEP, StoreOf, asked_store, document_id, ensure_concerned
from backend.documents.queries import LATEST, Place
from backend.http.commanding import command_id
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.documents import Document
from backend.model.pickups import COUNT_TASK, CountTaskStatus
from backend.model.scopes import Scope
from backend.model.verbs.count_task_done import CountTaskDone

from .schemas import CountTaskDoneBody, CountTaskShape, CountTasksShape
from .service import Pickups


def count_task_routes(db: Database, pickups: Pickups) -> list[HTTPRouteHandler]:
    """/count-tasks"""

    async def found(request: ApiRequest, text: str) -> Document:
        """Returns the count task, if its store is the caller's."""
        task = await pickups.count_task(document_id(COUNT_TASK.name, text))
        ensure_concerned(request, task)
        return task

    @get("/count-tasks", scope=Scope.STOCK_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[CountTaskStatus | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[CountTasksShape]:
        """Returns the count tasks of a store, latest change first, in pages."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        statuses = tuple(CountTaskStatus) if status is None else (status,)
        shown, headers = page(request, await pickups.count_tasks(store, statuses, after, limit + 1), limit, Place.of)
        shapes = [CountTaskShape.of(task) for task in shown]
        return Response(CountTasksShape(store, shapes, len(shapes)), headers=headers)

    @get("/count-tasks/{count_task_id:str}", scope=Scope.STOCK_READ, problems=("unknown_document",))
    async def one(request: ApiRequest, count_task_id: FromPath[str]) -> CountTaskShape:
        """Returns a count task."""
        return CountTaskShape.of(await found(request, count_task_id))

    @post(
        "/count-tasks/{count_task_id:str}/done",
        scope=Scope.STOCK_WRITE,
        problems=STEP,
        example={"reason": "one was behind the shelf"},
        status_code=200,
    )
    async def done(
        request: ApiRequest, count_task_id: FromPath[str], data: JSONBody[CountTaskDoneBody]
    ) -> CountTaskShape:
        """Say that the shelf was counted. What the count changes is an adjustment of its own."""
        task = await found(request, count_task_id)
        id_ = command_id(request, data.id)
        command = CountTaskDone(id=id_, store_id=task.store_id, count_task_id=task.id, reason=data.reason)
        request.auth.require_store(command.store_id)
        return CountTaskShape.of(await pickups.count_task_done(command, request.auth.who))

    return [listed, one, done]

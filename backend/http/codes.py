"""Every problem that a client can meet, by its stable code: the status, what happened and what to do about it.

Statuses and sentences come from this table; tests hold docs/api.md and every error class of the server to it.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Meaning(Struct, frozen=True):
    """What a code means: `what` happened, how to `fix` it, and the example's sentence and typed fields."""

    status: int
    what: str
    fix: str
    detail: str
    """The sentence of the example; a real one names the caller's own values."""
    fields: Mapping[str, Any] = {}
    """The typed fields of the example, beside those that every problem has."""
    retryable: bool = False


_AGAIN = "Nothing happened. Send the same request with the same id again after the seconds in Retry-After."
_OPERATOR = "Nothing that a client can mend: report the request_id to whoever operates the server."
_FAILED = "The server failed at this request; report its request_id to whoever operates it."

PROBLEMS: dict[str, Meaning] = {
    # 400: the request cannot be right, whatever the state of the shop is.
    "invalid_input": Meaning(
        400,
        "A field or a parameter is missing, unknown or wrong.",
        "`field` names it and the sentence says what it must be. Correct the request; it will fail again as it is.",
        "store_id is missing; add it.",
        {"field": "store_id"},
    ),
    "invalid_quantity": Meaning(
        400,
        "A number of units or a duration is one that no command may hold.",
        "`field` names it. Quantities are whole numbers in the product's base unit.",
        "quantity must be at least 1.",
        {"field": "quantity"},
    ),
    "empty_basket": Meaning(
        400,
        "A command without lines.",
        "Send at least one line, or do not send the command.",
        "lines must have at least 1 entries.",
        {"field": "lines"},
    ),
    "money_mismatch": Meaning(
        400,
        "The amounts of the request do not agree with each other, or a discount has no reason.",
        "`field` names the amount and the sentence says what it must be. It never depends on stock.",
        "The tenders are 9.00 together, and the sale costs 9.50.",
        {"field": "tenders"},
    ),
    "malformed_json": Meaning(
        400,
        "The body is not JSON in UTF-8.",
        "Correct the program that made it: the sentence says where reading stopped.",
        "The body is not valid JSON: it ends too early.",
        {"field": "body"},
    ),
    "body_incomplete": Meaning(
        400,
        "The connection broke before the whole body had arrived.",
        "Send the request again, with the same id.",
        "The body did not arrive completely; send the request again.",
    ),
    "bad_request": Meaning(
        400,
        "The request is not one that the server understands.",
        "The sentence says what is wrong with it.",
        "The request could not be read.",
    ),
    "reason_not_allowed": Meaning(
        400,
        "The reason does not go with what is done: goods that were found do not leave, stolen ones do not come.",
        "`field` names it and the sentence lists the reasons that fit.",
        "found is no reason for this; reason_code may be one of damage, theft, expired.",
        {"field": "reason_code"},
    ),
    "command_not_approvable": Meaning(
        400,
        "The command of an approval is unknown, wrong, or of a kind that never waits for approval.",
        "Send the command as it would be sent to /commands, with the id and the store of the approval.",
        "The command of an approval must have the approval's id and store.",
        {"field": "command"},
    ),
    "transfer_short": Meaning(
        400,
        "The store that gives has less available than is to be moved. Nothing was moved.",
        "`lines` names every short line with what is available there now. Move less, or from elsewhere.",
        "Only 1 of 3 units of 818981 are available.",
        {"lines": [{"product_id": "818981", "requested": 3, "available": 1}]},
    ),
    "same_store": Meaning(
        400,
        "A transfer from a store to itself.",
        "Name the store that is to receive the goods in `to_store_id`.",
        "The goods are in store 292 already; name another store.",
        {"field": "to_store_id"},
    ),
    # 401 and 403: who asks, and what they may.
    "token_refused": Meaning(
        401,
        "There is no access token, or it is forged, expired, revoked or meant for something else.",
        "Sign in again and send the new token as `Authorization: Bearer <access_token>`.",
        "Your session has ended or is not valid; sign in again.",
    ),
    "terminal_removed": Meaning(
        401,
        "The terminal was removed from its store, or its key was revoked; all its sessions are over.",
        "Ask a supervisor for an enrolment code and enrol the terminal again. What waits in it is sent after that.",
        "This terminal was removed; ask a supervisor for a code and enrol it again.",
    ),
    "terminal_key_needed": Meaning(
        401,
        "The terminal that was named is enrolled, and its key was not shown.",
        "Sign in with its `terminal_key`; another machine names no terminal and gets an id of its own.",
        "Terminal T9 is enrolled and signs in with its key; enrol this one, or name no terminal.",
        {"terminal_id": "T9"},
    ),
    "key_refused": Meaning(
        401,
        "The API key is unknown, wrong, expired or revoked; which of these is not told.",
        "Send a valid one as `X-API-Key: <id>.<secret>`, or have a new one made.",
        "This API key is not valid; use one that is, or have a new one made.",
    ),
    "enrolment_refused": Meaning(
        401,
        "The enrolment code is wrong, was used already, or is older than 15 minutes.",
        "Type it again, or ask a supervisor for a new one.",
        "This enrolment code is not valid; ask a supervisor for a new one.",
    ),
    "enrolment_locked": Meaning(
        429,
        "Too many wrong enrolment codes came from this address.",
        "Wait as many seconds as `retry_after` and the header Retry-After say; each further failure doubles them.",
        "Too many wrong codes came from this address; try again in 15 s.",
        {"retry_after": 15},
        retryable=True,
    ),
    "sign_in_refused": Meaning(
        401,
        "The name or the secret is wrong; which of them is not told.",
        "Try again with the right ones.",
        "The name or the PIN is wrong; try again.",
    ),
    "sign_in_locked": Meaning(
        429,
        "Signing in failed too often with this name or from this address.",
        "Wait as many seconds as `retry_after` and the header Retry-After say; each further failure doubles them.",
        "Signing in failed too often with this name or from this address; try again in 15 s.",
        {"retry_after": 15},
        retryable=True,
    ),
    "scope_missing": Meaning(
        403,
        "The caller is known, but lacks the right that this needs.",
        "`scope` names the right; somebody whose role has it can do this.",
        "A clerk may not do this; it needs the right stock:write.",
        {"scope": "stock:write"},
    ),
    "store_not_allowed": Meaning(
        403,
        "The caller does not work in this store.",
        "Act in a store that the token names, or sign in as somebody who works there.",
        "You may not act in store 292; sign in with a user of that store.",
        {"store_id": "292"},
    ),
    "terminal_elsewhere": Meaning(
        403,
        "An enrolled terminal signs in at another store than its own.",
        "Sign in at the terminal's own store, or enrol the terminal in this one.",
        "Terminal T9 belongs to store 304; sign in there, or enrol it in this store.",
        {"terminal_id": "T9", "store_id": "304"},
    ),
    "price_not_allowed": Meaning(
        403,
        "A line of the sale has another price than the catalogue's, now or in the last seven days.",
        "Sell at the catalogue's price. Another one needs the right `prices:override` and a `price_reason`."
        " `prices` names every such line, counted from 0, with the price that was asked and the catalogue's.",
        "lines[0]: 818981 costs 3.69, not 0.01; sell at the catalogue's price, or ask for approval.",
        {
            "field": "lines[0].unit_price",
            "prices": [{"line": 0, "product_id": "818981", "asked_cents": 1, "price_cents": 369}],
        },
    ),
    "terminal_needed": Meaning(
        403,
        "Only a terminal can do this (an allotment, a sale with `offline`), and the caller is at none.",
        "Sign in at a terminal; or leave `offline` out, and sell what is there.",
        "Only a terminal has allotments; sign in at one.",
        {"field": "terminal_id"},
    ),
    "approval_needed": Meaning(
        403,
        "The caller may not do this alone: it needs the right `scope`, or the correction is above the store's limits.",
        "A settlement or a return is sent again under the same id, with the name and PIN of somebody who has the right"
        " `scope` as `approval`. A correction above the `limits` told here is sent to POST /api/v1/approvals"
        " with a new id: it waits there until somebody grants it, or takes effect at once with their `approval`.",
        "A refused sale above 20.00 is settled with a supervisor; send their name and PIN as approval.",
        {"field": "approval", "limit_cents": 2000, "scope": "sales:settle"},
    ),
    "own_approval": Meaning(
        403,
        "Who asked for an approval cannot grant it.",
        "Another person who has the right approvals:write in this store grants it.",
        "You asked for this yourself; another person has to approve it.",
        {"field": "approval_id"},
    ),
    # 404 and 405: what is not there.
    "unknown_store": Meaning(
        404,
        "No store has this id.",
        "Check the id: GET /api/v1/stores lists them all.",
        "There is no store 999; check the store id.",
        {"field": "store_id"},
    ),
    "unknown_product": Meaning(
        404,
        "No product has this id or SKU.",
        "Check the code, or add the product to the catalogue.",
        "There is no product 818981; check the code or add it to the catalogue.",
        {"field": "product_id"},
    ),
    "unknown_barcode": Meaning(
        404,
        "No product carries this barcode.",
        "Scan it again, or search the product by name.",
        "No product has the barcode 2000008189811; scan it again or search by name.",
        {"field": "barcode"},
    ),
    "unknown_price": Meaning(
        404,
        "No price of the product begins in that store at that moment.",
        "Read the list of its prices, and send `store_id` and `valid_from` as it has them.",
        "No price of 818981 in 292 begins then; read the list of its prices.",
        {"field": "valid_from"},
    ),
    "unknown_document": Meaning(
        404,
        "No document has this id, or it belongs to stores that are not the caller's.",
        "Check the id, and that the document is of the kind that the address names.",
        "There is no transfer 019a9f3e-0000-7000-8000-000000000000; it may belong to another store.",
        {"field": "transfer_id"},
    ),
    "wrong_status": Meaning(
        409,
        "The document is not at the step that this command continues.",
        "`state` is where it is. Read the document again and go on from there.",
        "This transfer is received; only one that is in_transit can do this.",
        {"state": "received"},
    ),
    "more_than_open": Meaning(
        409,
        "More units than the document has open at this step: asked for, on their way, or missing.",
        "`lines` names every line that is too much, with what is open as `available`. Say at most that.",
        "Only 3 units of 818981 are still on their way, not 5.",
        {"lines": [{"product_id": "818981", "requested": 5, "available": 3}], "field": "lines"},
    ),
    "suggestion_changed": Meaning(
        409,
        "What was accepted is not suggested any more, or not as much of it: stock moved, or somebody else accepted it.",
        "Nothing was opened. Read the suggestions again and choose from them; `suggested` is how many there are now.",
        "suggestions[0]: only 0 units of 818981 are suggested for store 292 in this way now; read them again.",
        {"field": "suggestions[0]", "product_id": "818981", "store_id": "292", "suggested": 0},
    ),
    "goods_in_flight": Meaning(
        422,
        "The transfer that is to be cancelled is on its way, and nobody said what becomes of its goods.",
        "Send `in_flight`: `restock` if they are back in the store that sent them, `write_off` if they are lost.",
        "The goods are on their way; say with in_flight whether they are back (restock) or lost (write_off).",
        {"field": "in_flight", "state": "in_transit"},
    ),
    "item_known": Meaning(
        409,
        "A delivery calls an item unknown that is in the catalogue.",
        "Receive it as a line of that product; `unknown` is for what the catalogue does not have.",
        "818981 is in the catalogue; receive it as a line of that product.",
        {"field": "code"},
    ),
    "not_counted": Meaning(
        409,
        "A product that is to be posted has not been counted in this count.",
        "Count it, or leave it out; nobody's silence says that a shelf is empty.",
        "818981 has not been counted yet; count it, or leave it out.",
        {"field": "products"},
    ),
    "unknown_reservation": Meaning(
        404,
        "No hold of the caller's stores has this id.",
        "Check the id. A hold of a store that is not the caller's is as unknown as none.",
        "There is no hold 0197a2b4-7c1e-7d3a-9f00-2b6c5d4e3f21; it may belong to another store.",
        {"field": "reservation_id"},
    ),
    "unknown_key": Meaning(
        404,
        "No API key of the caller's has this id.",
        "Check the id: GET /api/v1/keys lists them. A key that is revoked is gone.",
        "There is no key mk_0123456789abcdef; it may be revoked already.",
        {"field": "key_id"},
    ),
    "unknown_user": Meaning(
        404,
        "Nobody signs in with this name.",
        "Check the name: GET /api/v1/users lists them all.",
        "There is no user eva; check the name.",
        {"field": "name"},
    ),
    "unknown_terminal": Meaning(
        404,
        "The store has no terminal with this id.",
        "Check the id: GET /api/v1/terminals lists them.",
        "The store has no terminal T9; check the id.",
        {"field": "terminal_id"},
    ),
    "unknown_webhook": Meaning(
        404,
        "No webhook of the caller's stores has this id.",
        "Check the id: GET /api/v1/webhooks lists them.",
        "There is no webhook 0197a2b4c0de70008a52c1d3e5f60718; check the id.",
        {"field": "webhook_id"},
    ),
    "unknown_dead_letter": Meaning(
        404,
        "The webhook has no dead letter of this event.",
        "GET /api/v1/webhooks/{webhook_id}/dead-letters lists them; one that was replayed is not among them.",
        "The webhook has no dead letter 0197a2b4-c0de-7000-8a52-c1d3e5f60718; it may be on its way again already.",
        {"field": "event_id"},
    ),
    "unknown_sale": Meaning(
        404,
        "No sale of the caller's stores has this id or receipt number.",
        "Check it. What a terminal sold while it was offline is not there before the terminal has sent it.",
        "There is no sale T1-000042; it may belong to another store.",
        {"field": "receipt_number"},
    ),
    "unknown_route": Meaning(
        404,
        "There is nothing at this address.",
        "Check the address: /docs lists the routes.",
        "There is nothing at this address; /docs lists the routes.",
    ),
    "method_not_allowed": Meaning(
        405,
        "The address exists, but does not take this method.",
        "Use one of those that the header Allow names.",
        "DELETE is not possible at this address; it takes GET, OPTIONS.",
    ),
    # 409 and 422: what stock or state forbids.
    "insufficient_stock": Meaning(
        409,
        "Less is available than was asked for. Nothing was taken: a command is all or nothing.",
        "`lines` names every short line with what is available now. Ask for less, or elsewhere.",
        "Only 1 of 3 units of 818981 are available.",
        {"lines": [{"product_id": "818981", "requested": 3, "available": 1}]},
    ),
    "allotment_too_large": Meaning(
        409,
        "One terminal may not keep so many units of this product.",
        "Ask for fewer: GET /api/v1/stores/{store_id}/allotment-policies tells how many it may keep.",
        "A terminal may keep at most 20 units of 818981 in store 292, and this one keeps 0 others.",
        {"field": "quantity"},
    ),
    "stock_exists": Meaning(
        409,
        "The product has stock in this store already, perhaps of zero units.",
        "Set it with PUT, or change it with adjust.",
        "There is stock of 818981 in store 292 already; set or adjust it.",
        {"product_id": "818981", "store_id": "292"},
    ),
    "position_gone": Meaning(
        410,
        "The history does not reach back to this position, or it began anew.",
        "Read GET /events without a position for the `next` of now, then the state, then go on from that `next`.",
        "The history does not go back to this position; read the state once more, and go on from `next`.",
    ),
    "reservation_ended": Meaning(
        409,
        "The hold is over; somebody confirmed or cancelled it, or its time ran out.",
        "`state` says how it ended. If the units are still wanted, hold them again.",
        "This hold has already ended: it is expired.",
        {"state": "EXPIRED"},
    ),
    "reservation_not_due": Meaning(
        409,
        "The server asked itself to end a hold whose time has not run out.",
        "No client can cause this: the expiry loop alone sends that command.",
        "This hold is not due yet.",
    ),
    "terminal_enrolled": Meaning(
        409,
        "The terminal has its key already; a second one would let two machines say that they are it.",
        "Remove the terminal first, which revokes its key; or choose another id.",
        "Terminal T9 is enrolled already; remove it first, or choose another id.",
    ),
    "sku_taken": Meaning(
        409,
        "Another product has this SKU.",
        "Choose another SKU, or change the product that has it.",
        "Another product has the SKU 818981; choose another.",
        {"field": "sku"},
    ),
    "barcode_taken": Meaning(
        409,
        "Another product has this barcode.",
        "Check the barcode: one code can mean only one product.",
        "Another product has the barcode 2000008189811; check it.",
        {"field": "barcode"},
    ),
    "product_in_use": Meaning(
        409,
        "The product has stock in a store, or had some: its history must stay provable.",
        "Keep the product and set its stock to 0.",
        "818981 has stock or had some, which must stay provable; keep it and set its stock to 0.",
        {"product_id": "818981"},
    ),
    "user_taken": Meaning(
        409,
        "Somebody signs in with this name already.",
        "Choose another name, or change the user that there is.",
        "There is a user ana already; choose another name.",
        {"field": "name"},
    ),
    "last_admin": Meaning(
        409,
        "The user is the only admin; without one nobody could manage users any more.",
        "Make somebody else an admin first.",
        "root is the last admin; make somebody else one first.",
    ),
    "more_than_sold": Meaning(
        409,
        "More units than the receipt has that have not come back yet. Nothing was taken back.",
        "`lines` names every product that is too much, with what can still come back as `available`.",
        "Only 1 units of 818981 can still come back, not 2.",
        {"lines": [{"product_id": "818981", "requested": 2, "available": 1}], "field": "lines"},
    ),
    "refund_too_high": Meaning(
        409,
        "More money than was paid for the units that come back.",
        "Give back at most the amount in the sentence, or send `refund_by` and let the server work it out.",
        "At most 3.69 was paid for these units; 4.00 cannot be given back.",
        {"field": "refund"},
    ),
    "sale_returned": Meaning(
        409,
        "Units of the sale have come back already, so it cannot be voided as a whole.",
        "Return the units that are left, line by line.",
        "Units of this sale have come back already; return the others one by one.",
        {"field": "sale_id", "state": "partly_returned"},
    ),
    "void_too_late": Meaning(
        409,
        "The sale is of another day of its store.",
        "Return its lines instead; the sale stays as it was.",
        "This sale is of 2026-11-23; a sale is voided on its own day. Return its lines instead.",
        {"field": "sale_id"},
    ),
    "shift_open": Meaning(
        409,
        "The terminal has a shift that is open.",
        "Close it first; `state` is its id.",
        "Terminal T1 has the open shift 0197a2b4-c0de-7000-8a52-c1d3e5f60718; close it first.",
        {"field": "terminal_id", "state": "0197a2b4-c0de-7000-8a52-c1d3e5f60718"},
    ),
    "receipt_taken": Meaning(
        409,
        "The store already has a sale with this receipt number.",
        "If it is the same sale, send it with its own id; otherwise use the next number of your series.",
        "Receipt T1-000042 is already taken in this store.",
        {"field": "receipt_number"},
    ),
    "sequence_taken": Meaning(
        409,
        "Another act of this terminal has the number already: its file was copied, or restored from a backup.",
        "Send the same commands again under the next number of the terminal's journal; nothing of them was done.",
        "The act 17 of this terminal is another one already; send it under the next number.",
        {"field": "X-Terminal-Acts"},
    ),
    "still_running": Meaning(
        409,
        "A request with the same Idempotency-Key is being answered at this moment.",
        "Send the same request with the same key after the seconds in Retry-After: it gets the first one's answer.",
        "The same request is still running; send it again in a second for its answer.",
        retryable=True,
    ),
    "key_reused": Meaning(
        422,
        "This Idempotency-Key came before, with another body or at another address.",
        "Make a new key for each new request; send the same key only with the same request.",
        "This Idempotency-Key was used for another request; make a new one for each.",
        {"field": "Idempotency-Key"},
    ),
    "command_too_old": Meaning(
        409,
        "The command's id was made more than 400 days ago, and no such command is recorded (any more).",
        "If it never took effect, send it with a new id; else there is nothing to do.",
        "The command id 0192… is older than 400 days; if it never took effect, send it with a new id.",
        {"field": "id"},
    ),
    "command_reused": Meaning(
        422,
        "This id was used before for a command with other content.",
        "Make a new id for each new command; send the same id only with the same content.",
        "This id was used for another command; make a new one.",
    ),
    # 412 and 428: what the caller has seen.
    "version_moved": Meaning(
        412,
        "What was to be changed is not as the caller has seen it: somebody changed it meanwhile.",
        "`current` is what there is now and `etag` its tag. Decide again on that, and send the change with that tag.",
        "It has changed since you read it and is at version 8 now; look at it and send the change again.",
        {
            "current": {"product_id": "818981", "store_id": "292", "quantity": 10, "version": 8},
            "etag": '"8-0a1b2c3d4e5f"',
        },
    ),
    "precondition_required": Meaning(
        428,
        "This write must say what the caller has seen, so that it undoes nobody's work.",
        "Read it first, and send the ETag of that answer as the header If-Match.",
        "This needs the header If-Match; send the ETag that GET gave you.",
        {"header": "If-Match"},
    ),
    # 413, 414, 431: too much.
    "address_too_long": Meaning(
        414,
        "The path and the query together have more bytes than any route takes.",
        "Ask for less at once; 8,192 are allowed. What is long belongs into a body.",
        "The address may have at most 8192 bytes; ask for less at once.",
        {"limit": 8192},
    ),
    "headers_too_large": Meaning(
        431,
        "The headers together have more bytes than the server takes.",
        "Send fewer or shorter ones; 32 KiB are allowed. Often a proxy has added them.",
        "The headers may have at most 32768 bytes together; send fewer.",
        {"limit": 32768},
    ),
    "body_too_large": Meaning(
        413,
        "The body has more bytes than this route takes.",
        "Send less at once: 256 KiB, and 8 MiB on the batch route.",
        "The request's body is too large; send fewer commands at once.",
    ),
    "unsupported_media_type": Meaning(
        415,
        "The body is of another type than JSON, as its Content-Type says.",
        "Send JSON, and the header Content-Type: application/json.",
        "The body is application/x-www-form-urlencoded; send JSON, with Content-Type: application/json.",
        {"field": "Content-Type"},
    ),
    "request_timeout": Meaning(
        408,
        "The head of the request took more than 10 seconds to arrive, or its body more than 30.",
        "Nothing happened. Send it again, at once as a whole; larger work in several requests.",
        "The body did not arrive within 30 s; send the request again.",
        retryable=True,
    ),
    # 429: too often.
    "too_many_connections": Meaning(
        429,
        "The address has as many connections open as one may have.",
        "Keep connections and send the next request on one of them, or wait until some are closed.",
        "This address has 2000 connections open; use one of them, or close some.",
        {"limit": 2000},
        retryable=True,
    ),
    "rate_limited": Meaning(
        429,
        "The caller, or the address it calls from, has sent more requests than it may in a minute.",
        "Wait the seconds of Retry-After, then send the same request again. `policy` names the limit that was met; the"
        " header RateLimit-Policy tells all limits, RateLimit what is left. Many commands go into one batch.",
        "More than 6000 requests in 60 seconds; send this one again in 7 s.",
        {"policy": "caller", "limit": 6000, "window_seconds": 60, "retry_after": 7},
        retryable=True,
    ),
    "too_many_streams": Meaning(
        429,
        "The caller holds as many event streams on this server as one may.",
        "Close one, or follow all kinds of a store in one stream; `limit` says how many there may be.",
        "You hold 20 event streams already; close one, or follow all kinds of a store in one.",
        {"limit": 20, "retry_after": 5},
        retryable=True,
    ),
    # 500 and 503: the server's own.
    "internal_error": Meaning(500, "The server failed at this request.", _OPERATOR, _FAILED),
    "not_recorded": Meaning(
        500,
        "The command could not be stored, and had no effect.",
        _OPERATOR,
        "This command could not be stored; it had no effect.",
    ),
    "database_damaged": Meaning(500, "The database is not whole.", _OPERATOR, _FAILED),
    "database_refused": Meaning(500, "The database does not let the server in.", _OPERATOR, _FAILED),
    "data_not_writable": Meaning(500, "The database cannot be written.", _OPERATOR, _FAILED),
    "disk_full": Meaning(
        503,
        "The database has no room to write; reads are still answered.",
        "Nothing happened. Send the same request with the same id again; it is taken once the operator has made room.",
        "The server's database has no room to write now; send the same request again later.",
        retryable=True,
    ),
    "events_away": Meaning(
        503,
        "The history of events cannot be read now, or this server has none.",
        "Ask again after the seconds in Retry-After; the state itself can be read over HTTP at any time.",
        "Events cannot be read now; ask again in a moment, or read the state over HTTP.",
        retryable=True,
    ),
    "too_slow": Meaning(
        503,
        "An event stream was not read as fast as events came. It is told by the stream's last event, `dropped`.",
        "Connect again with the last `id`, which loses nothing; follow one `kind` if that is too much.",
        "This stream was not read as fast as events came; connect again, with the last id.",
        retryable=True,
    ),
    "busy": Meaning(
        503, "Too many commands wait already.", _AGAIN, "The server has too much to do; try again.", retryable=True
    ),
    "shutting_down": Meaning(
        503, "This server is stopping.", _AGAIN, "The server is stopping; try again.", retryable=True
    ),
    "database_away": Meaning(
        503,
        "The database does not answer now.",
        _AGAIN,
        "The server's database does not answer now; send the same request again in a moment.",
        retryable=True,
    ),
}


def title_of(code: str) -> str:
    """Returns the code in words."""
    return code.replace("_", " ").capitalize()


def page_of(code: str) -> str:
    """Returns the address of the code's page: the `type` of its problems, relative to this server (RFC 9457, 3.1.1)."""
    return f"/problems/{code}"

"""The sell screen, key by key."""

import asyncio

import pytest
from textual.widgets import Input

from backend.model.stock import StockRow
from backend.terminal.checkout import Outcome
from backend.terminal.lines import State

from .conftest import LARGE, SMALL, Opening

MILK, BANANAS, EGGS, OIL = "2000000010410", "2000000010427", "2000000010434", "2000000010441"


async def test_type_add_change_and_finish(counter: Opening) -> None:
    async with counter() as c:
        await c.press(*"milk")
        await c.shows("Whole milk", "Milk chocolate", "2 of 2 found")
        await c.press("down", "up", "down", "enter")
        await c.shows("HOLD 15:00", "TOTAL · 1 line · 1 unit")
        await c.press("+", "+")
        await c.settled()
        assert c.desk.cart.units == 3
        await c.press("-")
        await c.settled()
        assert c.desk.cart.total_cents == 238
        await c.press("f9")
        await c.shows("✓ SOLD", "292-T1-000001", "2.38")
        assert c.message == "Receipt 292-T1-000001: 2.38 sold."
        assert [x.quantity for x in c.server.sales[0].lines] == [2]


async def test_a_scan_adds_from_any_state_and_leaves_the_entry_as_it_was(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.until(lambda: c.desk.cart.units == 1)
        await c.press("4", "*")
        c.scan(EGGS)
        await c.until(lambda: len(c.desk.cart.lines) == 2)
        assert c.desk.cart.lines[1].quantity == 4
        assert MILK not in c.text
        await c.shows("Scan, or type a name")


@pytest.mark.slow
async def test_many_scans_in_a_row_are_all_counted(counter: Opening) -> None:
    async with counter() as c:
        for code in [MILK, BANANAS] * 10:
            c.scan(code)
        await c.until(lambda: c.desk.cart.units == 20)
        await c.settled()
        assert [line.state(c.desk.now) for line in c.desk.cart.lines] == [State.HELD, State.HELD]
        assert (c.server.available("1041"), c.server.available("1042")) == (0, 0)


async def test_a_programmed_prefix_makes_anything_a_scan(counter: Opening) -> None:
    async with counter() as c:
        await c.press("ctrl+b", *"20000", *"00010410", "enter")
        await c.until(lambda: c.desk.cart.units == 1)


@pytest.mark.slow
async def test_void_undo_and_the_quantity_before_enter(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        c.scan(BANANAS)
        await c.until(lambda: len(c.desk.cart.lines) == 2)
        await c.press(*"6*", "enter")
        await c.settled()
        assert [line.quantity for line in c.desk.cart.lines] == [1, 6]
        await c.press("up", "delete")
        await c.settled()
        assert [line.product.id for line in c.desk.cart.lines] == ["1042"]
        await c.press("ctrl+z", "ctrl+z")
        await c.settled()
        assert [(line.product.id, line.quantity) for line in c.desk.cart.lines] == [("1041", 1), ("1042", 1)]


async def test_plus_minus_and_delete_belong_to_the_entry_while_something_is_typed(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.until(lambda: c.desk.cart.units == 1)
        await c.press(*"a+b-c", "left", "delete")
        assert c.app.screen.query_one("#entry").value == "a+b-"  # type: ignore[attr-defined]
        assert c.desk.cart.units == 1


async def test_escape_goes_back_one_step_and_never_throws_a_sale_away_unasked(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.until(lambda: c.desk.cart.units == 1)
        await c.press("m", "escape")
        assert c.desk.cart.units == 1
        await c.press("escape")
        await c.shows("Throw this sale away?")
        await c.press("enter")
        await c.on("SellScreen")
        await c.press("escape")
        await c.press("escape")
        await c.on("SellScreen")
        assert c.desk.cart.units == 1
        await c.press("escape")
        await c.press("delete")
        await c.until(lambda: not c.desk.cart.lines)
        await c.settled()
        assert c.server.live_holds == 0
        assert c.message == "The sale was thrown away and its units given back."


async def test_a_question_refuses_scans_aloud_and_takes_no_enter_from_them(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.until(lambda: c.desk.cart.units == 1)
        await c.press("escape")
        await c.on("Ask")
        c.scan(BANANAS)
        await c.until(lambda: "Answer the question first" in c.message)
        assert type(c.app.screen).__name__ == "Ask"
        assert c.desk.cart.units == 1


async def test_another_terminals_sale_moves_the_number_at_once(counter: Opening) -> None:
    async with counter() as c:
        c.scan(EGGS)
        await c.shows("1 available here", "Other stores: 8 available")
        row = c.server.books.stock["406", "1043"]
        sold = type(row)("406", "1043", on_hand=4, version=row.version + 1)
        await c.bus.publish(sold)
        await c.shows("Other stores: 5 available")


async def test_a_hold_counts_down_expires_and_is_held_again_by_enter(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.shows("HOLD 15:00")
        c.pass_time(14 * 60 + 1)
        await c.shows("▲ ENDS 00:59")
        await c.says("Whole milk: its hold ends in less than a minute. Any key keeps it.")
        c.pass_time(60)
        await c.shows("✗ EXPIRED", "Enter Hold again")
        await c.says("Whole milk: its hold has ended, others can sell the units. Enter holds it again.")
        await c.press("enter")
        await c.shows("HOLD 15:00")
        assert c.server.live_holds == 1


@pytest.mark.slow
async def test_keys_keep_the_holds_alive(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.shows("HOLD 15:00")
        c.pass_time(8 * 60)
        await c.press("down")
        await c.until(lambda: c.desk.cart.lines[0].hold and c.desk.cart.lines[0].hold.deadline > c.seconds + 800)


QUANTITY = "is no quantity: type a whole number from 1 to 1,000,000, like 3*."
BAD_KEYS = {
    (*"0*milk", "enter"): f"0 {QUANTITY}",
    (*"1.5*", "enter"): f"1.5 {QUANTITY}",
    (*"-2*milk", "enter"): f"-2 {QUANTITY}",
    (*"9999999*milk", "enter"): f"9999999 {QUANTITY}",
    (*"5*", "enter"): "There is no line to change yet: scan a product first.",
    (*"zzz", "enter"): "Nothing matches “zzz”: try fewer letters, or the SKU.",
    ("f9",): "There is nothing to sell yet: scan a product or type its name.",
    ("ctrl+z",): "There is nothing to take back.",
    ("ctrl+c",): "Press ctrl+q to quit.",
}
BAD_SCANS = {
    "2000000010411": "2000000010411 was misread, its check digit is wrong: scan it again.",
    "123456": "123456 is no whole barcode, it needs 8, 12, 13 or 14 digits: scan it again.",
    "4006381333931": "No product has the barcode 4006381333931: type its name instead.",
}


@pytest.mark.slow
async def test_bad_input_gets_one_sentence_that_says_what_to_do(counter: Opening) -> None:
    async with counter() as c:
        for keys, said in BAD_KEYS.items():
            await c.press(*keys)
            await c.says(said)
            await c.press("ctrl+u")
        for code, said in BAD_SCANS.items():
            c.scan(code)
            await c.says(said)
        assert c.desk.cart.lines == []


async def test_a_scan_behind_an_impossible_quantity_is_not_taken(counter: Opening) -> None:
    async with counter() as c:
        await c.press(*"0*")
        c.scan(MILK)
        await c.until(lambda: c.message == f"0 {QUANTITY}")
        assert c.desk.cart.lines == []


@pytest.mark.slow
async def test_short_stock_names_what_is_here_and_where_there_is_more(counter: Opening) -> None:
    async with counter(lang="es") as c:
        await c.press(*"5*")
        c.scan(EGGS)
        await c.until(lambda: "solo hay 2" in c.message)
        assert c.message.endswith("aquí solo hay 2; = lleva 2. En otras: Old Town 7 · North Gate 1.")
        await c.shows("▲ SOLO 2", "= Llevar lo que hay")
        await c.press("f9")
        await c.until(lambda: "pide 5 y aquí hay 2" in c.message)
        assert c.server.sales == []


async def test_a_server_that_is_away_is_told_and_nothing_is_lost(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.shows("HOLD 15:00")
        c.server.away = True
        await c.press("+")
        await c.shows("○ OFFLINE", "The server does not answer")
        await c.press("f9")
        await c.shows("KEPT, NOT SENT YET", "1 QUEUED", "292-T1-000001")
        c.server.away = False
        await c.shows("✓ SOLD", "● ONLINE")
        assert [x.quantity for x in c.server.sales[0].lines] == [2]
        assert c.desk.checkout.queued == 0


@pytest.mark.slow
async def test_a_session_that_ends_asks_for_the_pin_and_the_sale_goes_on(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.shows("HOLD 15:00")
        c.server.session_over = True
        await c.press("+")
        await c.on("SignInScreen")
        await c.shows("Your session has ended. Enter your PIN and the sale goes on.")
        await c.press(*"1234", "enter")
        await c.on("SellScreen")
        await c.settled()
        assert c.desk.cart.units == 2
        assert c.desk.cart.lines[0].state(c.desk.now) is State.HELD


@pytest.mark.slow
async def test_a_refused_sale_is_a_conflict_until_a_person_settles_it(counter: Opening) -> None:
    async with counter() as c:
        await c.press(*"oil")
        await c.shows("Olive oil")
        c.server.away = True
        await c.press("enter", "f9")
        await c.shows("KEPT, NOT SENT YET")
        c.server.away = False
        await c.shows("✗ REFUSED BY THE SERVER", "1 CONFLICT", "F10 Conflicts")
        await c.press("f10")
        await c.shows(
            "Sales the server refused",
            "292-T1-000001",
            "Olive oil, extra virgin, first cold pressed: 1 sold, 0 in the ledger",
        )
        await c.press("f9")
        await c.until(lambda: c.desk.checkout.conflicts and c.desk.checkout.queued == 0)
        await c.press("alt+q")
        await c.on("ConflictsScreen")
        await c.press("delete")
        await c.on("SettleScreen")
        await c.shows("Settle a refused sale", "292-T1-000001, 12.95", "F9 Settle")
        await c.press("escape")
        await c.on("ConflictsScreen")
        assert len(c.desk.checkout.conflicts) == 1
        await c.press("delete")
        await c.on("SettleScreen")
        await c.press("down", "down", *"shelf was empty", "f9")
        await c.on("SellScreen")
        assert c.desk.checkout.conflicts == []
        [settled] = c.server.settled.values()
        assert (settled["receipt_number"], settled["reason"]) == ("292-T1-000001", "written_off")
        assert "REFUSED" not in c.text


@pytest.mark.slow
async def test_above_a_clerks_limit_a_supervisor_is_asked_for(counter: Opening) -> None:
    async with counter(lang="es") as c:
        await c.press(*"milk")
        await c.shows("Whole milk")
        c.server.away = True
        c.server.books.stock["292", "1045"] = StockRow("292", "1045", on_hand=0, version=9)
        await c.press("enter", *"20*", "enter", "f9")
        await c.until(lambda: c.desk.checkout.queued == 1)
        c.server.away = False
        await c.until(lambda: c.desk.checkout.conflicts)
        await c.press("f10")
        await c.shows("Milk chocolate: 20")
        await c.press("delete")
        await c.on("SettleScreen")
        await c.shows("Encargado", "30,00", "F9 Resolver")
        await c.press("f9")
        await c.shows("Un encargado debe autorizarlo")
        await c.press("shift+tab", *"va todo", "tab", *"luis", "enter", *"9999", "f9")  # at once
        await c.shows("El usuario o el PIN no es correcto")
        assert "9999" not in c.text
        fields = {field.id: field.value for field in c.app.screen.query(Input)}
        assert fields == {"settle-note": "va todo", "settle-user": "luis", "settle-pin": ""}
        await c.press(*"1234", "f9")
        await c.on("SellScreen")
        [settled] = c.server.settled.values()
        assert (settled["settled_by"], settled["approved_by"]) == ("ana", "luis")


@pytest.mark.slow
async def test_leaving_the_counter_signs_out_and_gives_everything_back(counter: Opening) -> None:
    async with counter() as c:
        await c.press("escape")
        await c.shows("Leave the counter?")
        await c.press("delete")
        await c.on("SignInScreen")
        assert c.app.shared.desk is None
        await c.sign_in()


@pytest.mark.slow
async def test_quitting_asks_when_a_sale_is_open(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.shows("HOLD 15:00")
        await c.press("ctrl+q")
        await c.shows("Quit with a sale open?")
        await c.press("delete")
        await c.until(lambda: not c.app.is_running)
    assert c.server.live_holds == 0


@pytest.mark.slow
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_only_keys_that_work_now_are_offered(counter: Opening, size: tuple[int, int]) -> None:
    async with counter(size) as c:
        bar = c.text.splitlines()[-1]
        assert "F9" not in bar
        assert "Del" not in bar
        assert bar.endswith("F1 Help")
        c.scan(MILK)
        await c.shows("F9 Finish", "Del Void", "F1 Help")
        await c.press("m")
        await c.shows("Enter Add")
        assert "Del Void" not in c.text


@pytest.mark.slow
async def test_help_and_palette_speak_the_language_of_the_screens(counter: Opening) -> None:
    async with counter(LARGE, lang="es") as c:
        c.scan(MILK)
        await c.shows("RESERVA 15:00")
        await c.press("alt+k")
        await c.shows("F9 · alt+p", "Terminar la venta", "El escáner sirve desde cualquier campo")
        await c.press("escape")
        await c.press("ctrl+p")
        await c.shows("Buscar una orden…", "Cobrar", "Anular")
        await c.press(*"cobrar")
        await c.until(lambda: "Anular la línea" not in c.text)
        await c.press("enter")
        await c.until(lambda: c.desk.checkout.receipt and c.desk.checkout.receipt.outcome is Outcome.SOLD)


async def test_a_keymap_gives_an_action_another_key(counter: Opening) -> None:
    async with counter() as c:
        c.app.set_keymap({"finish": "f7"})
        c.scan(MILK)
        await c.shows("HOLD 15:00")
        await c.press("f7")
        await c.shows("✓ SOLD")


async def test_the_mark_follows_what_was_touched_last(counter: Opening) -> None:
    async with counter() as c:
        for code in (MILK, BANANAS, MILK):
            c.scan(code)
        await c.until(lambda: c.desk.cart.units == 3)
        await c.press("+")
        await c.says("Whole milk: the quantity is 3 now.")
        await c.press("-", "-", "-")
        await c.says("Whole milk voided; its units are given back.")
        assert [line.product.id for line in c.desk.cart.lines] == ["1042"]
        await c.press("ctrl+z", "+")
        await c.says("Whole milk: the quantity is 2 now.")
        c.scan(BANANAS)
        await c.until(lambda: c.desk.cart.units == 4)
        await c.press(*"3*", "enter")
        await c.says("Bananas: the quantity is 3 now.")


async def test_delete_voids_the_line_that_a_refusal_names(counter: Opening) -> None:
    async with counter() as c:
        c.server.gate = asyncio.Event()
        for code in (OIL, MILK, BANANAS):
            c.scan(code)
        await c.until(lambda: len(c.desk.cart.lines) == 3)
        c.server.gate.set()
        await c.until(lambda: c.message.startswith("Olive oil, extra virgin, first cold pressed: none available here"))
        await c.press("down", "f9")
        await c.until(lambda: c.message.startswith("Olive oil") and "Del" in c.message)
        await c.press("delete")
        await c.says("Olive oil, extra virgin, first cold pressed voided; its units are given back.")


async def test_a_line_that_is_short_is_lowered_to_what_there_is_by_one_key(counter: Opening) -> None:
    async with counter() as c:
        await c.press(*"5*")
        c.scan(EGGS)
        await c.shows("▲ ONLY 2", "= Take what is here")
        c.scan(MILK)
        await c.until(lambda: len(c.desk.cart.lines) == 2)
        await c.press("=")
        await c.says("Brown eggs, free range: the quantity is 2 now.")
        await c.settled()
        assert [line.state(c.desk.now) for line in c.desk.cart.lines] == [State.HELD, State.HELD]
        assert "= Take" not in c.text
        await c.press("+")
        await c.until(lambda: "only 2 here, 3 asked; = takes 2." in c.message)
        await c.press("=", "f9")
        await c.shows("✓ SOLD")


async def test_what_is_not_there_at_all_is_offered_to_be_voided(counter: Opening) -> None:
    async with counter() as c:
        c.scan(OIL)
        await c.until(lambda: "none available here; Del voids it." in c.message)
        assert "= Take" not in c.text
        await c.press("f9")
        await c.until(lambda: c.message.endswith("1 asked, none here. Del voids the line."))


async def test_digits_that_are_no_barcode_are_taken_for_a_sku_then_for_text(counter: Opening) -> None:
    async with counter() as c:
        await c.press(*"2*")
        c.scan("8189811")
        await c.until(lambda: c.desk.cart.units == 2)
        assert c.desk.cart.lines[0].product.name == "Sparkling water [lime]"
        await c.press("ctrl+b", *"S1041", "enter")
        await c.until(lambda: c.desk.cart.units == 3)
        c.scan("200000001")
        await c.says("“200000001” is no whole code: choose the product and press Enter.")
        await c.shows("6 of 6 found", "› 200000001")
        await c.press("enter")
        await c.until(lambda: c.desk.cart.units == 4)


async def test_results_beyond_the_first_page_are_reached_with_the_keys_for_pages(counter: Opening) -> None:
    async with counter() as c:
        c.server.shelf = 120
        await c.press(*"shelf")
        await c.shows("50 of 120 found", "Shelf 001")
        await c.press("pagedown")
        await c.shows("▸ Shelf 013")
        await c.press("end")
        await c.shows("100 of 120 found", "▸ Shelf 050")
        await c.press("end")
        await c.shows("120 of 120 found", "▸ Shelf 100")
        await c.press("end")
        await c.shows("▸ Shelf 120")
        await c.press("pageup", "enter")
        await c.until(lambda: c.desk.cart.units == 1)
        assert c.desk.cart.lines[0].product.name == "Shelf 108"
        await c.press(*"shelf")
        await c.shows("50 of 120 found")
        await c.press("end", "home", "enter")
        await c.until(lambda: c.desk.cart.units == 2)
        assert c.desk.cart.lines[1].product.name == "Shelf 001"


async def test_a_key_keeps_the_holds_that_are_about_to_end(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        c.scan(BANANAS)
        await c.until(lambda: c.desk.cart.units == 2)
        await c.settled()
        c.pass_time(14 * 60 + 30)
        await c.says("2 lines: their holds end in less than a minute. Any key keeps them.")
        await c.press("down")
        await c.shows("HOLD 15:00")
        assert "ENDS" not in c.text


async def test_under_a_dialog_the_key_bar_shows_the_dialogs_keys(counter: Opening) -> None:
    async with counter() as c:
        c.scan(MILK)
        await c.shows("F9 Finish")
        await c.press("escape")
        await c.until(lambda: c.text.splitlines()[-1].strip() == "Esc Keep the sale  Del Throw it away")
        await c.press("escape")
        await c.press("f1")
        await c.until(lambda: c.text.splitlines()[-1].strip() == "Esc Back")
        c.scan(BANANAS)
        await c.says("Close this page with Esc first; the scan was not taken.")
        await c.press("escape")
        await c.shows("F9 Finish")


async def test_the_bar_keeps_the_keys_that_the_message_names(counter: Opening) -> None:
    async with counter(lang="es") as c:
        c.scan(MILK)
        await c.until(lambda: c.desk.cart.units == 1)
        await c.press(*"5*")
        c.scan(EGGS)
        await c.until(lambda: "= lleva 2" in c.message)
        await c.press("f9")
        await c.until(lambda: "= lleva 2; Supr anula la línea." in c.message)
        assert c.text.splitlines()[-1].startswith(" = Llevar lo que hay  Supr Anular")
        await c.press("ctrl+c")
        await c.until(lambda: c.text.splitlines()[-1].startswith(" ctrl+q Salir"))


async def test_spanish_counts_one_unit_as_one(counter: Opening) -> None:
    async with counter(lang="es") as c:
        c.scan(EGGS)
        await c.shows("1 disponible aquí", "1 reservada")

"""A receipt as the bytes that an ESC/POS printer takes. The library is loaded only when something is printed."""

from .paper import Paper
from .text import lines_of


def bytes_of(paper: Paper, *, copy: bool = False, opens_drawer: bool = False) -> bytes:
    """Returns what a printer of 80 mm paper is sent: the text, and the cut; on the way it `opens_drawer`.

    Letters that the printer's code pages have not are replaced.
    """
    from escpos.printer import Dummy

    printer = Dummy()
    printer.hw("INIT")
    if opens_drawer:
        printer.cashdraw(2)
    for line in lines_of(paper, copy=copy):
        printer.text(f"{line}\n")
    printer.cut()
    return bytes(printer.output)
